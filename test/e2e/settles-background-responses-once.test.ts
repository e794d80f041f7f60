import { expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { get, post, postWhole, recordsOnceThere } from '../support/calls.ts';
import { asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CREATOR = 'key-of-the-creator-01';
const MATE = 'key-of-a-team-mate-01';
const STRANGER = 'key-of-another-team-1';
const YAML = `
keys:
  - { id: creator, team: research, key: ${CREATOR} }
  - { id: mate, team: research, key: ${MATE} }
  - { id: stranger, team: sales, key: ${STRANGER} }
prices: [{ provider: sim, model: "*", input_per_mtok: "1", output_per_mtok: "1" }]
`;
const RUN = { 'x-metertap-run-id': 'nightly', 'x-metertap-agent': 'planner' };
const REQUEST = { model: 'gpt-5-mini', input: 'Say hello.', background: true };

function yamlFor(simulator: Simulator): string {
  return `upstreams: [{ name: sim, base_url: "${simulator.baseUrl}", api_key: sk-upstream }]\n${YAML}`;
}

async function startSimulator(): Promise<Simulator & AsyncDisposable> {
  const simulator = await createSimulator({ port: 0 });
  return { ...simulator, [Symbol.asyncDispose]: () => simulator.close() };
}

/** Creates a background response and gives its id. */
async function create(proxy: TestProxy, headers: Record<string, string> = {}): Promise<string> {
  const created = await post(proxy, 'responses', REQUEST, { key: CREATOR, headers: { ...RUN, ...headers } });
  const response = asRecord(await created.json());
  expect([created.status, response['status']]).toEqual([200, 'queued']);
  return String(response['id']);
}

async function poll(proxy: TestProxy, path: string, key: string): Promise<Record<string, unknown>> {
  return asRecord(await (await get(proxy, path, key)).json());
}

const SETTLED = {
  team: 'research',
  key_id: 'creator',
  run_id: 'nightly',
  agent: 'planner',
  endpoint: 'responses',
  status: 200,
  ending: 'completed',
  usage_source: 'reported',
};

it('makes one record of a create, three polls, a replay and a cancel, with the usage once', async () => {
  await using simulator = await startSimulator();
  await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: yamlFor(simulator) });
  const id = await create(proxy);
  expect(await proxy.records()).toMatchObject([
    { ending: 'queued', upstream_id: id, usage_source: 'missing', usage: null, ended_at: null, duration_ms: null },
  ]);

  expect((await poll(proxy, `responses/${id}`, STRANGER))['status']).toBe('in_progress');
  expect(await proxy.records()).toMatchObject([{ ending: 'queued' }]);
  const second = await poll(proxy, `responses/${id}`, MATE);
  expect(second['status']).toBe('completed');
  await poll(proxy, `responses/${id}`, STRANGER);
  const replay = await get(proxy, `responses/${id}?stream=true`, CREATOR);
  expect(await replay.text()).toContain('response.completed');
  await postWhole(proxy, `responses/${id}/cancel`, '', { key: MATE });

  const usage = asRecord(second['usage']);
  const [record, ...others] = await proxy.records();
  expect(others).toEqual([]);
  expect(record).toMatchObject({ ...SETTLED, upstream_id: id, response_model: 'gpt-5-mini-2026-02-01' });
  expect(record?.['usage']).toMatchObject({ total_tokens: usage['total_tokens'] });
  expect(record?.['cost_usd']).not.toBeNull();
  const run = await proxy.ask('/api/v1/runs/nightly');
  expect(run['usage']).toMatchObject({ requests: 1, total_tokens: usage['total_tokens'] });
});

it('settles on a replay of the stream where that shows the usage first', async () => {
  await using simulator = await startSimulator();
  await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: yamlFor(simulator) });
  const id = await create(proxy);
  const replay = await get(proxy, `responses/${id}?stream=true&starting_after=0`, MATE);
  expect(await replay.text()).toContain('response.completed');
  const [record] = await recordsOnceThere(proxy, 1);
  expect(record).toMatchObject({ ...SETTLED, upstream_id: id });
});

