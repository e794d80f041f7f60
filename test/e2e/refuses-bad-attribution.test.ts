import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAT, CLIENT_KEY, errorOf } from '../support/calls.ts';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, type RawAnswer, rawRequest, readRawAnswer } from '../support/raw-client.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

let upstream: FakeUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'c1', choices: [] }));
  proxy = await startProxy({ upstreamUrl: upstream.url });
});

afterAll(async () => {
  await proxy.close();
  await upstream.close();
});

/** Posts with header lines as they stand, in bytes. */
async function ask(base: string, lines: readonly (string | Buffer)[]): Promise<RawAnswer> {
  await using client = await connectRaw(proxy.url);
  const head = `POST ${base}/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${CLIENT_KEY}\r\n`;
  client.send(head);
  for (const line of lines) {
    client.send(line);
    client.send('\r\n');
  }
  client.send(rawRequest(['connection: close'], JSON.stringify(CHAT)));
  return readRawAnswer(await client.closed());
}

async function expectRefused(answer: RawAnswer, param: string): Promise<void> {
  expect([answer.status, errorOf(answer.body)]).toEqual([
    400,
    { message: expect.stringContaining(param), type: 'invalid_request_error', param, code: 'invalid_attribution' },
  ]);
  expect(answer.headers.get('x-metertap-request-id')).toMatch(/^[0-9A-Z]{26}$/);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(upstream.requests).toEqual([]);
  expect(await proxy.records()).toEqual([]);
}

const NAMES = ['run-id', 'parent-run-id', 'session-id', 'agent', 'user'].map((name) => `x-metertap-${name}`);
const VALUES: readonly (readonly [string, string | Buffer])[] = [
  ['nothing', ''],
  ['blanks', '   '],
  ['no-op', 'no-op'],
  ['257 characters', 'x'.repeat(257)],
  ['bytes that are no UTF-8', Buffer.from([0x61, 0xff, 0xfe, 0x62])],
  ['an overlong form', Buffer.from([0xc0, 0xaf])],
  ['a tab', 'a\tb'],
  ['a character that cannot be seen', Buffer.from('a\u200bb')],
];

describe.each(NAMES)('%s', (name) => {
  it.each(VALUES)('is refused as %s', async (_what, value) => {
    await expectRefused(await ask('/v1', [Buffer.concat([Buffer.from(`${name}: `), Buffer.from(value)])]), name);
  });
});

it.each(['x-metertap-run-id', 'x-metertap-parent-run-id', 'x-metertap-session-id'])(
  'refuses %s twice with different values',
  async (name) => {
    await expectRefused(await ask('/v1', [`${name}: a`, `${name}: b`]), name);
  },
);

it.each([
  ['no equals sign', 'a'],
  ['no name', '=b'],
  ['one name with two values', 'a=b,a=c'],
  ['a long value', `a=${'x'.repeat(257)}`],
  ['a broken escape', 'a=%zz'],
  ['bytes that are no UTF-8', Buffer.from([0x61, 0x3d, 0xff])],
  ['too many', Array.from({ length: 33 }, (_, i) => `t${i}=x`).join()],
])('refuses tags with %s', async (_what, value) => {
  const line = Buffer.concat([Buffer.from('x-metertap-tags: '), Buffer.from(value)]);
  await expectRefused(await ask('/v1', [line]), 'x-metertap-tags');
});

it.each([
  ['blanks', '/run/%20%20/v1'],
  ['no-op', '/run/no-op/v1'],
  ['a line break', '/run/a%0Ab/v1'],
  ['257 characters', `/run/${'x'.repeat(257)}/v1`],
])('refuses a run id in the path that is %s', async (_what, base) => {
  await expectRefused(await ask(base, []), 'run_id');
});

it('refuses a bad value before it reads the body', async () => {
  await using client = await connectRaw(proxy.url);
  const lines = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${CLIENT_KEY}`];
  client.send(`${[...lines, 'x-metertap-run-id: no-op', 'content-length: 1000'].join('\r\n')}\r\n\r\n{`);
  await expectRefused(readRawAnswer(await client.until('invalid_attribution')), 'x-metertap-run-id');
});

describe('takes', () => {
  it.each([
    ['the same value twice', ['x-metertap-run-id: a', 'x-metertap-run-id: a'], 'a'],
    ['256 characters', [`x-metertap-run-id: ${'x'.repeat(256)}`], 'x'.repeat(256)],
    ['UTF-8', [Buffer.from('x-metertap-run-id: Größe 👋')], 'Größe 👋'],
  ] as const)('%s', async (_what, lines, runId) => {
    await using own = await startProxy({ upstreamUrl: upstream.url });
    await using client = await connectRaw(own.url);
    client.send(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${CLIENT_KEY}\r\n`);
    for (const line of lines) client.send(Buffer.concat([Buffer.from(line), Buffer.from('\r\n')]));
    client.send(rawRequest(['connection: close'], JSON.stringify(CHAT)));
    const answer = readRawAnswer(await client.closed());
    expect(answer.status).toBe(200);
    expect(Buffer.from(answer.headers.get('x-metertap-run-id') ?? '', 'latin1').toString()).toBe(runId);
    expect(await own.records()).toMatchObject([{ run_id: runId }]);
  });
});
