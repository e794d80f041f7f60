import { describe, expect, it } from 'vitest';
import { makeCallRecord, makeFailedRecord, makeUsage } from '../../support/make-call-record.ts';
import { ADMIN, makeManagementApp, RESEARCH } from './management-app.ts';

const get = (url: string, headers = ADMIN) => ({ method: 'GET', url, headers }) as const;
const USAGE = '/v1/organization/usage/completions';
const COSTS = '/v1/organization/costs';
/** The day of the records that `makeCallRecord` makes, and its noon, when the first of them begins. */
const DAY = Date.UTC(2026, 10, 22) / 1_000;
const NOON = DAY + 12 * 3_600;

const records = [
  makeCallRecord(1, { user: 'ada' }),
  makeCallRecord(2, { run_id: 'b', usage_source: 'estimated' }),
  makeCallRecord(3, { team: 'other', service_tier: 'flex' }),
  makeFailedRecord(4),
  makeCallRecord(5, { cost_nano_usd: null, team: 'unpriced' }),
];

async function results(url: string, headers = ADMIN, given = records) {
  const { app } = makeManagementApp(given);
  const answer = (await app.inject(get(url, headers))).json();
  return answer.data.flatMap((bucket: { results: unknown[] }) => bucket.results);
}

describe('GET /v1/organization/usage/*', () => {
  it('counts reported tokens, and estimated ones where they are wanted', async () => {
    expect(await results(`${USAGE}?start_time=${DAY}`)).toMatchObject([{ num_model_requests: 4, input_tokens: 300 }]);
    const asked = `${USAGE}?start_time=${DAY}&include_estimated=true`;
    expect(await results(asked)).toMatchObject([{ num_model_requests: 4, input_tokens: 400 }]);
  });

  it('leaves out groups of nothing but failed calls', async () => {
    expect(await results(`${USAGE}?start_time=${DAY}`, ADMIN, [makeFailedRecord(1)])).toEqual([]);
  });

  it('shows the run only where it is asked for', async () => {
    const [plain] = await results(`${USAGE}?start_time=${DAY}`);
    expect(Object.keys(plain)).not.toContain('run_id');
    const byRun = await results(`${USAGE}?start_time=${DAY}&group_by=run_id&run_ids=b`);
    expect(byRun).toMatchObject([{ run_id: 'b', num_model_requests: 1 }]);
  });

  it('groups by what every call here has alike', async () => {
    const asked = `${USAGE}?start_time=${DAY}&group_by=batch,api_source,service_tier`;
    expect(await results(asked)).toMatchObject([
      { batch: false, api_source: 'unlabeled', service_tier: 'default', num_model_requests: 3 },
      { batch: false, api_source: 'unlabeled', service_tier: 'flex', num_model_requests: 1 },
    ]);
  });

  it('begins with the minute of start_time and ends with end_time', async () => {
    const { app } = makeManagementApp(records);
    const whole = (await app.inject(get(`${USAGE}?start_time=${NOON + 90}&end_time=${NOON + 7_200}`))).json();
    expect(whole.data).toMatchObject([{ start_time: NOON + 60, end_time: NOON + 7_200, results: [] }]);
    const hours = (await app.inject(get(`${USAGE}?start_time=${NOON - 60}&bucket_width=1h`))).json();
    expect(hours.data.map((bucket: { start_time: number }) => bucket.start_time)).toEqual([
      NOON - 60,
      NOON,
      NOON + 3_600,
      NOON + 7_200,
      NOON + 10_800,
    ]);
  });

  it('takes ISO 8601 too, and gives nothing for the future', async () => {
    const { app } = makeManagementApp(records);
    const today = (await app.inject(get(`${USAGE}?start_time=2026-11-22&end_time=2036-11-22`))).json();
    expect([today.data.length, today.has_more]).toEqual([1, false]);
    const tomorrow = (await app.inject(get(`${USAGE}?start_time=2026-11-24`))).json();
    expect(tomorrow).toEqual({ object: 'page', data: [], has_more: false, next_page: null });
  });

  it('answers all of time page by page, each of a bounded number of buckets', async () => {
    const { app } = makeManagementApp(records);
    const first = (await app.inject(get(`${USAGE}?start_time=0&limit=31`))).json();
    expect(first.data).toHaveLength(31);
    expect(first.next_page).toMatch(/^page_/);
    const second = (await app.inject(get(`${USAGE}?start_time=0&limit=31&page=${first.next_page}`))).json();
    expect(second.data[0].start_time).toBe(31 * 86_400);
  });

  it('tells web searches, and nothing where there are none', async () => {
    const searching = makeCallRecord(1, { usage: makeUsage({ details: { web_search_requests: 3 } }) });
    const asked = `/v1/organization/usage/web_search_calls?start_time=${DAY}`;
    expect(await results(asked, ADMIN, [searching, makeCallRecord(2)])).toMatchObject([
      { object: 'organization.usage.web_searches.result', num_requests: 3, num_model_requests: 1, context_level: null },
    ]);
    expect(await results(asked)).toEqual([]);
  });

  it('shows the owner of a key its own team only', async () => {
    expect(await results(`${USAGE}?start_time=${DAY}&group_by=project_id`, RESEARCH)).toMatchObject([
      { project_id: 'research', num_model_requests: 2 },
    ]);
    const { app } = makeManagementApp(records);
    const refused = await app.inject(get(`${USAGE}?start_time=${DAY}&project_ids=other`, RESEARCH));
    expect([refused.statusCode, refused.json().error]).toMatchObject([
      403,
      { code: 'permission_denied', param: 'project_ids' },
    ]);
  });
});

