import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { cloudEventsOf, startEventReceiver } from '../support/event-receiver.ts';
import { csvObjects } from '../support/parse-csv.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

const RESEARCH = 'key-of-research-0001';
const SALES = 'key-of-sales-000001';
const YAML = (input: string) => `
auth: { mode: keys }
keys: [{ id: ci, team: research, key: ${RESEARCH}, labels: { cost_center: "4711" } }, { id: desk, team: sales, key: ${SALES} }]
prices: [{ provider: openai, model: "*", input_per_mtok: "${input}", output_per_mtok: "0" }]
`;

let simulator: Simulator;
beforeAll(async () => {
  simulator = await createSimulator({ port: 0, models: ['gpt-5-mini'] });
});
afterAll(() => simulator.close());

/**
 * A ledger in December: a call of November, whose month is closed, and one of December, of two runs, both priced anew; a
 * call of another team, which was not.
 */
async function correctedLedger(sinks = '') {
  let nowMs = Date.parse('2026-11-10T12:00:00Z');
  const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() };
  const options = {
    upstreamUrl: simulator.baseUrl,
    yaml: YAML('1') + sinks,
    clock,
    env: { METERTAP_UPSTREAM_KEY: 'sk-up' },
  };
  const proxy = await startProxy(options);
  const post = async (path: string, body: unknown, headers = {}, key = proxy.adminKey) => {
    const answer = await fetch(`${proxy.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    expect([answer.status, text]).toEqual([200, text]);
    return asRecord(JSON.parse(text));
  };
  const chat = (run: string, key = RESEARCH) =>
    post(
      '/v1/chat/completions',
      { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello.' }] },
      {
        'x-sim-input-tokens': '1000',
        'x-sim-output-tokens': '10',
        'x-metertap-run-id': run,
        'x-metertap-session-id': `session of ${run}`,
        'x-metertap-tags': 'project=apollo',
      },
      key,
    );
  const reprice = async (input: string, team?: string) => {
    options.yaml = YAML(input) + sinks;
    await post('/api/v1/reload', {});
    const order = { start_time: '2026-11-01', end_time: '2027-01-01', reason: '=the contract', team };
    return post('/api/v1/reprice', order);
  };
  await chat('weekly');
  await chat('desk', SALES);
  nowMs = Date.parse('2026-12-02T08:30:00Z');
  await post('/api/v1/statements/research/2026-11/close', {});
  await chat('nightly');
  expect(await reprice('0.5', 'research')).toMatchObject({ corrected: 2, corrections_usd: '-0.001000000' });
  const download = async (query: string, key = proxy.adminKey) => {
    const answer = await fetch(`${proxy.url}/api/v1/export?${query}`, { headers: { authorization: `Bearer ${key}` } });
    const text = await answer.text();
    expect([answer.status, text]).toEqual([200, text]);
    return { text, next: answer.headers.get('x-metertap-next-cursor') ?? '' };
  };
  return { proxy, chat, reprice, download };
}

const linesOf = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => asRecord(JSON.parse(line)));
const nanoOf = (usd: unknown) => BigInt(String(usd ?? '0.000000000').replace('.', ''));
const sumOf = (rows: readonly Record<string, unknown>[], name: string) =>
  rows.reduce((sum, row) => sum + nanoOf(row[name]), 0n);

/** What `/api/v1/usage` says that all calls cost now. */
async function booksOf(proxy: TestProxy): Promise<bigint> {
  const { data } = await proxy.ask('/api/v1/usage?bucket=1d&start_time=2026-11-01&end_time=2027-01-01');
  const results = asList(data).flatMap((bucket) => asList(asRecord(bucket)['results']).map(asRecord));
  return sumOf(results, 'corrected_cost_usd');
}

it('has a line for each correction, so that every file adds up to the books', async () => {
  const { proxy, download } = await correctedLedger();
  await using _ = proxy;
  const books = await booksOf(proxy);
  expect(books).toBe(2_000_000n);

  const lines = linesOf((await download('format=jsonl')).text);
  expect(lines.map((line) => line['record_type'] ?? 'call')).toEqual([
    'call',
    'call',
    'call',
    'correction',
    'correction',
  ]);
  expect(sumOf(lines, 'cost_usd')).toBe(books);
  const [weekly, , nightly, ofWeekly, ofNightly] = lines;
  expect(weekly).toMatchObject({ cost_usd: '0.001000000', corrected_cost_usd: '0.000500000' });
  expect(ofWeekly).toEqual({
    id: expect.stringMatching(/^[0-9A-Z]{26}$/),
    record_type: 'correction',
    record_id: weekly?.['id'],
    created_at: '2026-12-02T08:30:00.000Z',
    period: '2026-12',
    reason: '=the contract',
    actor: 'admin',
    started_at: weekly?.['started_at'],
    team: 'research',
    key_id: 'ci',
    run_id: 'weekly',
    parent_run_id: null,
    session_id: 'session of weekly',
    agent: null,
    user: null,
    trace_id: null,
    labels: { cost_center: '4711' },
    tags: { project: 'apollo' },
    upstream: 'openai',
    endpoint: 'chat/completions',
    request_model: 'gpt-5-mini',
    response_model: weekly?.['response_model'],
    service_tier: weekly?.['service_tier'],
    cost_nano_usd: -500_000,
    cost_usd: '-0.000500000',
    price_id: weekly?.['price_id'],
    cost_before_nano_usd: 1_000_000,
    cost_after_nano_usd: 500_000,
    price_id_before: weekly?.['price_id'],
  });
  expect(ofNightly).toMatchObject({ record_id: nightly?.['id'], run_id: 'nightly', period: '2026-12' });

  const rows = csvObjects((await download('format=csv')).text);
  expect(sumOf(rows, 'cost_usd')).toBe(books);
  expect(rows.map((row) => row['record_type'])).toEqual(['call', 'call', 'call', 'correction', 'correction']);
  expect(rows[0]).toMatchObject({ record_id: null, reason: null, cost_nano_usd: '1000000' });
  expect(rows[3]).toMatchObject({
    id: ofWeekly?.['id'],
    record_id: weekly?.['id'],
    period: '2026-12',
    reason: "'=the contract",
    escaped: 'reason',
    labels: '{"cost_center":"4711"}',
    cost_nano_usd: '-500000',
    input_tokens: null,
    ending: null,
  });
});

it('is a correction to a closed month in FOCUS, or an adjustment within an open one', async () => {
  const { proxy, download } = await correctedLedger();
  await using _ = proxy;
  const books = await booksOf(proxy);
  for (const version of ['1.2', '1.4']) {
    const rows = csvObjects((await download(`format=focus&version=${version}`)).text);
    for (const cost of ['BilledCost', 'EffectiveCost', 'x_CostUsd']) expect(sumOf(rows, cost), cost).toBe(books);
    const corrections = rows.filter((row) => row['x_RecordType'] === 'correction');
    const [closed, open] = corrections;
    expect(corrections).toHaveLength(2);
    expect(closed).toMatchObject({
      ChargeCategory: 'Usage',
      ChargeClass: 'Correction',
      BillingPeriodStart: '2026-12-01T00:00:00Z',
      BillingPeriodEnd: '2027-01-01T00:00:00Z',
      ChargePeriodStart: '2026-11-10T12:00:00Z',
      ChargePeriodEnd: '2026-11-10T13:00:00Z',
      BilledCost: '-0.000500000',
      ListCost: '-0.000500000',
      ContractedCost: '-0.000500000',
      ConsumedQuantity: null,
      PricingQuantity: null,
      ListUnitPrice: null,
      SkuId: null,
      SubAccountId: 'research',
      ServiceName: 'OpenAI API',
      Tags: '{"cost_center":"4711","call/project":"apollo"}',
      x_RunId: 'weekly',
      x_CorrectionReason: "'=the contract",
      x_EscapedColumns: 'x_CorrectionReason',
    });
    expect(open).toMatchObject({
      ChargeCategory: 'Adjustment',
      ChargeClass: null,
      BillingPeriodStart: '2026-12-01T00:00:00Z',
      ChargePeriodStart: '2026-12-02T08:00:00Z',
      x_RunId: 'nightly',
    });
    const calls = rows.filter((row) => row['x_RecordType'] === 'call');
    expect(calls.map((row) => row['x_RecordId'])).toContain(closed?.['x_CorrectedRecordId']);
    // What a month's statement says is what its rows of FOCUS add up to.
    const december = rows.filter((row) => row['BillingPeriodStart']?.startsWith('2026-12') ?? false);
    const statement = await proxy.ask('/api/v1/statements/research/2026-12');
    expect(sumOf(december, 'BilledCost')).toBe(nanoOf(statement['total_usd']));
  }
});

it('is gone on with after any line, and brings later corrections alone', async () => {
  const { proxy, reprice, download } = await correctedLedger();
  await using _ = proxy;
  for (const format of ['jsonl', 'csv', 'focus']) {
    const { text: whole } = await download(`format=${format}`);
    const idsIn = (text: string): string[] => {
      const rows = format === 'jsonl' ? linesOf(text) : csvObjects(text);
      return [...new Set(rows.map((row) => String(row['id'] ?? row['x_RecordId'])))];
    };
    const header = format === 'jsonl' ? '' : whole.slice(0, whole.indexOf('\r\n') + 2);
    const ids = idsIn(whole);
    for (const [at, id] of ids.entries()) {
      const rest = header + (await download(`format=${format}&header=false&cursor=${id}`)).text;
      expect(whole.endsWith(rest.slice(header.length))).toBe(true);
      expect(idsIn(rest)).toEqual(ids.slice(at + 1));
      const one = await download(`format=${format}&limit=1&cursor=${id}`);
      expect(idsIn(one.text)).toEqual(ids.slice(at + 1, at + 2));
    }
  }
  const { next } = await download('format=jsonl');
  expect((await download(`format=jsonl&cursor=${next}`)).text).toBe('');
  await reprice('2');
  const since = linesOf((await download(`format=jsonl&cursor=${next}`)).text);
  expect(since.map((line) => [line['record_type'], line['cost_usd'], line['run_id']])).toEqual([
    ['correction', '0.001500000', 'weekly'],
    ['correction', '0.001000000', 'desk'],
    ['correction', '0.001500000', 'nightly'],
  ]);
  expect(sumOf(linesOf((await download('format=jsonl')).text), 'cost_usd')).toBe(await booksOf(proxy));
});

it('keeps to the filter of its calls', async () => {
  const { proxy, reprice, download } = await correctedLedger();
  await using _ = proxy;
  await reprice('2', 'sales');
  const runsOf = async (query: string, key?: string) =>
    linesOf((await download(`format=jsonl&${query}`, key)).text)
      .filter((line) => line['record_type'] === 'correction')
      .map((line) => line['run_id']);
  expect(await runsOf('')).toEqual(['weekly', 'nightly', 'desk']);
  expect(await runsOf('team=sales')).toEqual(['desk']);
  expect(await runsOf('', SALES)).toEqual(['desk']);
  expect(await runsOf('run_id=nightly')).toEqual(['nightly']);
  expect(await runsOf('session_id=session%20of%20weekly')).toEqual(['weekly']);
  expect(await runsOf('key_id=ci&ending=completed')).toEqual(['weekly', 'nightly']);
  expect(await runsOf('ending=timed_out')).toEqual([]);
  expect(await runsOf('model=gpt-4o')).toEqual([]);
  expect(await runsOf('end_time=2026-12-01')).toEqual(['weekly', 'desk']);
  expect(await runsOf('start_time=2026-12-01')).toEqual(['nightly']);
  const { text } = await download('format=jsonl&team=research');
  const refused = await fetch(`${proxy.url}/api/v1/export?team=sales&cursor=${String(linesOf(text).at(-1)?.['id'])}`, {
    headers: { authorization: `Bearer ${proxy.adminKey}` },
  });
  expect(refused.status).toBe(400);
});

it("is in the organization's costs, in the day of the call, as a line item of its own", async () => {
  const { proxy } = await correctedLedger();
  await using _ = proxy;
  const costs = async (query: string) => {
    const start = Date.parse('2026-11-01') / 1_000;
    const { data } = await proxy.ask(`/v1/organization/costs?start_time=${start}&limit=60&${query}`);
    return asList(data).flatMap((bucket) =>
      asList(asRecord(bucket)['results']).map((result) => ({
        day: new Date(Number(asRecord(bucket)['start_time']) * 1_000).toISOString().slice(0, 10),
        item: asRecord(result)['line_item'],
        project: asRecord(result)['project_id'],
        usd: Number(asRecord(asRecord(result)['amount'])['value']),
      })),
    );
  };
  expect(await costs('')).toEqual([
    { day: '2026-11-10', item: null, project: null, usd: 0.0015 },
    { day: '2026-12-02', item: null, project: null, usd: 0.0005 },
  ]);
  const items = await costs('group_by=line_item&project_ids=research');
  const model = String(items[0]?.item).split(',')[0];
  expect(items.filter(({ usd }) => usd !== 0)).toEqual([
    { day: '2026-11-10', item: `${model}, input_tokens`, project: null, usd: 0.001 },
    { day: '2026-11-10', item: `${model}, corrections`, project: null, usd: -0.0005 },
    { day: '2026-12-02', item: `${model}, input_tokens`, project: null, usd: 0.001 },
    { day: '2026-12-02', item: `${model}, corrections`, project: null, usd: -0.0005 },
  ]);
  const only = await costs(`group_by=project_id&line_items[]=${encodeURIComponent(`${model}, corrections`)}`);
  expect(only.filter(({ usd }) => usd !== 0)).toEqual([
    { day: '2026-11-10', item: null, project: 'research', usd: -0.0005 },
    { day: '2026-12-02', item: null, project: 'research', usd: -0.0005 },
  ]);
});

it('is sent to sinks that ask for it, after its call and under its own id, and counted', async () => {
  const receiver = await startEventReceiver();
  onTestFinished(() => receiver.close());
  const sink = `{ name: out, kind: cloudevents, url: "${receiver.url}", events: [usage, corrections] }`;
  const { proxy, download } = await correctedLedger(`sinks: [${sink}]`);
  await using _ = proxy;
  const lines = linesOf((await download('format=jsonl')).text);
  await vi.waitFor(() => expect(receiver.takenIds).toHaveLength(lines.length), { timeout: 20_000, interval: 20 });
  const [last] = lines.slice(-1);
  const events = receiver.requests.flatMap((request) => cloudEventsOf(request));
  expect(receiver.takenIds.indexOf(String(last?.['id']))).toBeGreaterThan(
    receiver.takenIds.indexOf(String(last?.['record_id'])),
  );
  expect(events.filter((event) => event['type'] === 'cost.corrected')).toHaveLength(2);
  expect(events.find((event) => event['id'] === last?.['id'])).toEqual({
    specversion: '1.0',
    id: last?.['id'],
    source: '/metertap',
    type: 'cost.corrected',
    subject: 'research',
    time: '2026-12-02T08:30:00.000Z',
    datacontenttype: 'application/json',
    dataschema: 'urn:metertap:correction:1',
    data: {
      id: last?.['id'],
      record_id: last?.['record_id'],
      created_at: '2026-12-02T08:30:00.000Z',
      period: '2026-12',
      reason: '=the contract',
      actor: 'admin',
      started_at: '2026-12-02T08:30:00.000Z',
      team: 'research',
      key_id: 'ci',
      run_id: 'nightly',
      session_id: 'session of nightly',
      agent: null,
      user: null,
      labels: { cost_center: '4711' },
      tags: { project: 'apollo' },
      upstream: 'openai',
      model: last?.['response_model'],
      delta_nano_usd: -500_000,
      delta_usd: '-0.000500000',
      cost_before_nano_usd: 1_000_000,
      cost_before_usd: '0.001000000',
      cost_after_nano_usd: 500_000,
      cost_after_usd: '0.000500000',
      price_id_before: last?.['price_id_before'],
      price_id_after: last?.['price_id'],
    },
  });
  const metrics = await (await fetch(`${proxy.url}/metrics`)).text();
  expect(metrics).toContain('metertap_cost_corrections_usd_total{direction="down"} 0.001\n');
  expect(metrics).toContain('metertap_cost_corrections_usd_total{direction="up"} 0\n');
});
