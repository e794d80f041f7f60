import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { CHAT, errorOf, postWhole } from '../support/calls.ts';
import { csvObjects } from '../support/parse-csv.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

const RESEARCH = 'key-of-research-0001';
const SALES = 'key-of-sales-000001';
const ADMIN = 'the-configured-admin-key';
const UNPRICED = { ...CHAT, model: 'no-price-model' };

let simulator: Simulator;
let proxy: TestProxy;
let records: Record<string, unknown>[];

/** Calls of two teams: priced, cached, unpriced, streamed, with tools, failed, cut, without usage, and named oddly. */
const CALLS: readonly (readonly [string, string, object, Readonly<Record<string, string>>])[] = [
  [RESEARCH, 'chat/completions', CHAT, { 'x-metertap-run-id': 'nightly', 'x-metertap-agent': 'planner' }],
  [RESEARCH, 'chat/completions', { ...CHAT, stream: true }, { 'x-sim-tool-calls': '2', 'x-sim-reasoning-tokens': '3' }],
  [RESEARCH, 'chat/completions', CHAT, { 'x-sim-input-tokens': '1234567', 'x-sim-cached-tokens': '1000001' }],
  [RESEARCH, 'chat/completions', CHAT, { 'x-sim-input-tokens': '900', 'x-sim-cache-write-tokens': '77' }],
  [RESEARCH, 'responses', { model: 'gpt-5', input: 'Say hello.' }, { 'x-metertap-session-id': 's1' }],
  [RESEARCH, 'embeddings', { model: 'text-embedding-3-small', input: 'some text' }, {}],
  [RESEARCH, 'chat/completions', UNPRICED, { 'x-sim-any-model': '1' }],
  [RESEARCH, 'chat/completions', CHAT, { 'x-sim-status': '500' }],
  [RESEARCH, 'chat/completions', { ...CHAT, stream: true }, { 'x-sim-cut-after': '2' }],
  [RESEARCH, 'chat/completions', { ...CHAT, stream: true }, { 'x-sim-no-usage': '1' }],
  [RESEARCH, 'chat/completions', CHAT, { 'x-metertap-agent': '=1+1', 'x-metertap-user': 'a "b", c', 'x-run-id': "'r" }],
  [SALES, 'chat/completions', CHAT, { 'x-metertap-run-id': 'nightly', 'x-metertap-tags': 'project=apollo,stage==x' }],
  [SALES, 'chat/completions', { ...CHAT, service_tier: 'flex' }, { 'x-metertap-agent': '-2' }],
];

beforeAll(async () => {
  simulator = await createSimulator({ port: 0 });
  const yaml = `
upstreams: [{ name: openai, base_url: "${simulator.baseUrl}", api_key: sk-upstream }]
keys:
  - { id: r1, team: research, key: ${RESEARCH}, labels: { cost_center: "4711" } }
  - { id: s1, team: sales, key: ${SALES} }
rates: { management_per_minute: 100000 }`;
  proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml, env: { METERTAP_ADMIN_KEY: ADMIN } });
  for (const [key, path, body, headers] of CALLS) {
    await postWhole(proxy, path, body, { key, headers }).catch(() => null); // one of them is cut
  }
  records = await proxy.records();
});

afterAll(async () => {
  await proxy.close();
  await simulator.close();
});

