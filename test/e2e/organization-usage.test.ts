import OpenAI, { BadRequestError, PermissionDeniedError, toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { errorOf } from '../support/calls.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

/**
 * The official SDK's `admin.organization.usage.*` and `costs`, and the requests of Elastic's OpenAI integration, against
 * a Metertap that known calls went through. What they read is what the records say, to the token and the nano-dollar.
 */
const RESEARCH = 'key-of-research-0001';
const SALES = 'key-of-sales-000001';
const DAY_S = 86_400;
const HOUR_MS = 3_600_000;
/** Eleven in the morning of the first of four days. */
const FIRST_MS = Date.UTC(2026, 10, 18, 11);
const START = Date.UTC(2026, 10, 18) / 1_000;

let nowMs = FIRST_MS;
let simulator: Simulator;
let proxy: TestProxy;
let admin: OpenAI;
let records: Record<string, unknown>[];

function clientOf(apiKey: string, run: string): OpenAI {
  return new OpenAI({ apiKey, baseURL: proxy.baseUrl, maxRetries: 0, defaultHeaders: { 'x-metertap-run-id': run } });
}

async function chat(client: OpenAI, user: string | null, counts: Readonly<Record<string, string>> = {}) {
  const messages = [{ role: 'user' as const, content: 'Say hello.' }];
  const options = { headers: { ...counts, ...(user === null ? {} : { 'x-metertap-user': user }) } };
  return client.chat.completions.create({ model: 'gpt-5-mini', messages }, options);
}

/** Three days with calls, the third day of the four without any. */
async function makeCalls(): Promise<void> {
  const research = clientOf(RESEARCH, 'nightly');
  const sales = clientOf(SALES, 'pitch');
  const detailed = {
    'x-sim-input-tokens': '5000',
    'x-sim-cached-tokens': '1800',
    'x-sim-cache-write-tokens': '200',
    'x-sim-output-tokens': '1000',
  };
  await chat(research, 'ada', detailed);
  await chat(research, null, { 'x-sim-input-tokens': '700' });
  await chat(sales, 'bob');
  await research.embeddings.create({ model: 'text-embedding-3-small', input: 'some text' });
  nowMs += 24 * HOUR_MS;
  await research.responses.create({ model: 'gpt-5', input: 'Say hello.' });
  await sales.images.generate({ model: 'gpt-image-1', prompt: 'an owl', n: 3 });
  await sales.images.edit({ model: 'gpt-image-1', prompt: 'an owl', n: 2, image: await png() });
  await sales.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'Hello, owl.' });
  await sales.audio.transcriptions.create({ model: 'whisper-1', file: await toFile(Buffer.alloc(48_000), 'a.wav') });
  await research.moderations.create({ input: 'some text' });
  await decide();
  await chat(sales, 'ada', { 'x-sim-status': '500' }).catch(() => undefined);
  nowMs += 48 * HOUR_MS;
  await chat(sales, 'ada', detailed);
}

const png = () => toFile(Buffer.from('not looked at'), 'owl.png', { type: 'image/png' });

