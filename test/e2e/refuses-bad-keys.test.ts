import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mintKey } from '../../src/attribution/key-format.ts';
import { CHAT, errorOf } from '../support/calls.ts';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

const GOOD = mintKey('mt', 'ci');
const DISABLED = mintKey('mt', 'old');
const EXPIRED = mintKey('mt', 'past');
const YAML = `
keys:
  - { id: ci, team: research, key: ${GOOD} }
  - { id: old, team: research, key: ${DISABLED}, disabled: true }
  - { id: past, team: research, key: ${EXPIRED}, expires_at: 2020-01-01T00:00:00Z }
rates: { unauthenticated_per_minute: 1000 }
`;

let upstream: FakeUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'c1', choices: [] }));
  proxy = await startProxy({ upstreamUrl: upstream.url, yaml: YAML });
});

afterAll(async () => {
  await proxy.close();
  await upstream.close();
});

const lastChanged = (key: string) => key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');

const BAD: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['missing', {}],
  ['empty', { authorization: '' }],
  ['of another scheme', { authorization: `Basic ${GOOD}` }],
  ['Bearer alone', { authorization: 'Bearer ' }],
  ['mistyped', { authorization: `Bearer ${lastChanged(GOOD)}` }],
  ['cut short', { authorization: `Bearer ${GOOD.slice(0, -5)}` }],
  ['well formed but unknown', { authorization: `Bearer ${mintKey('mt', 'ci')}` }],
  ['of OpenAI', { authorization: 'Bearer sk-proj-abcdefghijklmnop' }],
  ['disabled', { authorization: `Bearer ${DISABLED}` }],
  ['expired', { authorization: `Bearer ${EXPIRED}` }],
  ['mistyped in api-key', { 'api-key': lastChanged(GOOD) }],
  ['mistyped in x-api-key', { 'x-api-key': lastChanged(GOOD) }],
];

async function ask(method: 'GET' | 'POST', path: string, headers: Readonly<Record<string, string>>) {
  const init = method === 'GET' ? { headers } : { method, headers, body: JSON.stringify(CHAT) };
  const answer = await fetch(`${proxy.baseUrl}/${path}`, init);
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

describe.each([
  ['POST', 'chat/completions'],
  ['GET', 'models'],
  ['POST', 'brand/new'],
] as const)('%s %s', (method, path) => {
  it.each(BAD)('with a key that is %s is answered 401 in the same words', async (_what, headers) => {
    const answer = await ask(method, path, headers);
    const missing = await ask(method, path, {});
    expect(answer.status).toBe(401);
    expect(answer.text).toBe(missing.text);
    expect(errorOf(answer.text)).toMatchObject({ type: 'invalid_request_error', param: null, code: 'invalid_api_key' });
    expect(answer.headers.get('x-metertap-request-id')).toMatch(/^[0-9A-Z]{26}$/);
    expect(answer.headers.get('x-should-retry')).toBe('false');
    expect(upstream.requests).toEqual([]);
    expect(await proxy.records()).toEqual([]);
  });
});

it.each(['authorization', 'api-key', 'x-api-key'])('takes the good key in %s', async (name) => {
  const before = upstream.requests.length;
  const value = name === 'authorization' ? `Bearer ${GOOD}` : GOOD;
  expect((await ask('POST', 'chat/completions', { [name]: value })).status).toBe(200);
  expect(upstream.requests).toHaveLength(before + 1);
});