async function ask(query: string, key: string = ADMIN) {
  const answer = await fetch(`${proxy.url}/api/v1/export?${query}`, { headers: { authorization: `Bearer ${key}` } });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

async function textOf(query: string, key: string = ADMIN): Promise<string> {
  const { status, text } = await ask(query, key);
  expect(text).not.toContain('"error":{');
  expect(status).toBe(200);
  return text;
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => asRecord(JSON.parse(line)));

const byId = (rows: readonly Record<string, unknown>[]) =>
  rows.toSorted((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1));

/** The sums of `/api/v1/usage` over everything, estimated tokens too. */
async function usageTotals(): Promise<Record<string, unknown>> {
  const answer = await proxy.ask('/api/v1/usage?bucket=1d&include_estimated=true');
  const results = asList(answer['data']).flatMap((bucket) => asList(asRecord(bucket)['results']).map(asRecord));
  const totals: Record<string, number> = {};
  for (const name of ['input_tokens', 'cache_read_tokens', 'output_tokens', 'reasoning_tokens', 'total_tokens']) {
    totals[name] = results.reduce((sum, result) => sum + Number(result[name]), 0);
  }
  const nano = results.reduce((sum, result) => sum + BigInt(String(result['cost_usd']).replace('.', '')), 0n);
  return { ...totals, nano };
}

it('has records of every kind', () => {
  expect(records).toHaveLength(CALLS.length);
  expect(new Set(records.map((record) => record['usage_source']))).toEqual(
    new Set(['reported', 'estimated', 'missing']),
  );
  expect(records.filter((record) => record['cost_usd'] === null && record['usage'] !== null).length).toBeGreaterThan(0);
});

describe('format=jsonl', () => {
  it('has every record as the API gives it', async () => {
    const { headers, text } = await ask('format=jsonl');
    expect(headers.get('content-type')).toBe('application/jsonl; charset=utf-8');
    expect(headers.get('content-disposition')).toBe('attachment; filename="metertap-records.jsonl"');
    expect(byId(linesOf(text))).toEqual(records);
  });

  it('adds up to /api/v1/usage', async () => {
    const lines = linesOf(await textOf('format=jsonl'));
    const sum = (name: string) =>
      lines.reduce((total, { usage }) => total + Number(usage === null ? 0 : asRecord(usage)[name]), 0);
    const { nano, ...tokens } = await usageTotals();
    for (const name of Object.keys(tokens)) expect(sum(name)).toBe(tokens[name]);
    expect(lines.reduce((total, line) => total + BigInt(Number(line['cost_nano_usd'] ?? 0)), 0n)).toBe(nano);
  });
});

describe('format=csv', () => {
  it('has every record, with the numbers of the record', async () => {
    const { headers, text } = await ask('format=csv&formulas=keep');
    expect(headers.get('content-type')).toMatch(/^text\/csv/);
    const rows = byId(csvObjects(text));
    expect(rows).toHaveLength(records.length);
    for (const [index, record] of records.entries()) {
      const row = asRecord(rows[index]);
      const usage = record['usage'] === null ? {} : asRecord(record['usage']);
      for (const [name, value] of Object.entries({ ...record, ...usage })) {
        if (name === 'usage' || name === 'corrected_cost_usd') continue; // corrections stand in reports and statements
        const text = value === null ? null : typeof value === 'object' ? JSON.stringify(value) : String(value);
        expect(row[name], name).toBe(text);
      }
      if (record['usage'] === null) expect(row).toMatchObject({ input_tokens: null, details: null });
      expect(row['escaped']).toBeNull();
    }
  });

  it('is a form of the same by default', async () => {
    expect(await textOf('')).toBe(await textOf('format=csv'));
  });

  it('puts an apostrophe before what a spreadsheet could run, and says where', async () => {
    const rows = csvObjects(await textOf('format=csv'));
    const escaped = rows.filter((row) => row['escaped'] !== null);
    expect(escaped.map(({ agent, run_id, user, escaped: where }) => ({ agent, run_id, user, where }))).toEqual([
      { agent: "'=1+1", run_id: "''r", user: 'a "b", c', where: 'run_id agent' },
    ]);
    expect(rows.filter((row) => /^[=+@\t]/.test(Object.values(row).join('\n')))).toEqual([]);
  });
});

describe('format=focus', () => {
  const nanoOf = (usd: string | null) => BigInt((usd ?? '').replace('.', ''));
  const rowsOf = (rows: readonly Record<string, string | null>[], record: Record<string, unknown>) =>
    rows.filter((row) => row['x_RecordId'] === record['id']);

  it('splits each cost by meter, to the nano-dollar', async () => {
    const { headers, text } = await ask('format=focus');
    expect(headers.get('content-disposition')).toBe('attachment; filename="metertap-focus-1.2.csv"');
    const rows = csvObjects(text);
    for (const record of records) {
      const mine = rowsOf(rows, record);
      const sum = mine.reduce((total, row) => total + nanoOf(row['BilledCost'] ?? null), 0n);
      expect(sum).toBe(BigInt(Number(record['cost_nano_usd'] ?? 0)));
      expect(mine.map((row) => row['x_RequestCount'])).toEqual(mine.map((_, index) => (index === 0 ? '1' : null)));
    }
    const cached = rowsOf(rows, asRecord(records[2]));
    expect(cached.map((row) => [row['SkuMeter'], row['ConsumedQuantity'], row['ConsumedUnit']])).toEqual([
      ['Input Tokens', '234566.0', 'Tokens'],
      ['Cached Input Tokens', '1000001.0', 'Tokens'],
      ['Output Tokens', '5.0', 'Tokens'],
    ]);
    expect(cached[0]).toMatchObject({
      ListUnitPrice: '0.00000025',
      ListCost: '0.0586415',
      BilledCost: '0.058641500',
      ProviderName: 'OpenAI',
      SubAccountId: 'research',
      Tags: '{"cost_center":"4711"}',
    });
  });

  it('adds up to /api/v1/usage', async () => {
    const rows = csvObjects(await textOf('format=focus'));
    const sum = (name: string) => rows.reduce((total, row) => total + Number(row[name] ?? 0), 0);
    const { nano, ...tokens } = await usageTotals();
    expect({
      input_tokens: sum('x_InputTokens'),
      cache_read_tokens: sum('x_CachedInputTokens'),
      output_tokens: sum('x_OutputTokens'),
      reasoning_tokens: sum('x_ReasoningTokens'),
      total_tokens: sum('x_TotalTokens'),
    }).toEqual(tokens);
    expect(rows.reduce((total, row) => total + nanoOf(row['EffectiveCost'] ?? null), 0n)).toBe(nano);
  });

  it('never lets an unknown cost pass for a price of 0', async () => {
    const rows = csvObjects(await textOf('format=focus'));
    for (const record of records) {
      const isKnown = record['cost_usd'] !== null;
      const status = isKnown ? 'priced' : record['usage'] === null ? 'missing_usage' : 'unpriced';
      const [first, ...others] = rowsOf(rows, record);
      expect(first).toMatchObject({ x_CostStatus: status, x_CostUsd: record['cost_usd'] });
      if (isKnown) continue;
      expect(others).toEqual([]);
      expect(first?.['ChargeDescription']).toMatch(/not known, and not in the costs/);
    }
  });

  it('has the columns of the version that is asked for', async () => {
    const [older = ''] = (await textOf('format=focus&version=1.2&limit=1')).split('\r\n');
    const [newer = ''] = (await textOf('format=focus&version=1.4&limit=1')).split('\r\n');
    expect(older.split(',').filter((name) => !newer.split(',').includes(name))).toEqual([
      'ProviderName',
      'PublisherName',
    ]);
    expect(newer.split(',')).toEqual(expect.arrayContaining(['ServiceProviderName', 'HostProviderName']));
  });

  it('is gone on with after a record that has come whole', async () => {
    const whole = await textOf('format=focus');
    const ids = [...new Set(csvObjects(whole).map((row) => String(row['x_RecordId'])))];
    for (const id of ids) {
      const had = whole.slice(0, whole.lastIndexOf(`,${id}\r\n`) + 29);
      expect(had + (await textOf(`format=focus&header=false&cursor=${id}`))).toBe(whole);
    }
  });
});

describe('a download that broke', () => {
  it.each(['format=jsonl', 'format=csv'])('of %s is gone on with after any record', async (query) => {
    const whole = await textOf(query);
    const lineEnd = query === 'format=csv' ? '\r\n' : '\n';
    const lines = whole.split(lineEnd).slice(0, -1);
    const first = query === 'format=csv' ? 1 : 0;
    const random = seededRandom(7);
    for (let round = 0; round < 5; round++) {
      const cut = random.between(first, lines.length - 1);
      const id = query === 'format=csv' ? lines[cut]?.slice(0, 26) : linesOf(lines[cut] ?? '')[0]?.['id'];
      const had = lines
        .slice(0, cut + 1)
        .map((line) => line + lineEnd)
        .join('');
      expect(had + (await textOf(`${query}&header=false&cursor=${String(id)}`))).toBe(whole);
    }
  });

  it('comes in portions of any size', async () => {
    const whole = await textOf('format=jsonl');
    let read = '';
    for (let cursor = ''; ; ) {
      const portion = await textOf(`format=jsonl&limit=4${cursor}`);
      read += portion;
      const last = linesOf(portion).at(-1);
      if (last === undefined) break;
      cursor = `&cursor=${String(last['id'])}`;
    }
    expect(read).toBe(whole);
  });
});

it('goes on with what has ended since, by the cursor of the export before', async () => {
  const before = await ask('format=jsonl&team=sales');
  const cursor = before.headers.get('x-metertap-next-cursor') ?? '';
  expect(await textOf(`format=jsonl&team=sales&cursor=${cursor}`)).toBe('');
  await postWhole(proxy, 'chat/completions', CHAT, { key: SALES, headers: { 'x-metertap-run-id': 'later' } });
  await proxy.records();
  const since = linesOf(await textOf(`format=jsonl&team=sales&cursor=${cursor}`));
  expect(since.map((record) => record['run_id'])).toEqual(['later']);
  records = await proxy.records();
});

it('shows a key what its team has done, and nothing else', async () => {
  const rows = linesOf(await textOf('format=jsonl', SALES));
  expect(rows.map((row) => row['team'])).toEqual(rows.map(() => 'sales'));
  expect(byId(rows)).toEqual(records.filter((record) => record['team'] === 'sales'));
  const refused = await ask('format=jsonl&team=research', SALES);
  expect([refused.status, errorOf(refused.text)['code']]).toEqual([403, 'permission_denied']);
  const foreign = records.find((record) => record['team'] === 'research');
  const cursor = await ask(`format=jsonl&cursor=${String(foreign?.['id'])}`, SALES);
  expect([cursor.status, errorOf(cursor.text)['param']]).toEqual([400, 'cursor']);
});

it('narrows as the list of records does', async () => {
  for (const query of [
    'team=sales',
    'run_id=nightly',
    `model=${String(records[4]?.['response_model'])}`,
    'session_id=s1',
    'ending=completed',
    'key_id=r1',
  ]) {
    const page = await proxy.ask(`/api/v1/records?limit=1000&${query}`);
    const rows = byId(linesOf(await textOf(`format=jsonl&${query}`)));
    expect(rows.length).toBeGreaterThan(0);
    expect(rows).toEqual(asList(page['data']).toReversed());
  }
  const range = `start_time=${records[3]?.['started_at']}&end_time=${records[6]?.['started_at']}`;
  const page = await proxy.ask(`/api/v1/records?limit=1000&${range}`);
  const rows = byId(linesOf(await textOf(`format=jsonl&${range}`)));
  expect(rows).toEqual(asList(page['data']).toReversed());
  expect(rows.length).toBeLessThan(records.length);
});

it('takes a range of any length', async () => {
  expect(byId(linesOf(await textOf('format=jsonl&start_time=1980-01-01&end_time=2999-01-01')))).toEqual(records);
});

it.each([
  ['format=xml', 'format', 'csv, jsonl, focus'],
  ['format=focus&version=9', 'version', '1.2, 1.4'],
  ['format=csv&version=1.4', 'version', 'format=focus'],
  ['start_time=yesterday', 'start_time', 'ISO 8601'],
  ['start_time=2026-11-22&end_time=2026-11-21', 'start_time', 'before end_time'],
  ['ending=in_flight', 'ending', 'completed'],
  ['limit=0', 'limit', 'whole number'],
  ['formulas=yes', 'formulas', 'escape, keep'],
  ['header=1', 'header', 'true, false'],
  ['cursor=01KAF8W2M3N4P5Q6R7S8T9V0WX', 'cursor', 'same export'],
  ['cursor=nonsense', 'cursor', 'next_cursor'],
  ['order=-cost', 'order', 'Allowed'],
])('refuses %s and says what is allowed', async (query, param, hint) => {
  const { status, text } = await ask(query);
  expect(status).toBe(400);
  expect(errorOf(text)).toMatchObject({ code: 'invalid_parameter', param });
  expect(String(errorOf(text)['message'])).toContain(hint);
});

it('refuses the cursor of another query', async () => {
  const { headers } = await ask('format=jsonl&team=sales');
  const cursor = headers.get('x-metertap-next-cursor') ?? '';
  const { status, text } = await ask(`format=jsonl&team=research&cursor=${cursor}`);
  expect(status).toBe(400);
  expect(errorOf(text)).toMatchObject({ param: 'cursor' });
  const other = records.find((record) => record['team'] === 'research');
  expect((await ask(`format=jsonl&team=sales&cursor=${String(other?.['id'])}`)).status).toBe(400);
});