describe('GET /v1/organization/costs', () => {
  it('leaves out what has no price, which is not free', async () => {
    expect(await results(`${COSTS}?start_time=${DAY}&group_by=project_id`)).toEqual([
      {
        object: 'organization.costs.result',
        amount: { value: 0.002, currency: 'usd' },
        line_item: null,
        quantity: null,
        quantity_unit: null,
        project_id: 'research',
        user_id: null,
        api_key_id: null,
        api_source: null,
      },
      expect.objectContaining({ project_id: 'other', amount: { value: 0.001, currency: 'usd' } }),
    ]);
  });
});

describe('line items', () => {
  const split = makeCallRecord(1, {
    cost_nano_usd: 1_000,
    cost_input_nano_usd: 600,
    cost_cache_read_nano_usd: 0,
    cost_cache_write_nano_usd: 0,
    cost_output_nano_usd: 300,
  });
  const names = (lines: readonly { line_item: string; amount: { value: number } }[]) =>
    lines.map((line) => [line.line_item, line.amount.value]);

  it('have what was for no tokens, and what nobody split, apart', async () => {
    const lines = await results(`${COSTS}?start_time=${DAY}&group_by=line_item`, ADMIN, [split]);
    expect(names(lines)).toEqual([
      ['gpt-5-mini-2026-02-01, input_tokens', 6e-7],
      ['gpt-5-mini-2026-02-01, output_tokens', 3e-7],
      ['gpt-5-mini-2026-02-01, other', 1e-7],
    ]);
    expect(lines[2]).toMatchObject({ quantity: null, quantity_unit: null });
  });

  it.each([
    'line_items=gpt-5-mini-2026-02-01, output_tokens',
    'line_items[]=gpt-5-mini-2026-02-01, output_tokens',
    'line_items=nothing, other,gpt-5-mini-2026-02-01, output_tokens',
  ])('are chosen by their whole names: %s', async (chosen) => {
    const asked = `${COSTS}?start_time=${DAY}&${encodeURI(chosen)}`;
    expect(await results(asked, ADMIN, [split, split])).toMatchObject([{ line_item: null, amount: { value: 3e-7 } }]);
  });
});

