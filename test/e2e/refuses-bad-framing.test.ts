import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAT, CLIENT_KEY, errorOf } from '../support/calls.ts';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, rawRequest, readRawAnswer } from '../support/raw-client.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

const BODY = JSON.stringify(CHAT);
const HEAD = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${CLIENT_KEY}\r\n`;

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

/** Sends `bytes` and the end of the sending side, and reads the one answer until the connection is closed. */
async function answerTo(bytes: string | Buffer) {
  await using client = await connectRaw(proxy.url);
  client.send(bytes);
  client.endSending();
  const received = await client.closed();
  expect(received.match(/HTTP\/1\.1 \d{3} /g)).toHaveLength(1);
  return readRawAnswer(received);
}

async function expectRefused(bytes: string | Buffer, status: number, code: string): Promise<void> {
  const answer = await answerTo(bytes);
  expect([answer.status, errorOf(answer.body)]).toEqual([
    status,
    { message: expect.stringMatching(/^The .{10,}[.]$/), type: 'invalid_request_error', param: null, code },
  ]);
  expect(answer.headers.get('content-length')).toBe(String(answer.body.length));
  expect(answer.headers.get('x-metertap-request-id')).toMatch(/^[0-9A-Z]{26}$/);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(upstream.requests).toEqual([]);
  expect(await proxy.records()).toEqual([]);
}

describe('answers 400 malformed_request to', () => {
  const chunk = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
  const REQUESTS: readonly (readonly [string, string])[] = [
    ['a body that is shorter than its length', `${HEAD}content-length: ${BODY.length + 100}\r\n\r\n${BODY}`],
    ['two lengths that differ', `${HEAD}content-length: 5\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`],
    ['a list of lengths', `${HEAD}content-length: 5, 6\r\n\r\n${BODY}`],
    ['a length that is no number', `${HEAD}content-length: ten\r\n\r\n${BODY}`],
    ['a negative length', `${HEAD}content-length: -1\r\n\r\n${BODY}`],
    ['a length beside chunks', `${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`],
    ['an unknown transfer coding', `${HEAD}transfer-encoding: rot13\r\n\r\n${BODY}`],
    ['a chunk whose size is no number', `${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n${BODY}\r\n0\r\n\r\n`],
    ['chunks without an end', `${HEAD}transfer-encoding: chunked\r\n\r\n${BODY.length.toString(16)}\r\n${BODY}\r\n`],
    ['a header without a colon', `${HEAD}no header at all\r\n\r\n`],
    ['a blank before the colon', `${HEAD}x-run-id : 1\r\n\r\n`],
    ['a control character in a header', `${HEAD}x-run-id: a\u0001b\r\n\r\n`],
    ['a header that is folded', `${HEAD}x-run-id: a\r\n b\r\n\r\n`],
    ['a request without host', 'POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}'],
    ['a method in small letters', 'post /v1/chat/completions HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['a method that does not exist', 'BREW /v1/chat/completions HTTP/1.1\r\nhost: x\r\n\r\n'],
    ['garbage', 'good morning\r\n\r\n'],
    ['bytes that are no text', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\r\n\r\n'],
    ['HTTP/2 without being asked', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a version that does not exist', 'GET /v1/models HTTP/9.9\r\nhost: x\r\n\r\n'],
  ];
  it.each(REQUESTS)('%s', async (_what, request) => {
    await expectRefused(request, 400, 'malformed_request');
  });
});

it('answers 431 to headers that are too large', async () => {
  await expectRefused(`${HEAD}x-large: ${'x'.repeat(64 * 1024)}\r\n\r\n`, 431, 'headers_too_large');
});

it('answers 431 to a URL that is too large', async () => {
  const request = `GET /v1/models?x=${'x'.repeat(64 * 1024)} HTTP/1.1\r\nhost: x\r\n\r\n`;
  await expectRefused(request, 431, 'headers_too_large');
});

it('serves the next request of the connection after one that was refused', async () => {
  await using client = await connectRaw(proxy.url);
  client.send(`${HEAD}content-length: 8\r\n\r\nnot json`);
  expect(readRawAnswer(await client.until('malformed_body')).status).toBe(400);
  client.send(rawRequest([HEAD.trimEnd(), 'connection: close'], BODY));
  expect(await client.closed()).toContain('HTTP/1.1 200 OK');
  expect(await proxy.records()).toHaveLength(1);
});

it.each([
  ['an absolute URL', HEAD.replace('/v1/', 'http://metertap.example/v1/')],
  ['an expectation that nobody knows', `${HEAD}expect: wonders\r\n`],
])('serves a request with %s, which HTTP allows', async (_name, head) => {
  await using client = await connectRaw(proxy.url);
  client.send(rawRequest([head.trimEnd(), 'connection: close'], BODY));
  expect(readRawAnswer(await client.closed()).status).toBe(200);
  const received = upstream.requests.at(-1);
  expect(received?.url).toBe('/v1/chat/completions');
  expect(received?.headers).not.toHaveProperty('expect');
});

it('puts no answer to garbage into the middle of a stream', async () => {
  const began = 'data: {"id":"c1","choices":[]}\n\n';
  const answering = Promise.withResolvers<ServerResponse>();
  await using streaming = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(began, () => answering.resolve(response));
  });
  await using own = await startProxy({ upstreamUrl: streaming.url });
  await using client = await connectRaw(own.url);
  const body = JSON.stringify({ ...CHAT, stream: true, stream_options: { include_usage: true } });
  client.send(rawRequest([HEAD.trimEnd()], body));
  await client.until(began);
  client.send('garbage\r\n\r\n');
  const received = await client.closed();
  expect(received.match(/HTTP\/1\.1 \d{3} /g)).toEqual(['HTTP/1.1 200 ']);
  expect(received).not.toContain('malformed_request');
  (await answering.promise).end('data: [DONE]\n\n');
  expect(await own.records()).toMatchObject([{ ending: 'client_left' }]);
});
