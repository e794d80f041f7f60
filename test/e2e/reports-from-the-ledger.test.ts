import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { CHAT, errorOf, postWhole } from '../support/calls.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

const RESEARCH = 'key-of-research-0001';
const SALES = 'key-of-sales-000001';
const ADMIN = 'the-configured-admin-key';

let simulator: Simulator;
let proxy: TestProxy;
let records: Record<string, unknown>[];

/** Calls of two teams: a run with two children, a run of the same name elsewhere, a failure, and one without a run. */
const CALLS: readonly (readonly [string, string, object, Readonly<Record<string, string>>])[] = [
  [RESEARCH, 'chat/completions', CHAT, { 'x-metertap-run-id': 'nightly', 'x-metertap-agent': 'planner' }],
  [
    RESEARCH,
    'chat/completions',
    { ...CHAT, stream: true },
    { 'x-metertap-run-id': 'nightly', 'x-metertap-agent': 'writer', 'x-sim-tool-calls': '2' },
  ],
  [
    RESEARCH,
    'responses',
    { model: 'gpt-5', input: 'Say hello.' },
    { 'x-run-id': 'child-1', 'x-metertap-parent-run-id': 'nightly', 'x-metertap-session-id': 's1' },
  ],
  [
    RESEARCH,
    'embeddings',
    { model: 'text-embedding-3-small', input: 'some text' },
    { 'x-run-id': 'child-2', 'x-metertap-parent-run-id': 'nightly', 'x-metertap-session-id': 's1' },
  ],
  [RESEARCH, 'chat/completions', CHAT, { 'x-metertap-session-id': 's1' }],
  [RESEARCH, 'chat/completions', CHAT, { 'x-metertap-run-id': 'nightly', 'x-sim-status': '500' }],
  [SALES, 'chat/completions', CHAT, { 'x-metertap-run-id': 'nightly', 'x-sim-cached-tokens': '2' }],
];

beforeAll(async () => {
  simulator = await createSimulator({ port: 0 });
  const yaml = `
upstreams: [{ name: sim, base_url: "${simulator.baseUrl}", api_key: sk-upstream }]
keys:
  - { id: r1, team: research, key: ${RESEARCH} }
  - { id: s1, team: sales, key: ${SALES} }
prices: [{ provider: sim, model: "*", input_per_mtok: "2", cached_input_per_mtok: "1", output_per_mtok: "8" }]
rates: { management_per_minute: 100000 }`;
  proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml, env: { METERTAP_ADMIN_KEY: ADMIN } });
  for (const [key, path, body, headers] of CALLS) await postWhole(proxy, path, body, { key, headers });
  records = await proxy.records();
});

afterAll(async () => {
  await proxy.close();
  await simulator.close();
});

