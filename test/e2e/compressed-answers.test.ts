import type { IncomingHttpHeaders } from 'node:http';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENCODERS, encode } from '../support/content-codings.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { withoutInjectedUsage } from '../support/raw-events.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

const DOCUMENT = Buffer.from(
  '{"id":"chatcmpl-1","model":"gpt-5-mini","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}',
);
const STREAM = Buffer.from(
  [
    'data: {"id":"chatcmpl-1","model":"gpt-5-mini","choices":[{"index":0,"delta":{"content":"Grüße"}}],"usage":null}\n\n',
    'data: {"id":"chatcmpl-1","model":"gpt-5-mini","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}\n\n',
    'data: [DONE]\n\n',
  ].join(''),
);
const USAGE = { input_tokens: 7, output_tokens: 3, total_tokens: 10 };
const ASKING = '{"model":"gpt-5-mini","stream":true,"stream_options":{"include_usage":true},"messages":[]}';
const NOT_ASKING = '{"model":"gpt-5-mini","stream":true,"messages":[]}';
const JSON_REQUEST = '{"model":"gpt-5-mini","messages":[]}';

/** What the upstream answers next. */
let next: { body: Buffer; headers: Record<string, string>; pieces: number } = { body: STREAM, headers: {}, pieces: 1 };
let upstream: FakeUpstream;
let proxy: TestProxy;
let client: Pool;

beforeAll(async () => {
  upstream = await startFakeUpstream((_request, response) => {
    const { body, headers, pieces } = next;
    response.writeHead(200, headers);
    const size = Math.ceil(body.length / pieces);
    for (let at = 0; at < body.length; at += size) response.write(body.subarray(at, at + size));
    response.end();
  });
  proxy = await startProxy({ upstreamUrl: upstream.url, yaml: 'estimates: { missing_usage: leave }\n' });
  client = new Pool(proxy.url);
});

afterAll(async () => {
  await client?.close();
  await proxy?.close();
  await upstream?.close();
});

/** Calls; `body` is null where the answer was cut. */
async function call(request: string, headers: Record<string, string> = {}) {
  const answer = await client.request({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { authorization: 'Bearer sk-client', 'content-type': 'application/json', ...headers },
    body: request,
  });
  const body = await answer.body.arrayBuffer().then(
    (bytes) => Buffer.from(bytes),
    () => null,
  );
  return { headers: answer.headers, body };
}

/** The record of a call, once it has ended: where an answer was cut, its record may follow. */
async function recordOf(answer: { headers: IncomingHttpHeaders }): Promise<Record<string, unknown>> {
  await proxy.records();
  return await proxy.ask(`/api/v1/records/${answer.headers['x-metertap-request-id']}`);
}

const CODINGS = [...Object.keys(ENCODERS), 'gzip, br'];

describe.each(CODINGS)('an answer with content-encoding: %s', (coding) => {
  const coded = (bytes: Buffer) => encode(bytes, coding.split(', '));

  it.each([
    ['in one piece', 1, true],
    ['in pieces', 9, true],
    ['of unknown length, in pieces', 9, false],
  ])('that is JSON, %s, passes as it is and is metered', async (_, pieces, isLengthKnown) => {
    const body = coded(DOCUMENT);
    const length: Record<string, string> = isLengthKnown ? { 'content-length': String(body.length) } : {};
    next = { body, headers: { 'content-type': 'application/json', 'content-encoding': coding, ...length }, pieces };
    const answer = await call(JSON_REQUEST, { 'accept-encoding': coding });
    expect(answer.body?.equals(body)).toBe(true);
    expect(answer.headers['content-encoding']).toBe(coding);
    expect(answer.headers['content-length']).toBe(length['content-length']);
    expect(answer.headers['x-metertap-usage-source']).toBe('reported');
    expect(upstream.requests.at(-1)?.headers['accept-encoding']).toBe(coding);
    expect(await recordOf(answer)).toMatchObject({ ending: 'completed', usage_source: 'reported', usage: USAGE });
  });

  it.each([1, 20])('that is a stream, in %i pieces, passes as it is and is metered', async (pieces) => {
    const body = coded(STREAM);
    next = { body, headers: { 'content-type': 'text/event-stream', 'content-encoding': coding }, pieces };
    const answer = await call(ASKING, { 'accept-encoding': coding });
    expect(answer.body?.equals(body)).toBe(true);
    expect(answer.headers['content-encoding']).toBe(coding);
    expect(upstream.requests.at(-1)?.headers['accept-encoding']).toBe(coding);
    expect(await recordOf(answer)).toMatchObject({ ending: 'completed', usage_source: 'reported', usage: USAGE });
  });

  it.each([1, 20])('although the stream is to be edited, in %i pieces, is decoded and edited', async (pieces) => {
    const body = coded(STREAM);
    const headers = {
      'content-type': 'text/event-stream',
      'content-encoding': coding,
      'content-length': String(body.length),
    };
    next = { body, headers, pieces };
    const answer = await call(NOT_ASKING, { 'accept-encoding': coding });
    expect(upstream.requests.at(-1)?.headers['accept-encoding']).toBe('identity');
    expect(answer.body?.toString()).toBe(withoutInjectedUsage(STREAM).toString());
    expect(answer.body?.includes('usage')).toBe(false);
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.headers['content-length']).toBeUndefined();
    expect(await recordOf(answer)).toMatchObject({ ending: 'completed', usage_source: 'reported', usage: USAGE });
  });
});

describe('an answer that cannot be decoded', () => {
  const headers = { 'content-type': 'text/event-stream', 'content-encoding': 'compress' };

  it.each([
    ['of an unknown coding', 'compress', STREAM],
    ['that is not what it says', 'gzip', STREAM],
    ['that ends too early', 'gzip', encode(STREAM, ['gzip']).subarray(0, 20)],
  ])('%s passes as it is, without usage', async (_, coding, body) => {
    for (const [contentType, request] of [
      ['text/event-stream', ASKING],
      ['application/json', JSON_REQUEST],
    ] as const) {
      next = { body, headers: { 'content-type': contentType, 'content-encoding': coding }, pieces: 3 };
      const answer = await call(request);
      expect(answer.body?.equals(body)).toBe(true);
      expect(answer.headers['content-encoding']).toBe(coding);
      expect(await recordOf(answer)).toMatchObject({ ending: 'completed', usage_source: 'missing', usage: null });
    }
  });

  it('passes as it is although it should be edited, where its coding is unknown', async () => {
    next = { body: STREAM, headers, pieces: 2 };
    const answer = await call(NOT_ASKING);
    expect(answer.body?.equals(STREAM)).toBe(true);
    expect(answer.headers['content-encoding']).toBe('compress');
    expect(await recordOf(answer)).toMatchObject({ ending: 'completed', usage: null });
  });

  it('is cut where it should be edited and is not what it says', async () => {
    next = { body: STREAM, headers: { ...headers, 'content-encoding': 'gzip' }, pieces: 2 };
    const answer = await call(NOT_ASKING);
    expect(answer.body).toBeNull();
    expect(await recordOf(answer)).toMatchObject({ ending: 'upstream_cut', usage_raw: null });
  });
});