async function decide(): Promise<void> {
  const answer = await fetch(`${proxy.baseUrl}/decisions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${RESEARCH}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-5', input: 'Is it day?' }),
  });
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
}

beforeAll(async () => {
  simulator = await createSimulator({ port: 0 });
  const yaml = `
auth: { mode: keys }
upstreams: [{ name: sim, base_url: "${simulator.baseUrl}", api_key: sk-upstream }]
teams: [{ id: research, name: Research }]
keys:
  - { id: r1, team: research, key: ${RESEARCH} }
  - { id: s1, team: sales, key: ${SALES}, disabled: false }
prices: [{ provider: sim, model: "*", input_per_mtok: "2", cached_input_per_mtok: "1", output_per_mtok: "8" }]
rates: { management_per_minute: 100000 }`;
  const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() };
  proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml, clock });
  admin = new OpenAI({ apiKey: 'unused', adminAPIKey: proxy.adminKey, baseURL: proxy.baseUrl, maxRetries: 0 });
  await makeCalls();
  records = await proxy.records();
});

afterAll(async () => {
  await proxy.close();
  await simulator.close();
});

type Page = Awaited<ReturnType<OpenAI['admin']['organization']['usage']['completions']>>;
type Bucket = Page['data'][number];

/** All buckets, page by page. */
async function allBuckets(
  ask: (page: string | undefined) => Promise<Page>,
): Promise<{ buckets: Bucket[]; pages: number }> {
  const buckets: Bucket[] = [];
  let page: string | undefined;
  for (let pages = 1; ; pages++) {
    const answer = await ask(page);
    expect(answer.object).toBe('page');
    expect(answer.has_more).toBe(answer.next_page !== null);
    buckets.push(...answer.data);
    if (answer.next_page === null) return { buckets, pages };
    page = answer.next_page;
  }
}

const resultsOf = (buckets: readonly { readonly results: readonly unknown[] }[]) =>
  buckets.flatMap((bucket) => bucket.results.map(asRecord));

const COMPLETIONS = ['chat/completions', 'responses'];
const ofEndpoints = (...endpoints: string[]) =>
  records.filter((record) => endpoints.includes(String(record['endpoint'])) && record['usage'] !== null);

function sumOf(some: readonly Record<string, unknown>[], name: string): number {
  return some.reduce((sum, record) => sum + Number(asRecord(record['usage'])[name]), 0);
}

const total = (results: readonly Record<string, unknown>[], name: string) =>
  results.reduce((sum, result) => sum + Number(result[name]), 0);

describe('admin.organization.usage.completions', () => {
  it('gives a bucket for each day until today, empty ones too, and their sums', async () => {
    const { data, has_more, next_page } = await admin.admin.organization.usage.completions({ start_time: START });
    expect([has_more, next_page]).toEqual([false, null]);
    expect(data.map((bucket) => [bucket.object, bucket.start_time, bucket.end_time])).toEqual(
      [0, 1, 2, 3].map((day) => ['bucket', START + day * DAY_S, START + (day + 1) * DAY_S]),
    );
    expect(data[2]?.results).toEqual([]);
    expect(data[3]?.results).toEqual([
      {
        object: 'organization.usage.completions.result',
        input_tokens: 5000,
        output_tokens: 1000,
        num_model_requests: 1,
        input_cached_tokens: 1800,
        input_cache_write_tokens: 200,
        input_cache_write_30m_tokens: 0,
        input_cache_write_12h_tokens: 0,
        input_uncached_tokens: 3000,
        input_text_tokens: 3000,
        input_cached_text_tokens: 1800,
        output_text_tokens: 1000,
        input_audio_tokens: 0,
        input_cached_audio_tokens: 0,
        output_audio_tokens: 0,
        input_image_tokens: 0,
        input_cached_image_tokens: 0,
        output_image_tokens: 0,
        project_id: null,
        user_id: null,
        api_key_id: null,
        model: null,
        batch: null,
        service_tier: null,
        api_source: null,
      },
    ]);
  });

  it.each([[[]], [['project_id']], [['user_id']], [['model', 'api_key_id']], [['run_id']]])(
    'sums to the records when grouped by %j, a bucket at a time',
    async (groups) => {
      // `run_id` is ours; the types of the SDK do not know it.
      const group_by: never[] = JSON.parse(JSON.stringify(groups));
      for (const [bucket_width, limit, least] of [
        ['1d', 1, 4],
        ['1h', 7, 10],
        ['1m', 1440, 4],
      ] as const) {
        const { buckets, pages } = await allBuckets((page) =>
          admin.admin.organization.usage.completions({
            start_time: START,
            bucket_width,
            limit,
            group_by,
            ...(page === undefined ? {} : { page }),
          }),
        );
        expect(pages).toBeGreaterThanOrEqual(least);
        const results = resultsOf(buckets);
        const made = ofEndpoints(...COMPLETIONS);
        expect(total(results, 'num_model_requests')).toBe(made.length);
        expect(total(results, 'input_tokens')).toBe(sumOf(made, 'input_tokens'));
        expect(total(results, 'output_tokens')).toBe(sumOf(made, 'output_tokens'));
        expect(total(results, 'input_cached_tokens')).toBe(sumOf(made, 'cache_read_tokens'));
        for (const result of results) expectIdentities(result);
      }
    },
  );

  it('tells users apart, and calls of nobody', async () => {
    const { data } = await admin.admin.organization.usage.completions({ start_time: START, group_by: ['user_id'] });
    expect(resultsOf(data.slice(0, 1)).map((result) => [result['user_id'], result['num_model_requests']])).toEqual([
      [null, 1],
      ['ada', 1],
      ['bob', 1],
    ]);
  });

  it('is narrowed by projects, keys, users, models and batch', async () => {
    const { usage } = admin.admin.organization;
    const requests = async (query: object) => {
      const { data } = await usage.completions({ start_time: START, ...query });
      return total(resultsOf(data), 'num_model_requests');
    };
    const all = ofEndpoints(...COMPLETIONS).length;
    expect(await requests({ project_ids: ['sales'] })).toBe(2);
    expect(await requests({ project_ids: ['sales', 'research'] })).toBe(all);
    expect(await requests({ api_key_ids: ['r1'] })).toBe(3);
    expect(await requests({ user_ids: ['ada'], project_ids: ['research'] })).toBe(1);
    expect(await requests({ models: ['gpt-5-2025-08-07'] })).toBe(1);
    expect(await requests({ batch: true })).toBe(0);
    expect(await requests({ batch: false })).toBe(all);
    expect(await requests({ run_ids: ['pitch'] })).toBe(2);
  });
});

/** standards.md 1.1: what is a part adds up to its whole. */
function expectIdentities(result: Record<string, unknown>): void {
  const sum = (...names: string[]) => names.reduce((total, name) => total + Number(result[name]), 0);
  const { input_tokens, input_uncached_tokens, input_cached_tokens, output_tokens } = result;
  expect(sum('input_uncached_tokens', 'input_cached_tokens', 'input_cache_write_tokens')).toBe(input_tokens);
  expect(sum('input_text_tokens', 'input_audio_tokens', 'input_image_tokens')).toBe(input_uncached_tokens);
  expect(sum('input_cached_text_tokens', 'input_cached_audio_tokens', 'input_cached_image_tokens')).toBe(
    input_cached_tokens,
  );
  expect(sum('output_text_tokens', 'output_audio_tokens', 'output_image_tokens')).toBe(output_tokens);
}

describe('the other usage methods of the SDK', () => {
  const query = { start_time: START, limit: 31 };

  it('embeddings, decisions', async () => {
    const { usage } = admin.admin.organization;
    const embeddings = resultsOf((await usage.embeddings(query)).data);
    expect(embeddings).toEqual([
      {
        object: 'organization.usage.embeddings.result',
        input_tokens: sumOf(ofEndpoints('embeddings'), 'input_tokens'),
        num_model_requests: 1,
        project_id: null,
        user_id: null,
        api_key_id: null,
        model: null,
      },
    ]);
    const decisions = resultsOf((await usage.decisions({ ...query, group_by: ['batch', 'model'] })).data);
    expect(decisions).toMatchObject([
      { object: 'organization.usage.decisions.result', num_model_requests: 1, batch: false, model: 'gpt-5-2025-08-07' },
    ]);
    expect(decisions[0]?.['input_tokens']).toBe(sumOf(ofEndpoints('decisions'), 'input_tokens'));
  });

  it('images by source', async () => {
    const { usage } = admin.admin.organization;
    const bySource = resultsOf((await usage.images({ ...query, group_by: ['source', 'size'] })).data);
    expect(bySource.map((result) => [result['source'], result['images'], result['size']])).toEqual([
      ['image.edit', 2, null],
      ['image.generation', 3, null],
    ]);
    const edits = resultsOf((await usage.images({ ...query, sources: ['image.edit'] })).data);
    expect(edits).toMatchObject([{ object: 'organization.usage.images.result', images: 2, num_model_requests: 1 }]);
    expect(resultsOf((await usage.images({ ...query, sizes: ['1024x1024'] })).data)).toEqual([]);
  });

  it('speeches in characters, transcriptions in seconds', async () => {
    const { usage } = admin.admin.organization;
    expect(resultsOf((await usage.audioSpeeches(query)).data)).toMatchObject([
      { object: 'organization.usage.audio_speeches.result', characters: 'Hello, owl.'.length, num_model_requests: 1 },
    ]);
    expect(resultsOf((await usage.audioTranscriptions(query)).data)).toMatchObject([
      { object: 'organization.usage.audio_transcriptions.result', seconds: 3, num_model_requests: 1 },
    ]);
  });

  it('answer empty buckets for what Metertap does not meter', async () => {
    const { usage } = admin.admin.organization;
    const answers = [
      await usage.moderations(query),
      await usage.vectorStores({ ...query, group_by: ['project_id'] }),
      await usage.codeInterpreterSessions(query),
      await usage.fileSearchCalls({ ...query, group_by: ['vector_store_id'] }),
      await usage.webSearchCalls({ ...query, group_by: ['context_level'] }),
    ];
    for (const { data, object } of answers) {
      expect([object, data.length, resultsOf(data).length]).toEqual(['page', 4, 0]);
    }
  });
});

describe('admin.organization.usage.costs', () => {
  it.each([[[]], [['project_id']], [['api_key_id', 'user_id']]])(
    'sum to the records when grouped by %j, page by page',
    async (groups) => {
      const group_by: never[] = JSON.parse(JSON.stringify(groups));
      const { buckets, pages } = await allBuckets((page) =>
        admin.admin.organization.usage.costs({
          start_time: START,
          limit: 1,
          group_by,
          ...(page === undefined ? {} : { page }),
        }),
      );
      expect(pages).toBe(4);
      const results = resultsOf(buckets);
      for (const result of results) {
        expect(result).toMatchObject({ object: 'organization.costs.result', line_item: null, quantity: null });
        expect(asRecord(result['amount'])['currency']).toBe('usd');
      }
      const nano = results.reduce(
        (sum, result) => sum + Math.round(Number(asRecord(result['amount'])['value']) * 1e9),
        0,
      );
      expect(nano).toBe(records.reduce((sum, record) => sum + Number(record['cost_nano_usd'] ?? 0), 0));
    },
  );

  it('come as line items that add up to them', async () => {
    const { usage } = admin.admin.organization;
    const query = { start_time: START, group_by: ['line_item' as const, 'project_id' as const] };
    const lines = resultsOf((await usage.costs(query)).data);
    const detailed = lines.filter(
      (line) => String(line['line_item']).startsWith('gpt-5-mini') && line['quantity'] === 1800,
    );
    expect(
      detailed.map((line) => [line['line_item'], line['project_id'], line['quantity_unit'], line['amount']]),
    ).toEqual([
      ['gpt-5-mini-2026-02-01, cached_input_tokens', 'research', 'tokens', { value: 0.0018, currency: 'usd' }],
      ['gpt-5-mini-2026-02-01, cached_input_tokens', 'sales', 'tokens', { value: 0.0018, currency: 'usd' }],
    ]);
    const nanoOf = (results: readonly Record<string, unknown>[]) =>
      results.reduce((sum, result) => sum + Math.round(Number(asRecord(result['amount'])['value']) * 1e9), 0);
    expect(nanoOf(lines)).toBe(records.reduce((sum, record) => sum + Number(record['cost_nano_usd'] ?? 0), 0));
    const chosen = ['gpt-5-mini-2026-02-01, cached_input_tokens', 'gpt-5-2025-08-07, output_tokens'];
    const narrowed = resultsOf((await usage.costs({ start_time: START, line_items: chosen })).data);
    expect(nanoOf(narrowed)).toBe(nanoOf(lines.filter((line) => chosen.includes(String(line['line_item'])))));
    expect(narrowed.every((result) => result['line_item'] === null)).toBe(true);
  });

  it('agree with the management API and the runs', async () => {
    const { data } = await admin.admin.organization.usage.costs({ start_time: START, group_by: ['project_id'] });
    const results = resultsOf(data).filter((result) => result['project_id'] === 'sales');
    const value = results.reduce((sum, result) => sum + Number(asRecord(result['amount'])['value']), 0).toFixed(9);
    const range = 'start_time=2026-11-18&end_time=2026-11-22';
    const usage = await proxy.ask(`/api/v1/usage?bucket=1d&team=sales&${range}`);
    const nano = asList(usage['data'])
      .flatMap((bucket) => asList(asRecord(bucket)['results']).map(asRecord))
      .reduce((sum, result) => sum + Math.round(Number(result['cost_usd']) * 1e9), 0);
    expect((nano / 1e9).toFixed(9)).toBe(value);
    expect((await proxy.ask('/api/v1/runs/pitch?team=sales'))['cost_usd']).toBe(value);
  });
});

it("answers Elastic's requests: groups parted by commas, and the next page as it comes", async () => {
  const seen: Record<string, unknown>[] = [];
  let page: unknown = null;
  do {
    const query = new URLSearchParams({
      start_time: String(FIRST_MS / 1_000 - 100),
      bucket_width: '1h',
      group_by: 'project_id,user_id,api_key_id,model,batch',
    });
    if (typeof page === 'string') query.set('page', page);
    const body = await proxy.ask(`/v1/organization/usage/completions?${query}`);
    for (const bucket of asList(body['data']).map(asRecord)) {
      const { start_time, end_time } = bucket;
      expect(Number(end_time)).toBeGreaterThan(Number(start_time));
      seen.push(...asList(bucket['results']).map(asRecord));
    }
    page = body['has_more'] === true ? body['next_page'] : null;
  } while (page !== null);
  expect(total(seen, 'num_model_requests')).toBe(ofEndpoints(...COMPLETIONS).length);
  expect(seen.every((result) => result['batch'] === false && result['project_id'] !== null)).toBe(true);
});

describe('the spellings of lists', () => {
  it.each([
    'group_by=project_id,model',
    'group_by=project_id&group_by=model',
    'group_by[]=project_id&group_by[]=model',
    'group_by%5B%5D=project_id&group_by%5B%5D=model',
    'group_by[0]=project_id&group_by[1]=model',
    'group_by%5B0%5D=project_id&group_by%5B1%5D=model',
  ])('%s', async (list) => {
    const body = await proxy.ask(`/v1/organization/usage/completions?start_time=${START}&${list}`);
    const results = asList(body['data']).flatMap((bucket) => asList(asRecord(bucket)['results']).map(asRecord));
    expect(results.length).toBeGreaterThan(2);
    expect(results.every((result) => result['project_id'] !== null && result['model'] !== null)).toBe(true);
    expect(results.every((result) => result['user_id'] === null)).toBe(true);
  });
});

describe('who asks', () => {
  it('sees, with the key of a team, its own data only', async () => {
    const team = new OpenAI({ apiKey: 'unused', adminAPIKey: SALES, baseURL: proxy.baseUrl, maxRetries: 0 });
    const { data } = await team.admin.organization.usage.completions({ start_time: START, group_by: ['project_id'] });
    expect(new Set(resultsOf(data).map((result) => result['project_id']))).toEqual(new Set(['sales']));
    const costs = await team.admin.organization.usage.costs({ start_time: START, group_by: ['project_id'] });
    expect(new Set(resultsOf(costs.data).map((result) => result['project_id']))).toEqual(new Set(['sales']));
    const refused = team.admin.organization.usage.costs({ start_time: START, project_ids: ['research'] });
    await expect(refused).rejects.toThrow(PermissionDeniedError);
    const projects = await team.admin.organization.projects.list();
    expect(projects.data.map((project) => project.id)).toEqual(['sales']);
    await expect(team.admin.organization.adminAPIKeys.list()).rejects.toThrow(PermissionDeniedError);
  });

  it('is refused without a key that is valid here', async () => {
    const answer = await fetch(`${proxy.baseUrl}/organization/costs?start_time=0`, {
      headers: { authorization: 'Bearer sk-upstream' },
    });
    expect([answer.status, errorOf(await answer.text())['code']]).toEqual([401, 'invalid_api_key']);
  });
});

describe('what the SDK lists', () => {
  it('projects, one project, and its keys, which are never shown', async () => {
    const { projects } = admin.admin.organization;
    const listed = [];
    for await (const project of projects.list({ limit: 1 })) listed.push([project.id, project.name, project.object]);
    expect(listed).toEqual([
      ['research', 'Research', 'organization.project'],
      ['sales', 'sales', 'organization.project'],
    ]);
    expect(await projects.retrieve('research')).toMatchObject({ id: 'research', status: 'active' });
    const keys = await projects.apiKeys.list('sales');
    expect(keys.data).toMatchObject([
      { object: 'organization.project.api_key', id: 's1', owner_project_access: 'active', last_used_at: null },
    ]);
    expect(JSON.stringify(keys)).not.toContain(SALES);
    await expect(projects.retrieve('nobody')).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });

  it('users that calls named, and the admin key', async () => {
    const users = await admin.admin.organization.users.list();
    expect(users.data.map((user) => [user.id, user.added_at])).toEqual([
      ['ada', START],
      ['bob', START],
    ]);
    const keys = await admin.admin.organization.adminAPIKeys.list();
    expect(keys.data).toMatchObject([{ object: 'organization.admin_api_key', id: 'admin' }]);
    expect(JSON.stringify(keys)).not.toContain(proxy.adminKey);
  });
});

it('refuses what OpenAI refuses, in its envelope', async () => {
  const bad = admin.admin.organization.usage.completions({ start_time: START, limit: 32 });
  await expect(bad).rejects.toThrow(BadRequestError);
  await expect(bad).rejects.toMatchObject({ param: 'limit', code: 'invalid_parameter' });
});

it.each([
  ['GET', '/v1/organization/usage', 'unknown_url'],
  ['POST', '/v1/organization/usage/completions', 'unknown_url'],
  ['GET', '/v1/%6Frganization/users/ada', 'unknown_url'],
  ['GET', '/run/nightly/v1/organization/costs?start_time=0', 'unknown_url'],
])('has nothing at %s %s, and forwards it nowhere', async (method, path, code) => {
  const before = await seenRequests();
  const answer = await fetch(`${proxy.url}${path}`, { method, headers: { authorization: `Bearer ${proxy.adminKey}` } });
  expect([answer.status, errorOf(await answer.text())['code']]).toEqual([404, code]);
  expect(await seenRequests()).toBe(before);
});

async function seenRequests(): Promise<number> {
  const answer = await fetch(simulator.baseUrl.replace(/\/v1$/, '/__sim/requests'));
  return JSON.stringify(await answer.json()).length;
}