it('settles once where many look at the same time', async () => {
  await using simulator = await startSimulator();
  await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: yamlFor(simulator) });
  const id = await create(proxy, { 'x-sim-background-polls': '1' });
  const answers = await Promise.all(Array.from({ length: 10 }, () => poll(proxy, `responses/${id}`, MATE)));
  const [first] = answers;
  const run = await proxy.ask('/api/v1/runs/nightly');
  expect(run['usage']).toMatchObject({
    requests: 1,
    total_tokens: asRecord(first?.['usage'])['total_tokens'],
  });
  expect(await proxy.records()).toMatchObject([SETTLED]);
});

it('ends the record of a response that was cancelled', async () => {
  await using simulator = await startSimulator();
  await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: yamlFor(simulator) });
  const id = await create(proxy);
  const cancelled = await postWhole(proxy, `responses/${id}/cancel`, '', { key: MATE });
  expect(asRecord(JSON.parse(cancelled.text))['status']).toBe('cancelled');
  expect(await proxy.records()).toMatchObject([
    { ...SETTLED, error_code: 'cancelled', usage_source: 'missing', usage: null },
  ]);
});

it('ends the record of a response that failed', async () => {
  await using simulator = await startSimulator();
  await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: yamlFor(simulator) });
  const id = await create(proxy, { 'x-sim-responses-end': 'failed' });
  await poll(proxy, `responses/${id}`, CREATOR);
  await poll(proxy, `responses/${id}`, CREATOR);
  expect(await proxy.records()).toMatchObject([{ upstream_id: id, ending: 'upstream_error', usage: null }]);
});

it('settles after a restart what was queued before it', async () => {
  const dataDir = temporaryFolder();
  await using simulator = await startSimulator();
  const options = { upstreamUrl: simulator.baseUrl, yaml: yamlFor(simulator), dataDir };
  let id: string;
  {
    await using before = await startProxy(options);
    id = await create(before);
  }
  await using after = await startProxy(options);
  expect(await after.records()).toMatchObject([{ ending: 'queued', upstream_id: id }]);
  await poll(after, `responses/${id}`, STRANGER);
  await poll(after, `responses/${id}`, STRANGER);
  await poll(after, `responses/${id}`, STRANGER);
  const [record, ...others] = await after.records();
  expect(others).toEqual([]);
  expect(record).toMatchObject({ ...SETTLED, upstream_id: id });
  const run = await after.ask('/api/v1/runs/nightly');
  expect(run['usage']).toMatchObject({ requests: 1, total_tokens: asRecord(record?.['usage'])['total_tokens'] });
});

it('makes no record of what only shows usage again', async () => {
  await using simulator = await startSimulator();
  await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: yamlFor(simulator) });
  const stored = { model: 'gpt-5-mini', store: true, messages: [{ role: 'user', content: 'Hello.' }] };
  const created = await postWhole(proxy, 'chat/completions', stored, { key: CREATOR });
  const id = String(asRecord(JSON.parse(created.text))['id']);
  const update = await postWhole(proxy, `chat/completions/${id}`, { metadata: { a: 'b' } }, { key: CREATOR });
  expect([update.status, asRecord(JSON.parse(update.text))['id']]).toEqual([200, id]);
  for (const path of [`chat/completions/${id}`, 'chat/completions', 'models', 'models/gpt-5-mini']) {
    expect([path, (await get(proxy, path, CREATOR)).status]).toEqual([path, 200]);
  }
  const input = { model: 'gpt-5-mini', input: 'x' };
  expect((await postWhole(proxy, 'responses/input_tokens', input, { key: CREATOR })).status).toBe(200);
  expect((await postWhole(proxy, 'moderations', { input: 'x' }, { key: CREATOR })).status).toBe(200);
  expect(await proxy.records()).toHaveLength(1);
});