async function ask(path: string, key: string | null = ADMIN) {
  const headers: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` };
  const answer = await fetch(`${proxy.url}/api/v1/${path}`, { headers });
  const text = await answer.text();
  return { status: answer.status, text, json: asRecord(JSON.parse(text)) };
}

const COUNTS = ['input_tokens', 'output_tokens', 'total_tokens', 'cache_read_tokens', 'tool_calls'] as const;

/** The sums of records as a usage block tells them: what failed without usage is told apart. */
function sumsOf(some: readonly Record<string, unknown>[]): Record<string, number> {
  const counted = some.filter((record) => record['usage'] !== null || record['ending'] === 'completed');
  const sums: Record<string, number> = { requests: counted.length };
  for (const name of COUNTS) {
    sums[name] = some.reduce((sum, record) => {
      const usage = record['usage'];
      return sum + (usage === null ? 0 : Number(asRecord(usage)[name]));
    }, 0);
  }
  return sums;
}

function costOf(some: readonly Record<string, unknown>[]): string {
  const nano = some.reduce((sum, record) => sum + Number(record['cost_nano_usd'] ?? 0), 0);
  return (nano / 1e9).toFixed(9);
}

const of = (field: string, value: unknown, team = 'research') =>
  records.filter((record) => record[field] === value && record['team'] === team);

it('has a record of each call', () => {
  expect(records).toHaveLength(CALLS.length);
  expect(records.map((record) => record['usage_source'])).toEqual([
    ...Array.from({ length: 5 }, () => 'reported'),
    'missing',
    'reported',
  ]);
  expect(sumsOf(records)['total_tokens']).toBeGreaterThan(0);
});

describe('GET /api/v1/runs/{run_id}', () => {
  it('sums the calls of the run and lists them', async () => {
    const { status, json } = await ask('runs/nightly?team=research');
    const mine = of('run_id', 'nightly');
    const usage = asRecord(json['usage']);
    expect(status).toBe(200);
    expect(json).toMatchObject({ run_id: 'nightly', team: 'research', in_flight: 0, cost_usd: costOf(mine) });
    expect(usage).toMatchObject(sumsOf(mine));
    const entries = asList(usage['request_usage_entries']).map(asRecord);
    const reported = mine.filter((record) => record['usage'] !== null);
    expect(entries.map((entry) => entry['id'])).toEqual(reported.map((record) => record['id']));
    expect(json['not_counted']).toMatchObject({ missing_usage: 0, failed: 1 });
    expect(json['children']).toEqual(['child-1', 'child-2']);
  });

  it('gives the whole tree and its sum with ?include=children', async () => {
    const { json } = await ask('runs/nightly?team=research&include=children');
    const tree = ['nightly', 'child-1', 'child-2'].flatMap((run) => of('run_id', run));
    expect(JSON.stringify(json)).toContain('"run_id":"child-1"');
    expect(json['usage_with_children']).toMatchObject(sumsOf(tree));
    expect(json['cost_usd_with_children']).toBe(costOf(tree));
  });

  it('asks an admin which team is meant where several have the run', async () => {
    const { status, text } = await ask('runs/nightly');
    expect(status).toBe(400);
    expect(errorOf(text)).toMatchObject({ code: 'invalid_parameter', param: 'team' });
    expect(text).toContain('research, sales');
  });
});

it('tells a session, its runs each on their own, and what has no run', async () => {
  const { json } = await ask('sessions/s1');
  const mine = of('session_id', 's1');
  expect(json['usage']).toMatchObject(sumsOf(mine));
  const runs = asList(json['runs']).map(asRecord);
  expect(runs.map((run) => run['run_id']).toSorted()).toEqual(['child-1', 'child-2']);
  expect(asRecord(json['without_run'])['usage']).toMatchObject(sumsOf(mine.filter((r) => r['run_id'] === null)));
});

describe('GET /api/v1/usage', () => {
  it.each([
    ['team', 'team'],
    ['key_id', 'key_id'],
    ['run_id', 'run_id'],
  ])('sums by %s what the records say', async (dimension, field) => {
    const { json } = await ask(`usage?bucket=1d&group_by=team,${dimension}`);
    const results = asList(json['data']).flatMap((bucket) => asList(asRecord(bucket)['results']).map(asRecord));
    expect(results.length).toBeGreaterThan(1);
    for (const result of results) {
      const mine = of(field, result[dimension], String(result['team']));
      expect(result).toMatchObject({ ...sumsOf(mine), cost_usd: costOf(mine) });
    }
    expect(results.reduce((sum, result) => sum + Number(result['requests']), 0)).toBe(sumsOf(records)['requests']);
  });

  it('sums several runs', async () => {
    const { json } = await ask('usage?bucket=1d&run_id=child-1&run_id=child-2');
    const [bucket] = asList(json['data'])
      .map(asRecord)
      .filter((candidate) => asList(candidate['results']).length > 0);
    expect(asList(bucket?.['results'])).toMatchObject([
      sumsOf([...of('run_id', 'child-1'), ...of('run_id', 'child-2')]),
    ]);
  });
});

it('tells in the metrics what the ledger tells', async () => {
  const text = await (await fetch(`${proxy.url}/metrics`)).text();
  const sum = (name: string, labels = '') =>
    [...text.matchAll(new RegExp(`^metertap_${name}(\\{[^}]*${labels}[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (total, match) => total + Number(match[2]),
      0,
    );
  const all = sumsOf(records);
  expect(sum('requests_total')).toBe(records.length);
  expect(sum('requests_total', 'team="sales"')).toBe(1);
  expect(sum('requests_total', 'status_class="5xx"')).toBe(1);
  expect(sum('input_tokens_total')).toBe(all['input_tokens']);
  expect(sum('output_tokens_total')).toBe(all['output_tokens']);
  expect(sum('cache_read_tokens_total')).toBe(all['cache_read_tokens']);
  expect(sum('cost_usd_total').toFixed(9)).toBe(costOf(records));
  expect(sum('usage_missing_total')).toBe(1);
  expect(sum('in_flight_requests')).toBe(0);
});

describe('the key of a team', () => {
  it('sees its own team only', async () => {
    const runs = asList((await ask('runs', SALES)).json['data']).map(asRecord);
    expect(runs.map((run) => [run['team'], run['run_id']])).toEqual([['sales', 'nightly']]);
    expect((await ask('runs/nightly', SALES)).json['usage']).toMatchObject(sumsOf(of('run_id', 'nightly', 'sales')));
    const seen = asList((await ask('records', SALES)).json['data']).map(asRecord);
    expect(seen.map((record) => record['team'])).toEqual(['sales']);
    const usage = asList((await ask('usage?bucket=1d&group_by=team', SALES)).json['data']);
    expect(JSON.stringify(usage)).not.toContain('research');
  });

  it.each([
    ['runs/child-1', 404, 'not_found'],
    ['sessions/s1', 404, 'not_found'],
    ['runs?team=research', 403, 'permission_denied'],
    ['runs/nightly?team=research', 403, 'permission_denied'],
    ['records?team=research', 403, 'permission_denied'],
    ['usage?team=research', 403, 'permission_denied'],
    ['sessions/s1?team=research', 403, 'permission_denied'],
  ])('is refused %s', async (path, status, code) => {
    const answer = await ask(path, SALES);
    expect([answer.status, errorOf(answer.text)['code']]).toEqual([status, code]);
  });

  it('finds no record of another team', async () => {
    const [theirs] = of('run_id', 'child-1');
    expect((await ask(`records/${theirs?.['id']}`)).status).toBe(200);
    expect((await ask(`records/${theirs?.['id']}`, SALES)).status).toBe(404);
  });

  it.each([null, 'an-unknown-key-00001', 'sk-upstream'])('must be known (%s)', async (key) => {
    const answer = await ask('runs', key);
    expect([answer.status, errorOf(answer.text)['code']]).toEqual([401, 'invalid_api_key']);
  });

  it('may not reload the configuration', async () => {
    const answer = await fetch(`${proxy.url}/api/v1/reload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${SALES}` },
    });
    expect(answer.status).toBe(403);
  });
});
