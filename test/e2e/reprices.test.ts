import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { errorOf } from '../support/calls.ts';
import { runCli } from '../support/cli-process.ts';
import { asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'key-of-research-0001';
const BASE = `
auth: { mode: keys }
keys: [{ id: ci, team: research, key: ${KEY} }]
`;
const priced = (input: string) =>
  `${BASE}prices: [{ provider: openai, model: our-own, input_per_mtok: "${input}", output_per_mtok: "0" }]`;
const RANGE = { start_time: '2020-01-01', end_time: '2029-01-01' };

let simulator: Simulator;
beforeAll(async () => {
  simulator = await createSimulator({ port: 0, models: ['our-own', 'gpt-4o-mini'] });
});
afterAll(() => simulator.close());

/** A proxy whose prices can be changed while it runs. */
async function start(yaml: string) {
  const options = { upstreamUrl: simulator.baseUrl, yaml, env: { METERTAP_UPSTREAM_KEY: 'sk-upstream' } };
  const proxy = await startProxy(options);
  const post = async (path: string, body: unknown, key = proxy.adminKey) => {
    const init = { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: JSON.stringify(body) };
    const answer = await fetch(`${proxy.url}/api/v1/${path}`, init);
    const text = await answer.text();
    return { status: answer.status, text, json: asRecord(JSON.parse(text)) };
  };
  const reload = async (next: string) => {
    options.yaml = next;
    expect((await post('reload', {})).status).toBe(200);
  };
  return { proxy, post, reload };
}

async function call(proxy: TestProxy, model = 'our-own'): Promise<void> {
  const answer = await fetch(`${proxy.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      'x-metertap-run-id': 'nightly',
      'x-sim-input-tokens': '1000',
      'x-sim-output-tokens': '10',
    },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello.' }] }),
  });
  await answer.text();
  expect(answer.status).toBe(200);
}

it('prices what was unpriced, corrects what was dearer, and finds nothing the second time', async () => {
  const { proxy, post, reload } = await start(BASE);
  await using _ = proxy;
  await call(proxy);
  await reload(priced('3'));
  await call(proxy);
  await reload(priced('1'));
  const order = { ...RANGE, reason: 'the price of the contract' };

  const dry = await post('reprice', { ...order, dry_run: true });
  expect(dry.json).toMatchObject({ dry_run: true, corrected: 2, corrections_usd: '-0.001000000' });
  expect((await proxy.records()).map((record) => record['corrected_cost_usd'])).toEqual([null, '0.003000000']);

  const { json } = await post('reprice', order);
  expect(json).toMatchObject({
    examined: 2,
    corrected: 2,
    unchanged: 0,
    corrections_usd: '-0.001000000',
    by_model: [{ upstream: 'openai', corrected: 2, cost_before_usd: '0.003000000', cost_after_usd: '0.002000000' }],
    next_cursor: null,
  });
  expect((await post('reprice', order)).json).toMatchObject({
    corrected: 0,
    unchanged: 2,
    corrections_usd: '0.000000000',
  });

  const [unpriced, dear] = await proxy.records();
  expect(unpriced).toMatchObject({ cost_usd: null, price_id: null, corrected_cost_usd: '0.001000000' });
  expect(dear).toMatchObject({ cost_usd: '0.003000000', corrected_cost_usd: '0.001000000' });
  expect(await proxy.ask(`/api/v1/records/${unpriced?.['id']}`)).toMatchObject({
    corrections: [
      {
        reason: 'the price of the contract',
        actor: 'admin',
        cost_before_usd: null,
        cost_after_usd: '0.001000000',
        delta_usd: '0.001000000',
        price_id_after: 'openai/our-own',
      },
    ],
  });
  const { data: audit } = await proxy.ask('/api/v1/audit?target_type=corrections');
  expect(audit).toMatchObject([
    {
      actor: 'admin',
      action: 'costs.correct',
      target_id: '2020-01-01T00:00:00.000Z/2029-01-01T00:00:00.000Z',
      after: {
        reason: 'the price of the contract',
        corrections: 2,
        corrections_usd: '-0.001000000',
        teams: ['research'],
      },
    },
  ]);
  const both = {
    cost_usd: '0.003000000',
    cost_complete: false,
    corrections_usd: '-0.001000000',
    corrected_cost_usd: '0.002000000',
    corrected_cost_complete: true,
  };
  expect(await proxy.ask('/api/v1/runs/nightly?team=research')).toMatchObject(both);
  const usage = await proxy.ask('/api/v1/usage?bucket=1d&group_by=team');
  expect(JSON.stringify(usage)).toContain('"corrected_cost_usd":"0.002000000"');
});

it('corrects only what was asked for, page by page, and takes no cost away', async () => {
  const { proxy, post, reload } = await start(priced('3'));
  await using _ = proxy;
  for (const model of ['our-own', 'our-own', 'gpt-4o-mini']) await call(proxy, model);
  await reload(priced('1'));
  const order = { ...RANGE, reason: 'r' };
  expect((await post('reprice', { ...order, team: 'sales' })).json).toMatchObject({ examined: 0, corrected: 0 });
  expect((await post('reprice', { ...order, upstream: 'other' })).json).toMatchObject({ examined: 3, corrected: 0 });
  expect((await post('reprice', { ...order, model: 'gpt-*' })).json).toMatchObject({ corrected: 0, unchanged: 1 });
  const first = await post('reprice', { ...order, model: 'our-*', limit: 1 });
  expect(first.json).toMatchObject({ examined: 1, corrected: 1 });
  const rest = await post('reprice', { ...order, model: 'our-*', cursor: first.json['next_cursor'] });
  expect(rest.json).toMatchObject({ corrected: 1, next_cursor: null });
  expect(errorOf((await post('reprice', { ...order, cursor: first.json['next_cursor'] })).text)['param']).toBe(
    'cursor',
  );

  await reload(BASE);
  expect((await post('reprice', order)).json).toMatchObject({ corrected: 0, without_price: 2, unchanged: 1 });
  expect((await proxy.records())[0]).toMatchObject({ corrected_cost_usd: '0.001000000' });
});

describe('a bad order', () => {
  it.each([
    [{ end_time: '2029-01-01', reason: 'r' }, 'start_time'],
    [{ ...RANGE }, 'reason'],
    [{ ...RANGE, reason: ' ' }, 'reason'],
    [{ ...RANGE, reason: 'a\nb' }, 'reason'],
    [{ start_time: '2029-01-01', end_time: '2020-01-01', reason: 'r' }, 'start_time'],
    [{ start_time: '2000-01-01', end_time: '2029-01-01', reason: 'r' }, 'start_time'],
    [{ ...RANGE, reason: 'r', dry_run: 'yes' }, 'dry_run'],
    [{ ...RANGE, reason: 'r', limit: 0 }, 'limit'],
    [{ ...RANGE, reason: 'r', modell: 'x' }, 'modell'],
    [{ ...RANGE, reason: 'r', cursor: 'x' }, 'cursor'],
  ])('is refused: %j', async (order, param) => {
    const { proxy, post } = await start(BASE);
    await using _ = proxy;
    const { status, text } = await post('reprice', order);
    expect([status, errorOf(text)['code'], errorOf(text)['param']]).toEqual([400, 'invalid_parameter', param]);
  });

  it('is one of a team', async () => {
    const { proxy, post } = await start(BASE);
    await using _ = proxy;
    expect((await post('reprice', { ...RANGE, reason: 'r' }, KEY)).status).toBe(403);
  });
});

describe('metertap reprice', () => {
  it('tells what it would do, does it, and says what it did', async () => {
    const { proxy, reload } = await start(priced('3'));
    await using _ = proxy;
    await call(proxy);
    await reload(priced('1'));
    const env = { METERTAP_URL: proxy.url, METERTAP_ADMIN_KEY: proxy.adminKey };
    const run = (...args: string[]) =>
      runCli(['reprice', '--from', '2020-01-01', '--to', '2029-01-01', '--reason', 'r', ...args], {
        cwd: temporaryFolder(),
        env,
      });
    const dry = await run('--dry-run');
    expect([dry.code, dry.stdout]).toEqual([
      0,
      expect.stringContaining('1 of 1 records would be corrected: -0.002000000 USD'),
    ]);
    const done = await run('--json');
    expect(JSON.parse(done.stdout)).toMatchObject({
      corrected: 1,
      corrections_usd: '-0.002000000',
      by_model: [{ cost_before_usd: '0.003000000', cost_after_usd: '0.001000000' }],
    });
    expect((await run()).stdout).toContain('0 of 1 records corrected: 0.000000000 USD\n1 cost the same\n');
    expect((await runCli(['reprice', '--from', '2020-01-01'], { cwd: temporaryFolder(), env })).code).toBe(2);
  });
});
