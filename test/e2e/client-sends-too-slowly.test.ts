import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT_KEY, errorOf } from '../support/calls.ts';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, readRawAnswer } from '../support/raw-client.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

const HEAD = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${CLIENT_KEY}\r\n`;

let upstream: FakeUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'c1', choices: [] }));
  proxy = await startProxy({ upstreamUrl: upstream.url, yaml: 'listen: { request_timeout_ms: 100 }' });
});

afterAll(async () => {
  await proxy.close();
  await upstream.close();
});

/** Whichever HTTP reads them, of all kinds of connections that keep a client's place and bring no request. */
describe('answers 408 request_timeout after `listen.request_timeout_ms` to', () => {
  it.each([
    ['half a head', HEAD],
    ['half a head that only Node reads', `${HEAD}x-note: ${'x'.repeat(17_000)}`],
    ['half a body', `${HEAD}content-length: 100\r\n\r\n{`],
    ['a body of chunks that do not come', `${HEAD}transfer-encoding: chunked\r\n\r\n`],
    ['half a chunk', `${HEAD}transfer-encoding: chunked\r\n\r\n9\r\n{`],
    [
      'half a change of the settings',
      'POST /api/v1/teams HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ADMIN\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
    ],
  ])('%s', async (_name, bytes) => {
    await using client = await connectRaw(proxy.url);
    client.send(bytes.replace('ADMIN', proxy.adminKey));
    const answer = readRawAnswer(await client.closed());
    expect(answer.status).toBe(408);
    expect(errorOf(answer.body)).toMatchObject({ type: 'invalid_request_error', code: 'request_timeout' });
    expect(answer.headers.get('x-metertap-request-id')).toMatch(/^[0-9A-Z]{26}$/);
    expect(upstream.requests).toEqual([]);
    expect(await proxy.records()).toEqual([]);
  });
});
