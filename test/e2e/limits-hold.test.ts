import { describe, expect, it } from 'vitest';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEYS = `
keys:
  - { id: ci, team: research, key: a-key-of-the-file-1 }
prices: [{ provider: default, model: "*", input_per_mtok: "1", output_per_mtok: "1" }]
upstreams: [{ name: default, base_url: "\${METERTAP_UPSTREAM_URL}", models: ["*"] }]
log: { level: info }
`;

/** An answer that used so many tokens. */
const answer = (input: number, output: number) => ({
  id: 'chatcmpl-1',
  model: 'gpt-5-mini',
  choices: [{ index: 0, message: { role: 'assistant', content: 'x' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
});

async function startLimited(limits: string, use: { input: number; output: number } = { input: 10, output: 20 }) {
  const upstream = await startFakeUpstream((_request, response) => answerJson(response, answer(use.input, use.output)));
  const proxy = await startProxy({ upstreamUrl: upstream.url, yaml: `${KEYS}${limits}` });
  return {
    upstream,
    proxy,
    [Symbol.asyncDispose]: async () => {
      await proxy.close();
      await upstream.close();
    },
  };
}

interface Called {
  readonly status: number;
  readonly headers: Headers;
  readonly error: Record<string, unknown>;
}

async function call(
  proxy: TestProxy,
  options: { headers?: Record<string, string>; body?: object; key?: string } = {},
): Promise<Called> {
  const response = await fetch(`${proxy.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${options.key ?? 'a-key-of-the-file-1'}`,
      'content-type': 'application/json',
      ...options.headers,
    },
    body: JSON.stringify({
      model: 'gpt-5-mini',
      max_tokens: 20,
      messages: [{ role: 'user', content: 'hi' }],
      ...options.body,
    }),
  });
  const body = asRecord(await response.json());
  return {
    status: response.status,
    headers: response.headers,
    error: response.ok ? {} : asRecord(body['error']),
  };
}

const inRun = (run: string, more: Record<string, string> = {}) => ({ headers: { 'x-metertap-run-id': run, ...more } });

describe('a limit of a team', () => {
  // Each call may put out 20 tokens, and does; output costs a micro-dollar a token, input nothing.
  it.each([
    '{ requests: 10, per: month }',
    '{ output_tokens: 219, per: day }',
    '{ budget_usd: "0.0002", per: month }',
    '{ budget_usd: "0.000219", per: month, window: rolling }',
  ])('for ten calls (%s) admits exactly ten of a thousand at the same time', async (rule) => {
    const yaml = `${KEYS.replace('input_per_mtok: "1"', 'input_per_mtok: "0"')}teams: [{ id: research, limits: [${rule}] }]`;
    await using upstream = await startFakeUpstream((_request, response) => answerJson(response, answer(10, 20)));
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
    const calls = await Promise.all(Array.from({ length: 1_000 }, () => call(proxy)));
    expect(calls.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(calls.filter(({ status }) => status === 429)).toHaveLength(990);
    expect(upstream.requests).toHaveLength(10);
    expect(await proxy.records()).toHaveLength(10);
  });

  it('says which rule refuses, what is used and when it resets, and that trying again is no use', async () => {
    await using stage = await startLimited('teams: [{ id: research, limits: [{ requests: 1, per: month }] }]');
    await call(stage.proxy);
    const refused = await call(stage.proxy);
    expect(refused.status).toBe(429);
    expect(refused.error).toMatchObject({ type: 'requests', code: 'rate_limit_exceeded', param: null });
    expect(refused.error['limit']).toMatchObject({
      rule: 'requests per month',
      scope: 'team',
      team: 'research',
      limit: 1,
      used: 1,
      held: 0,
      remaining: 0,
    });
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('x-metertap-request-id')).toMatch(/^[0-9A-Z]{26}$/);
  });

  it('is a rate where it is per minute, and says after how long the call fits', async () => {
    await using stage = await startLimited('teams: [{ id: research, limits: [{ requests: 2, per: minute }] }]');
    const first = await call(stage.proxy);
    expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2');
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1');
    await call(stage.proxy);
    const refused = await call(stage.proxy);
    expect(refused).toMatchObject({ status: 429, error: { code: 'rate_limit_exceeded', type: 'requests' } });
    const waitMs = Number(refused.headers.get('retry-after-ms'));
    expect(waitMs).toBeGreaterThan(20_000);
    expect(waitMs).toBeLessThanOrEqual(30_000);
    expect(refused.headers.has('x-should-retry')).toBe(false);
  });

  it('counts tokens as they were reported in the end', async () => {
    await using stage = await startLimited('teams: [{ id: research, limits: [{ tokens: 100, per: day }] }]');
    const { proxy } = stage;
    expect((await call(proxy)).headers.get('x-ratelimit-limit-tokens')).toBe('100');
    await proxy.records();
    await call(proxy);
    await proxy.records();
    // 60 are used; the third call may need some 24 + 20 of the 40 that are left.
    const refused = await call(proxy);
    expect(refused).toMatchObject({ status: 429, error: { code: 'rate_limit_exceeded', type: 'tokens' } });
    expect(refused.error['limit']).toMatchObject({ measure: 'tokens', used: 60, held: 0, remaining: 40 });
    expect((await call(proxy, { body: { max_tokens: 5 } })).status).toBe(200);
  });

  it('is a budget where it is money, reserved at the worst price', async () => {
    // A call costs 30 nano-USD times 1,000: input and output are 1 USD per million tokens.
    await using stage = await startLimited('teams: [{ id: research, limits: [{ budget_usd: "0.0001", per: month }] }]');
    const { proxy } = stage;
    const first = await call(proxy);
    expect(Number(first.headers.get('x-metertap-budget-remaining-usd'))).toBeLessThan(0.0001);
    await proxy.records();
    await call(proxy);
    await proxy.records();
    const refused = await call(proxy);
    expect(refused).toMatchObject({ status: 429, error: { code: 'budget_exceeded', type: 'insufficient_quota' } });
    expect(refused.error['limit']).toMatchObject({ used: '0.000060000', remaining: '0.000040000' });
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(refused.headers.get('x-metertap-budget-remaining-usd')).toBe('0.000040000');
  });

  it('goes on where it stood after a restart', async () => {
    await using upstream = await startFakeUpstream((_request, response) => answerJson(response, answer(10, 20)));
    const yaml = `${KEYS}teams: [{ id: research, limits: [{ requests: 3, per: week, timezone: Asia/Tokyo }] }]`;
    const dataDir = temporaryFolder();
    const before = await startProxy({ upstreamUrl: upstream.url, yaml, dataDir });
    await call(before);
    await call(before);
    await before.close();
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml, dataDir });
    expect((await call(proxy)).status).toBe(200);
    expect((await call(proxy)).status).toBe(429);
  });
});

