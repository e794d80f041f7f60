import { Readable } from 'node:stream';
import fc from 'fast-check';
import { Pool } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { doesNotAsk, isOneUsageEdit } from '../support/asked-body.ts';
import { ENCODERS, encode } from '../support/content-codings.ts';
import { answerJson, type FakeUpstream, type ReceivedRequest, startFakeUpstream } from '../support/fake-upstream.ts';
import { memberOtherThan, objectText } from '../support/json-texts.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

let upstream: FakeUpstream;
let proxy: TestProxy;
let client: Pool;

beforeAll(async () => {
  upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'x', choices: [] }));
  proxy = await startProxy({ upstreamUrl: upstream.url });
  client = new Pool(proxy.url);
});

afterAll(async () => {
  await client?.close();
  await proxy?.close();
  await upstream?.close();
});

/** Posts a body and gives what the upstream has received. */
async function arrived(
  path: string,
  body: Buffer,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<ReceivedRequest> {
  const answer = await client.request({
    method: 'POST',
    path: `/v1/${path}`,
    headers: { authorization: 'Bearer sk-client', ...headers },
    body,
  });
  const text = await answer.body.text();
  expect(answer.statusCode, text).toBe(200);
  const received = upstream.requests.at(-1);
  if (received === undefined) throw new Error('nothing has arrived');
  return received;
}

const CHAT_ENDPOINTS = ['chat/completions', 'completions'];
const endpoint = fc.constantFrom(...CHAT_ENDPOINTS, 'chat/completions', 'responses', 'embeddings', 'decisions');
const READ_MEMBERS = ['model', 'stream', 'stream_options'];
const model = fc.constantFrom(
  '"model":"gpt-5-mini"',
  '"model" : "f\\u0074:gpt-5"',
  '"mod\\u0065l":"m"',
  '"model":null',
);
const stream = fc.constantFrom('"stream":true', '"stream": true', '"stre\\u0061m":true', '"stream":false');
const streamOptions = fc.constantFrom(
  '"a":1',
  '"stream_options":null',
  '"stream_options":{}',
  '"stream_options" : { }',
  '"stream_options":{"include_usage":false}',
  '"stream_options":{ "include_usage" : null }',
  '"stream_options":{"include_usage":true}',
  '"stream\\u005foptions":{"include_obfuscation":1.0,"include_usage":false}',
  '"stream_options":{"include_usage":"yes"}',
  '"stream_options":[]',
  '"stream_options":null,"stream_options":{"include_usage":true,"include_usage":false}',
);
const others = fc.array(memberOtherThan(READ_MEMBERS), { maxLength: 5 });
const body = others.chain((texts) =>
  objectText([model, stream, streamOptions, ...texts.map((text) => fc.constant(text))]),
);

describe('a JSON body', () => {
  it('arrives as it was sent, or with the one member that asks for usage', async () => {
    await fc.assert(
      fc.asyncProperty(endpoint, body, async (path, text) => {
        const received = (await arrived(path, Buffer.from(text))).body;
        const request = JSON.parse(text);
        if (!CHAT_ENDPOINTS.includes(path) || !doesNotAsk(request)) {
          expect(received.toString()).toBe(text);
          return;
        }
        expect(isOneUsageEdit(received.toString(), text), received.toString()).toBe(true);
        const { stream_options: asked, ...rest } = JSON.parse(received.toString());
        const { stream_options: before, ...restBefore } = request;
        expect(asked).toEqual({ ...before, include_usage: true });
        expect(rest).toEqual(restBefore);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps a 64-bit seed, a float that is whole, and its length', async () => {
    const text = '{"seed":9223372036854775807,"temperature":1.0,"model":"m","stream":true,"n":1}';
    const received = await arrived('chat/completions', Buffer.from(text));
    expect(received.body.toString()).toBe(`{"stream_options":{"include_usage":true},${text.slice(1)}`);
    expect(received.headers['content-length']).toBe(String(received.body.length));
    expect(received.headers['transfer-encoding']).toBeUndefined();
  });

  it.each([
    ['arrays', '['.repeat(10_000) + ']'.repeat(10_000)],
    ['objects', `${'{"a":'.repeat(10_000)}0${'}'.repeat(10_000)}`],
  ])('may be nested 10,000 levels deep, in %s', async (_, deep) => {
    const text = `{"model":"m","metadata":${deep},"stream":true,"stream_options":{"x":${deep}}}`;
    const received = (await arrived('chat/completions', Buffer.from(text))).body.toString();
    expect(received === text.replace('"x":', '"include_usage":true,"x":')).toBe(true);
    const responses = (await arrived('responses', Buffer.from(text))).body.toString();
    expect(responses === text).toBe(true);
  });

  it('may hold bytes that are no UTF-8 in its texts', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"model":"m","stream":true,"prompt":"'),
      Buffer.from([0xff, 0xc3]),
      Buffer.from('"}'),
    ]);
    const received = (await arrived('completions', bytes)).body;
    const member = Buffer.from('"stream_options":{"include_usage":true},');
    expect(received.equals(Buffer.concat([bytes.subarray(0, 1), member, bytes.subarray(1)]))).toBe(true);
  });

  it('may be some megabytes long', async () => {
    const text = JSON.stringify({
      model: 'm',
      stream: true,
      messages: [{ role: 'user', content: 'ü'.repeat(3_000_000) }],
    });
    const received = (await arrived('chat/completions', Buffer.from(text))).body;
    expect(received.equals(Buffer.from(`{"stream_options":{"include_usage":true},${text.slice(1)}`))).toBe(true);
  });
});

describe('a compressed JSON body', () => {
  it.each([...Object.keys(ENCODERS), 'gzip, br', 'identity, zstd'])('with %s arrives decoded', async (coding) => {
    const text = Buffer.from('{"model":"m","seed":9223372036854775807, "input":"Grüße"}');
    const coded = encode(text, coding.split(', '));
    const received = await arrived('embeddings', coded, {
      'content-type': 'application/json',
      'content-encoding': coding,
    });
    expect(received.body.equals(text)).toBe(true);
    expect(received.headers['content-encoding']).toBeUndefined();
    expect(received.headers['content-length']).toBe(String(text.length));
  });

  it('is asked for usage as any other', async () => {
    const coded = encode(Buffer.from('{"model":"m","stream":true}'), ['zstd']);
    const headers = { 'content-type': 'application/json', 'content-encoding': 'zstd' };
    const received = await arrived('chat/completions', coded, headers);
    expect(received.body.toString()).toBe('{"stream_options":{"include_usage":true},"model":"m","stream":true}');
  });
});

describe('a body that is not read', () => {
  it('arrives as it was sent, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 5000 }), async (bytes) => {
        const sent = Buffer.from(bytes);
        const received = await arrived('files', sent, { 'content-type': 'application/octet-stream' });
        expect(received.body.equals(sent)).toBe(true);
        expect(received.headers['content-length']).toBe(String(sent.length));
      }),
      { numRuns: 20 },
    );
  });

  it('keeps its compression', async () => {
    const coded = encode(Buffer.from('{"model":"m"}'), ['gzip']);
    const received = await arrived('files', coded, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    expect(received.body.equals(coded)).toBe(true);
    expect(received.headers['content-encoding']).toBe('gzip');
  });

  it('may be of unknown length', async () => {
    const parts = ['a', 'bc', '', 'd'.repeat(100_000)];
    const answer = await client.request({
      method: 'POST',
      path: '/v1/files',
      headers: { authorization: 'Bearer sk-client' },
      body: Readable.from(streamOf(parts)),
    });
    await answer.body.dump();
    const received = upstream.requests.at(-1);
    expect(received?.body.toString()).toBe(parts.join(''));
    expect(received?.headers['transfer-encoding']).toBe('chunked');
  });

  it('may be of another type where JSON is usual', async () => {
    const received = await arrived('audio/speech', Buffer.from('<speak/>'), { 'content-type': 'application/ssml+xml' });
    expect(received.body.toString()).toBe('<speak/>');
    expect(received.headers['content-type']).toBe('application/ssml+xml');
  });
});

async function* streamOf(parts: readonly string[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part);
}
