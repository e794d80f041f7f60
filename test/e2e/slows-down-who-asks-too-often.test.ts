import { describe, expect, it } from 'vitest';
import { CHAT, errorOf, get, postWhole } from '../support/calls.ts';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy } from '../support/start-proxy.ts';

const SLOW = 'key-that-is-slow-001';
const FAST = 'key-that-is-fast-001';
const KEYS = `
keys:
  - { id: slow, team: t, key: ${SLOW}, requests_per_minute: 2 }
  - { id: fast, team: t, key: ${FAST} }`;

const startUpstream = (headers: Readonly<Record<string, string>> = {}) =>
  startFakeUpstream((_request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    answerJson(response, { id: 'c1', choices: [] });
  });

/** A 429 that says when to come again. */
function expectSlowedDown(answer: { status: number; headers: Headers; text: string }): void {
  expect(answer.status).toBe(429);
  expect(errorOf(answer.text)).toMatchObject({ type: 'requests', param: null, code: 'rate_limit_exceeded' });
  const afterMs = Number(answer.headers.get('retry-after-ms'));
  expect(afterMs).toBeGreaterThan(0);
  expect(afterMs).toBeLessThanOrEqual(60_000);
  expect(answer.headers.get('retry-after')).toBe(String(Math.ceil(afterMs / 1000)));
  expect(answer.headers.get('x-should-retry')).toBeNull();
  expect(answer.headers.get('x-metertap-request-id')).toMatch(/^[0-9A-Z]{26}$/);
}

describe('requests_per_minute of a key', () => {
  it('lets so many calls through, tells what is left, and answers 429 to the next', async () => {
    await using upstream = await startUpstream();
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml: KEYS });
    const left: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const answer = await postWhole(proxy, 'chat/completions', CHAT, { key: SLOW });
      left.push([
        answer.status,
        answer.headers.get('x-ratelimit-limit-requests'),
        answer.headers.get('x-ratelimit-remaining-requests'),
      ]);
      expect(answer.headers.get('x-ratelimit-reset-requests')).toMatch(/^(\d+ms|\d+s|\d+m\d+s)$/);
    }
    expect(left).toEqual([
      [200, '2', '1'],
      [200, '2', '0'],
    ]);
    expectSlowedDown(await postWhole(proxy, 'chat/completions', CHAT, { key: SLOW }));
    expect((await get(proxy, 'models', SLOW)).status).toBe(429);

    const other = await postWhole(proxy, 'chat/completions', CHAT, { key: FAST });
    expect(other.status).toBe(200);
    expect(other.headers.get('x-ratelimit-limit-requests')).toBeNull();
    expect(upstream.requests).toHaveLength(3);
    expect(await proxy.records()).toHaveLength(3);
    const metrics = await (await fetch(`${proxy.url}/metrics`)).text();
    expect(metrics).toMatch(/metertap_refused_total\{code="rate_limit_exceeded"\} 2/);
  });

  it('is for all keys what rates.key_requests_per_minute says, where a key has none of its own', async () => {
    await using upstream = await startUpstream();
    const yaml = `${KEYS}\nrates: { key_requests_per_minute: 1 }`;
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
    expect((await postWhole(proxy, 'chat/completions', CHAT, { key: FAST })).status).toBe(200);
    expectSlowedDown(await postWhole(proxy, 'chat/completions', CHAT, { key: FAST }));
    expect((await postWhole(proxy, 'chat/completions', CHAT, { key: SLOW })).status).toBe(200);
    expect((await postWhole(proxy, 'chat/completions', CHAT, { key: SLOW })).status).toBe(200);
  });

  it.each([
    ['the upstream, where it leaves less', '0', '9000'],
    ['ours, where the upstream leaves more', '9999', '10000'],
  ])('is told by the tighter of the two: %s', async (_whose, remaining, limit) => {
    await using upstream = await startUpstream({
      'x-ratelimit-limit-requests': limit,
      'x-ratelimit-remaining-requests': remaining,
      'x-ratelimit-reset-requests': '7m12s',
      'x-ratelimit-remaining-tokens': '149984',
    });
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml: KEYS });
    const { headers } = await postWhole(proxy, 'chat/completions', CHAT, { key: SLOW });
    const isOurs = remaining === '9999';
    expect(headers.get('x-ratelimit-limit-requests')).toBe(isOurs ? '2' : limit);
    expect(headers.get('x-ratelimit-remaining-requests')).toBe(isOurs ? '1' : remaining);
    expect(headers.get('x-ratelimit-reset-requests') === '7m12s').toBe(!isOurs);
    expect(headers.get('x-ratelimit-remaining-tokens')).toBe('149984');
    const free = await postWhole(proxy, 'chat/completions', CHAT, { key: FAST });
    expect(free.headers.get('x-ratelimit-limit-requests')).toBe(limit);
  });
});

it('slows down an address that fails to authenticate', async () => {
  await using upstream = await startUpstream();
  const yaml = `${KEYS}\nrates: { unauthenticated_per_minute: 2 }`;
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
  const statuses: number[] = [];
  for (let i = 0; i < 2; i++) {
    statuses.push((await postWhole(proxy, 'chat/completions', CHAT, { key: `guess-${i}-000000000` })).status);
  }
  expect(statuses).toEqual([401, 401]);
  expectSlowedDown(await postWhole(proxy, 'chat/completions', CHAT, { key: 'guess-3-000000000' }));
  expect((await get(proxy, 'models', 'guess-4-000000000')).status).toBe(429);
  expect((await postWhole(proxy, 'chat/completions', CHAT, { key: FAST })).status).toBe(200);
});

it('slows down an address that asks the management API too often, and no calls with it', async () => {
  await using upstream = await startUpstream();
  const yaml = `${KEYS}\nrates: { management_per_minute: 3 }`;
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
  const ask = async (key: string) => {
    const answer = await fetch(`${proxy.url}/api/v1/runs`, { headers: { authorization: `Bearer ${key}` } });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  expect([(await ask(proxy.adminKey)).status, (await ask('a guess')).status, (await ask(FAST)).status]).toEqual([
    200, 401, 200,
  ]);
  expectSlowedDown(await ask(proxy.adminKey));
  expect((await postWhole(proxy, 'chat/completions', CHAT, { key: FAST })).status).toBe(200);
  expect((await fetch(`${proxy.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${proxy.url}/metrics`)).status).toBe(200);
});