describe('what is refused', () => {
  it.each([
    [USAGE, '', 'start_time'],
    [USAGE, 'start_time=yesterday', 'start_time'],
    [USAGE, 'start_time=1763783192973', 'start_time'],
    [USAGE, 'start_time=-1', 'start_time'],
    [USAGE, 'start_time=200&end_time=100', 'end_time'],
    [USAGE, 'start_time=200&end_time=200', 'end_time'],
    [USAGE, 'start_time=0&bucket_width=5m', 'bucket_width'],
    [USAGE, 'start_time=0&group_by=colour', 'group_by'],
    [USAGE, 'start_time=0&group_by[]=model&group_by[]=line_item', 'group_by'],
    [USAGE, 'start_time=0&batch=maybe', 'batch'],
    [USAGE, 'start_time=0&limit=0', 'limit'],
    [USAGE, 'start_time=0&limit=32', 'limit'],
    [USAGE, 'start_time=0&limit=169&bucket_width=1h', 'limit'],
    [USAGE, 'start_time=0&limit=1441&bucket_width=1m', 'limit'],
    [USAGE, 'start_time=0&limit=all', 'limit'],
    [USAGE, 'start_time=0&page=page_AAAA', 'page'],
    [USAGE, 'start_time=0&page=nothing', 'page'],
    [USAGE, 'start_time=0&colour=red', 'colour'],
    [USAGE, 'start_time=0&models=', 'models'],
    [COSTS, 'start_time=0&bucket_width=1h', 'bucket_width'],
    [COSTS, 'start_time=0&limit=181', 'limit'],
    [COSTS, 'start_time=0&models=gpt-5', 'models'],
    ['/v1/organization/usage/embeddings', 'start_time=0&batch=true', 'batch'],
    ['/v1/organization/usage/embeddings', 'start_time=0&group_by=service_tier', 'group_by'],
    ['/v1/organization/usage/images', 'start_time=0&sources=image.dream', 'sources'],
    ['/v1/organization/usage/images', 'start_time=0&sizes=1x1', 'sizes'],
    ['/v1/organization/usage/web_search_calls', 'start_time=0&context_levels=none', 'context_levels'],
    ['/v1/organization/usage/vector_stores', 'start_time=0&group_by=model', 'group_by'],
    ['/v1/organization/projects', 'limit=101', 'limit'],
    ['/v1/organization/users', 'after=nobody', 'after'],
  ])('%s?%s', async (path, query, param) => {
    const { app } = makeManagementApp(records);
    const answer = await app.inject(get(`${path}?${query}`));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatchObject({ type: 'invalid_request_error', code: 'invalid_parameter', param });
  });

  it('a cursor of another query, of another endpoint, or of another reader', async () => {
    const { app } = makeManagementApp(records);
    const { next_page } = (await app.inject(get(`${USAGE}?start_time=0&group_by=model`))).json();
    const same = await app.inject(get(`${USAGE}?start_time=0&group_by=model&limit=3&page=${next_page}`));
    expect(same.statusCode).toBe(200);
    for (const [url, headers] of [
      [`${USAGE}?start_time=0&page=${next_page}`, ADMIN],
      [`${USAGE}?start_time=60&group_by=model&page=${next_page}`, ADMIN],
      [`${USAGE}?start_time=0&group_by=model&models=x&page=${next_page}`, ADMIN],
      [`${USAGE}?start_time=0&group_by=model&bucket_width=1h&page=${next_page}`, ADMIN],
      [`/v1/organization/usage/decisions?start_time=0&group_by=model&page=${next_page}`, ADMIN],
      [`${COSTS}?start_time=0&page=${next_page}`, ADMIN],
      [`${USAGE}?start_time=0&group_by=model&page=${next_page}`, RESEARCH],
    ] as const) {
      const answer = await app.inject(get(url, headers));
      expect([answer.statusCode, answer.json().error]).toMatchObject([
        400,
        { param: 'page', code: 'invalid_parameter' },
      ]);
    }
  });

  it('says which groups there are', async () => {
    const { app } = makeManagementApp();
    const { error } = (await app.inject(get(`${USAGE}?start_time=0&group_by=colour`))).json();
    expect(error.message).toContain('project_id, user_id, api_key_id, model, batch, service_tier, api_source, run_id');
  });
});
