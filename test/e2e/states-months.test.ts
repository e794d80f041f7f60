import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { errorOf } from '../support/calls.ts';
import { runCli } from '../support/cli-process.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RESEARCH = 'key-of-research-0001';
const SALES = 'key-of-sales-000001';
const YAML = (input: string) => `
auth: { mode: keys }
keys: [{ id: ci, team: research, key: ${RESEARCH} }, { id: desk, team: sales, key: ${SALES} }]
prices: [{ provider: openai, model: gpt-5-mini, input_per_mtok: "${input}", output_per_mtok: "0" }]
`;

let simulator: Simulator;
beforeAll(async () => {
  simulator = await createSimulator({ port: 0, models: ['gpt-5-mini', 'our-own'] });
});
afterAll(() => simulator.close());

/** A proxy whose clock and prices are the test's. */
async function start() {
  let nowMs = Date.parse('2026-11-10T12:00:00Z');
  const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() };
  const env = { METERTAP_UPSTREAM_KEY: 'sk-upstream' };
  const options = { upstreamUrl: simulator.baseUrl, yaml: YAML('1'), clock, env };
  const proxy = await startProxy(options);
  const ask = async (path: string, init: RequestInit = {}, key = proxy.adminKey) => {
    const answer = await fetch(`${proxy.url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...init.headers },
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const post = (path: string, body: unknown, headers = {}, key = proxy.adminKey) =>
    ask(path, { method: 'POST', body: JSON.stringify(body), headers }, key);
  return {
    proxy,
    ask,
    post,
    at: (time: string) => {
      nowMs = Date.parse(time);
    },
    reprice: async (input: string) => {
      options.yaml = YAML(input);
      await post('/api/v1/reload', {});
      const order = { start_time: '2026-11-01', end_time: '2027-01-01', reason: 'the contract' };
      return asRecord(JSON.parse((await post('/api/v1/reprice', order)).text));
    },
    statement: async (month: string, team = 'research') =>
      asRecord(JSON.parse((await ask(`/api/v1/statements/${team}/${month}`)).text)),
  };
}

type Started = Awaited<ReturnType<typeof start>>;

async function chat({ post }: Started, run: string, options: { key?: string; model?: string } = {}): Promise<void> {
  const body = { model: options.model ?? 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello.' }] };
  const headers = { 'x-sim-input-tokens': '1000', 'x-sim-output-tokens': '10', 'x-metertap-run-id': run };
  expect((await post('/v1/chat/completions', body, headers, options.key ?? RESEARCH)).status).toBe(200);
}

async function queueBackground({ post }: Started): Promise<string> {
  const body = { model: 'gpt-5-mini', input: 'Hello.', background: true };
  const headers = { 'x-sim-input-tokens': '5000', 'x-sim-output-tokens': '10' };
  const answer = await post('/v1/responses', body, headers, RESEARCH);
  return String(asRecord(JSON.parse(answer.text))['id']);
}

/** Looks at a background response until it is over. */
async function settle({ ask, proxy }: Started, id: string): Promise<void> {
  for (;;) {
    const answer = await ask(`/v1/responses/${id}`, {}, RESEARCH);
    if (['completed', 'failed'].includes(String(asRecord(JSON.parse(answer.text))['status']))) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await settledLedger(proxy);
}

async function settledLedger(proxy: TestProxy): Promise<void> {
  for (;;) {
    const records = await proxy.records();
    if (records.every((record) => record['ending'] !== 'queued')) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

it('closes a month for good; what comes late and what is corrected stands in the next', async () => {
  const started = await start();
  const { proxy, ask, post, at, statement } = started;
  await using _ = proxy;
  await chat(started, 'nightly');
  await chat(started, 'weekly', { model: 'our-own' });
  await chat(started, 'desk', { key: SALES });
  at('2026-11-30T23:59:50Z');
  const background = await queueBackground(started);
  at('2026-12-02T08:00:00Z');
  await chat(started, 'nightly');

  expect(await statement('2026-11')).toMatchObject({
    state: 'open',
    opening_balance_usd: '0.000000000',
    calls_usd: '0.001000000',
    total_usd: '0.001000000',
    apart: { unpriced: { calls: 1 }, open: { calls: 1 } },
    csv_sha256: null,
  });
  expect((await post('/api/v1/statements/research/2026-11/close', {}, {}, RESEARCH)).status).toBe(403);
  const closing = asRecord(JSON.parse((await post('/api/v1/statements/research/2026-11/close', {})).text));
  expect(closing).toMatchObject({ state: 'closed', total_usd: '0.001000000', closed_at: '2026-12-02T08:00:00.000Z' });

  const formats = ['json', 'csv', 'html'];
  const documents = async () =>
    Promise.all(formats.map(async (format) => ask(`/api/v1/statements/research/2026-11?format=${format}`)));
  const before = await documents();
  for (const [position, { text, headers }] of before.entries()) {
    const digest = createHash('sha256').update(text).digest('hex');
    expect(asRecord(closing['sha256'])[formats[position] ?? '']).toBe(digest);
    expect(headers.get('etag')).toBe(`"sha256-${digest}"`);
  }

  expect(asList((await proxy.ask('/api/v1/audit?target_type=statement'))['data'])).toMatchObject([
    { actor: 'admin', action: 'statement.close', target_id: 'research/2026-11', after: { total_usd: '0.001000000' } },
  ]);

  at('2026-12-03T08:00:00Z');
  await settle(started, background);
  expect(await started.reprice('3')).toMatchObject({ corrected: 4, corrections_usd: '0.016000000' });

  expect((await documents()).map(({ text }) => text)).toEqual(before.map(({ text }) => text));
  expect(await statement('2026-12')).toMatchObject({
    state: 'open',
    opening_balance_usd: '0.001000000',
    calls_usd: '0.001000000',
    late_calls_usd: '0.005000000',
    corrections_usd: '0.014000000',
    total_usd: '0.020000000',
    closing_balance_usd: '0.021000000',
    late_by_month: [{ month: '2026-11', cost_usd: '0.005000000', corrections_usd: '0.012000000' }],
    corrections: [
      { reason: 'the contract', month: '2026-11', corrections: 2, corrections_usd: '0.012000000' },
      { reason: 'the contract', month: '2026-12', corrections: 1, corrections_usd: '0.002000000' },
    ],
  });

  at('2027-01-01T00:00:01Z');
  await post('/api/v1/statements/research/2026-12/close', {});
  const list = await proxy.ask('/api/v1/statements?team=research');
  expect(asList(list['data'])).toMatchObject([
    { period: '2027-01', state: 'open', opening_balance_usd: '0.021000000', total_usd: '0.000000000' },
    { period: '2026-12', state: 'closed', total_usd: '0.020000000', closing_balance_usd: '0.021000000' },
    { period: '2026-11', state: 'closed', total_usd: '0.001000000' },
  ]);
  const usage = JSON.stringify(await proxy.ask('/api/v1/usage?bucket=1d&team=research&start_time=2026-11-01'));
  const usd = [...usage.matchAll(/"corrected_cost_usd":"0\.(\d{9})"/g)].reduce(
    (sum, [, nano]) => sum + Number(nano),
    0,
  );
  expect(usd).toBe(21_000_000);
});

it('shows a team its own statements, and nobody else', async () => {
  const started = await start();
  const { proxy, ask } = started;
  await using _ = proxy;
  await chat(started, 'nightly');
  await chat(started, 'desk', { key: SALES });
  const codeOf = async (path: string, key?: string) => {
    const { status, text } = await ask(`/api/v1/statements${path}`, {}, key);
    return [status, status === 200 ? null : errorOf(text)['code']];
  };
  expect(await codeOf('/sales/2026-11', SALES)).toEqual([200, null]);
  expect(await codeOf('/research/2026-11', SALES)).toEqual([403, 'permission_denied']);
  expect(await codeOf('/research/2026-10')).toEqual([404, 'not_found']);
  expect(await codeOf('/research/2026-12')).toEqual([404, 'not_found']);
  expect(await codeOf('/nobody/2026-11')).toEqual([404, 'not_found']);
  expect(await codeOf('/research/2026-13')).toEqual([400, 'invalid_parameter']);
  expect(await codeOf('/research/2026-11?format=pdf')).toEqual([400, 'invalid_parameter']);
  const { text } = await ask('/api/v1/statements', {}, SALES);
  expect(asList(asRecord(JSON.parse(text))['data'])).toMatchObject([{ team: 'sales', period: '2026-11' }]);
});

it('is one page that loads nothing and runs nothing, whatever a run is called', async () => {
  const started = await start();
  await using _ = started.proxy;
  await chat(started, '<script>alert(1)</script>');
  await chat(started, '=1+1,"x"');
  const html = await started.ask('/api/v1/statements/research/2026-11?format=html');
  expect(html.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(html.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(html.text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(html.text).toContain('@media print');
  expect(html.text).not.toMatch(/<script|<link|<img|src=|href=|url\(/i);
  const csv = await started.ask('/api/v1/statements/research/2026-11?format=csv');
  expect(csv.text).toContain(`"'=1+1,""x"""`);
});

it('metertap statement shows, lists and closes', async () => {
  const started = await start();
  const { proxy, at } = started;
  await using _ = proxy;
  await chat(started, 'nightly');
  await chat(started, 'desk', { key: SALES });
  at('2027-01-02T00:00:00Z');
  const cwd = temporaryFolder();
  const env = { METERTAP_URL: proxy.url, METERTAP_ADMIN_KEY: proxy.adminKey };
  const run = (...args: string[]) => runCli(['statement', ...args], { cwd, env });

  const shown = await run('--team', 'research', '--month', '2026-11');
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(/^research, 2026-11: open, as of /);
  expect(shown.stdout).toMatch(/^Closing balance +0\.001000000$/m);
  expect(shown.stdout).toMatch(/^nightly +1 +1000 /m);

  const closed = await run('close', '--month', '2026-12', '--json');
  expect(asList(asRecord(JSON.parse(closed.stdout))['data'])).toMatchObject([
    { team: 'sales', period: '2026-11', state: 'closed' },
    { team: 'sales', period: '2026-12', state: 'closed' },
    { team: 'research', period: '2026-11', state: 'closed' },
    { team: 'research', period: '2026-12', state: 'closed' },
  ]);
  expect((await run('list', '--team', 'research')).stdout).toMatch(
    /^research +2026-11 +closed +0\.000000000 +0\.001000000/m,
  );
  expect((await run('close', '--month', '2026-12')).code).toBe(1);

  const path = 'november.csv';
  const file = await run('--team', 'research', '--month', '2026-11', '--format', 'csv', '--output', path);
  const answer = await fetch(`${proxy.url}/api/v1/statements/research/2026-11?format=csv`, {
    headers: { authorization: `Bearer ${proxy.adminKey}` },
  });
  expect([file.code, readFileSync(join(cwd, path), 'utf8')]).toEqual([0, await answer.text()]);
  for (const args of [
    ['--team', 'research'],
    ['close'],
    ['--team', 'a', '--month', '2026-11', '--format', 'pdf'],
    ['x'],
    ['--team', 'a', '--month', '2026-13'],
    ['close', '--month', 'november'],
  ]) {
    expect((await run(...args)).code).toBe(2);
  }
  expect((await run('close', '--month', '9')).stderr).toContain('--month "9" is no month. Write it as 2026-11.');
});