describe('a limit of a team that was made over the management API', () => {
  it('holds as soon as the answer is there, keeps what was used when it is edited, and alerts once', async () => {
    await using stage = await startLimited('');
    const { proxy } = stage;
    const manage = (method: string, path: string, body: object) =>
      fetch(`${proxy.url}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${proxy.adminKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const limits = [{ requests: 2, per: 'month', alert_at: [50], on_store_failure: 'closed' }];
    expect((await manage('POST', '/teams', { id: 'research', limits })).status).toBe(201);
    expect([(await call(proxy)).status, (await call(proxy)).status, (await call(proxy)).status]).toEqual([
      200, 200, 429,
    ]);
    expect((await manage('PATCH', '/teams/research', { limits: [{ requests: 3, per: 'month' }] })).status).toBe(200);
    expect([(await call(proxy)).status, (await call(proxy)).status]).toEqual([200, 429]);
    await proxy.records();
    const alerts = () => proxy.logLines.filter(({ type }) => type === 'limit.threshold_reached');
    await expect.poll(alerts).toMatchObject([
      { threshold: 50, used: 1, limit: 2, team: 'research', rule: 'requests per month' },
      { threshold: 80, used: 3, limit: 3 },
      { threshold: 100, used: 3, limit: 3 },
    ]);
  });

  it('is refused where it makes no sense', async () => {
    await using stage = await startLimited('');
    const answer = await fetch(`${stage.proxy.url}/api/v1/teams`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stage.proxy.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'x', limits: [{ requests: 0, per: 'month' }] }),
    });
    expect(answer.status).toBe(400);
    expect(asRecord(asRecord(await answer.json())['error'])).toMatchObject({ param: 'limits' });
  });
});

describe('calls at the same time', () => {
  it('are as many as the rule says, and more when others have ended', async () => {
    const waiting: (() => void)[] = [];
    await using upstream = await startFakeUpstream(
      (_request, response) =>
        new Promise((resolve) => {
          waiting.push(() => {
            answerJson(response, answer(1, 1));
            resolve();
          });
        }),
    );
    const yaml = `${KEYS}teams: [{ id: research, limits: [{ parallel: 2 }] }]`;
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
    const open = [call(proxy), call(proxy)];
    await expect.poll(() => waiting.length).toBe(2);
    const refused = await call(proxy);
    expect(refused).toMatchObject({ status: 429, error: { code: 'rate_limit_exceeded', limit: { held: 2 } } });
    for (const answerIt of waiting) answerIt();
    await Promise.all(open);
    waiting.length = 0;
    await proxy.records();
    const again = call(proxy);
    await expect.poll(() => waiting.length).toBe(1);
    for (const answerIt of waiting) answerIt();
    expect((await again).status).toBe(200);
  });
});

describe('a response that runs in the background', () => {
  it('keeps its hold until it is seen to be over', async () => {
    let status = 'queued';
    await using upstream = await startFakeUpstream((_request, response) =>
      answerJson(response, {
        id: 'resp_1',
        object: 'response',
        model: 'gpt-5-mini',
        status,
        ...(status === 'completed' ? { usage: { input_tokens: 40, output_tokens: 30, total_tokens: 70 } } : {}),
      }),
    );
    const yaml = `${KEYS}teams: [{ id: research, limits: [{ parallel: 1 }, { tokens: 1000, per: day }] }]`;
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
    const headers = { authorization: 'Bearer a-key-of-the-file-1', 'content-type': 'application/json' };
    const body = JSON.stringify({ model: 'gpt-5-mini', input: 'hi', background: true, max_output_tokens: 50 });
    const respond = () => fetch(`${proxy.baseUrl}/responses`, { method: 'POST', headers, body });
    expect((await respond()).status).toBe(200);
    expect((await respond()).status).toBe(429);
    status = 'completed';
    await (await fetch(`${proxy.baseUrl}/responses/resp_1`, { headers })).arrayBuffer();
    await proxy.records();
    const [parallel, tokens] = asList((await proxy.ask('/api/v1/limits?team=research'))['data']);
    expect(parallel).toMatchObject({ held: 0 });
    expect(tokens).toMatchObject({ used: 70, held: 0 });
    expect((await respond()).status).toBe(200);
  });
});

describe('the limits of a run', () => {
  it('hold for each run on its own, and for its children with it', async () => {
    await using stage = await startLimited('limits: { default_run: [{ requests: 2, per: run }] }');
    const { proxy } = stage;
    expect((await call(proxy, inRun('a'))).status).toBe(200);
    expect((await call(proxy, inRun('a.child', { 'x-metertap-parent-run-id': 'a' }))).status).toBe(200);
    const refused = await call(proxy, inRun('a.other', { 'x-metertap-parent-run-id': 'a' }));
    expect(refused).toMatchObject({
      status: 429,
      error: { type: 'insufficient_quota', code: 'run_limit_exceeded', limit: { run_id: 'a', used: 2 } },
    });
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect((await call(proxy, inRun('b'))).status).toBe(200);
    expect((await call(proxy)).status).toBe(200);
  });

  it('hold as soon as they are declared, in the words of UsageLimits, and the run is their statement', async () => {
    await using stage = await startLimited('');
    const { proxy } = stage;
    expect((await call(proxy, inRun('a'))).status).toBe(200);
    await proxy.records();
    const declared = await fetch(`${proxy.url}/api/v1/runs/a?team=research`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${proxy.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ limits: [{ request_limit: 2, cost_limit: '1' }] }),
    });
    expect(declared.status).toBe(200);
    expect((await call(proxy, inRun('a'))).status).toBe(200);
    await proxy.records();
    expect((await call(proxy, inRun('a'))).error).toMatchObject({ code: 'run_limit_exceeded', limit: { used: 2 } });
    expect((await proxy.ask('/api/v1/runs/a?team=research'))['limits']).toMatchObject([
      { rule: 'requests per run', limit: 2, used: 2, held: 0, remaining: 0, resets_at: null },
      { rule: 'budget_usd per run', limit: '1.000000000', used: '0.000060000', remaining: '0.999940000' },
    ]);
    const listed = await proxy.ask('/api/v1/limits?team=research&run_id=a');
    expect(listed['data']).toHaveLength(2);
  });

  it('may be tightened by the client, and not loosened', async () => {
    await using stage = await startLimited('limits: { default_run: [{ requests: 3, per: run }] }');
    const { proxy } = stage;
    const tight = inRun('a', { 'x-metertap-run-limits': 'requests=1,tokens=5000' });
    expect((await call(proxy, tight)).status).toBe(200);
    expect((await call(proxy, tight)).error).toMatchObject({ code: 'run_limit_exceeded', limit: { limit: 1 } });
    const loose = inRun('a', { 'x-metertap-run-limits': 'requests=50' });
    expect((await call(proxy, loose)).status).toBe(200);
    expect((await call(proxy, loose)).status).toBe(200);
    expect((await call(proxy, loose)).status).toBe(429);
    expect(proxy.logLines.some((line) => String(line['msg']).includes('may only tighten'))).toBe(true);
  });

  it.each([
    'requests',
    'requests=-1',
    'requests=0',
    'requests=1.5',
    'weight=3',
    'requests=1,requests=2',
    'budget_usd=1e3',
  ])('are refused in the header where they read %s', async (header) => {
    await using stage = await startLimited('');
    const refused = await call(stage.proxy, inRun('a', { 'x-metertap-run-limits': header }));
    expect(refused).toMatchObject({
      status: 400,
      error: { code: 'invalid_attribution', param: 'x-metertap-run-limits' },
    });
  });
});
