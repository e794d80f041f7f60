import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAT, CLIENT_KEY, errorOf, post, postWhole } from '../support/calls.ts';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, readRawAnswer } from '../support/raw-client.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

const ANSWER = { id: 'c1', choices: [], usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 } };
const MEBIBYTE = 1024 * 1024;

let upstream: FakeUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await startFakeUpstream((_request, response) => answerJson(response, ANSWER));
  proxy = await startProxy({ upstreamUrl: upstream.url, yaml: 'listen: { body_limit_mb: 1 }' });
});

afterAll(async () => {
  await proxy.close();
  await upstream.close();
});

/** A refusal: nothing of it reaches the upstream or the ledger. */
async function expectRefused(answer: Response, expected: { status: number; code: string; param?: string }) {
  const { status, code, param = null } = expected;
  const text = await answer.text();
  expect([answer.status, errorOf(text)]).toEqual([
    status,
    { message: expect.stringMatching(/^[A-Z'].{10,}[.]$/), type: 'invalid_request_error', param, code },
  ]);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(answer.headers.get('x-metertap-request-id')).toMatch(/^[0-9A-Z]{26}$/);
  expect(answer.headers.get('x-should-retry')).toBe('false');
}

const MALFORMED: readonly (readonly [string, string])[] = [
  ['no JSON', 'not json'],
  ['truncated JSON', '{"model":"gpt-5-mini","messages":[{"role":"user"'],
  ['an empty body', ''],
  ['blanks', '  \n'],
  ['a byte order mark', `\uFEFF${JSON.stringify(CHAT)}`],
  ['an array', '[{"model":"gpt-5-mini"}]'],
  ['a string', '"gpt-5-mini"'],
  ['null', 'null'],
  ['two documents', '{"model":"a"}{"model":"b"}'],
];

const MISTYPED: readonly (readonly [string, string, string])[] = [
  ['a number', 'model', '7'],
  ['an array', 'model', '["gpt-5-mini"]'],
  ['an object', 'model', '{}'],
  ['a text', 'stream', '"true"'],
  ['a number', 'stream', '1'],
  ['an object', 'stream', '{}'],
];

describe.each(['chat/completions', 'responses', 'embeddings'])('%s', (path) => {
  it.each(MALFORMED)('refuses %s', async (_what, body) => {
    const before = upstream.requests.length;
    await expectRefused(await post(proxy, path, body), { status: 400, code: 'malformed_body' });
    expect(upstream.requests).toHaveLength(before);
  });

  it.each(MISTYPED)('refuses %s as %s', async (_what, member, value) => {
    const before = upstream.requests.length;
    const answer = await post(proxy, path, `{"input":"x","messages":[],"${member}":${value}}`);
    await expectRefused(answer, { status: 400, code: 'malformed_body', param: member });
    expect(upstream.requests).toHaveLength(before);
  });
});

it('never quotes the body', async () => {
  const answer = await postWhole(proxy, 'chat/completions', '{"model":"SECRET-MARKER", nonsense');
  expect(answer.status).toBe(400);
  expect(answer.text).not.toContain('SECRET');
  expect(answer.text).not.toContain('nonsense');
});

describe('a body over the limit', () => {
  it('is refused before it is read where its length is announced', async () => {
    const answer = await post(proxy, 'chat/completions', JSON.stringify({ ...CHAT, x: 'x'.repeat(MEBIBYTE) }));
    await expectRefused(answer, { status: 413, code: 'body_too_large' });
  });

  it('is refused where it is sent in chunks', async () => {
    const parts = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (let i = 0; i < 2; i++) controller.enqueue(Buffer.alloc(MEBIBYTE, ' '));
        controller.close();
      },
    });
    const request = {
      method: 'POST',
      headers: { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json' },
      body: parts,
      duplex: 'half',
    } as const;
    await expectRefused(await fetch(`${proxy.baseUrl}/chat/completions`, request), {
      status: 413,
      code: 'body_too_large',
    });
  });

  it.each(['announced', 'chunked'])(
    'is told to a client that reads only when it has sent all (%s)',
    async (framing) => {
      const size = 24 * MEBIBYTE; // more than the kernel takes for a proxy that does not read
      await using client = await connectRaw(proxy.url);
      client.pause();
      const head = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${CLIENT_KEY}`];
      if (framing === 'announced') client.send(`${head.join('\r\n')}\r\ncontent-length: ${size}\r\n\r\n`);
      else client.send(`${head.join('\r\n')}\r\ntransfer-encoding: chunked\r\n\r\n${size.toString(16)}\r\n`);
      client.send(Buffer.alloc(size, ' '));
      if (framing === 'chunked') client.send('\r\n0\r\n\r\n');
      await client.flushed();
      client.resume();
      const answer = readRawAnswer(await client.until('body_too_large'));
      expect(answer.status).toBe(413);
    },
  );

  it('is refused where it is small on the wire and large in truth', async () => {
    const answer = await fetch(`${proxy.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${CLIENT_KEY}`,
        'content-type': 'application/json',
        'content-encoding': 'gzip',
      },
      body: gzipSync(JSON.stringify({ ...CHAT, x: 'x'.repeat(8 * MEBIBYTE) })),
    });
    await expectRefused(answer, { status: 413, code: 'body_too_large' });
  });
});

it.each([
  ['gzip', 400, 'malformed_body'],
  ['compress', 415, 'unsupported_encoding'],
])('refuses a body that is not what content-encoding: %s says', async (encoding, status, code) => {
  const answer = await post(proxy, 'chat/completions', CHAT, { headers: { 'content-encoding': encoding } });
  await expectRefused(answer, { status, code });
});

describe('forwards as it is', () => {
  const deep = `{"model":"gpt-5-mini","messages":[],"x":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
  const FORWARDED: readonly (readonly [string, string])[] = [
    ['deep nesting', deep],
    ['__proto__ as a member', '{"__proto__":{"model":"evil","stream":true},"model":"gpt-5-mini","messages":[]}'],
    ['constructor as a member', '{"constructor":{"prototype":{"x":1}},"model":"gpt-5-mini"}'],
    ['numbers beyond doubles', '{"model":"gpt-5-mini","seed":12345678901234567890,"temperature":1.0}'],
    ['a member that comes twice', '{"model":"first","model":"gpt-5-mini","seed":1,"seed":2}'],
    ['blanks around', ' \r\n\t{ "model" : "gpt-5-mini" } \n'],
    ['model and stream as null', '{"model":null,"stream":null,"messages":[]}'],
  ];

  it.each(FORWARDED)('%s', async (_what, body) => {
    const answer = await postWhole(proxy, 'chat/completions', body);
    expect([answer.status, answer.text]).toEqual([200, JSON.stringify(ANSWER)]);
    expect(upstream.requests.at(-1)?.body.toString()).toBe(body);
    const record = await proxy.ask(`/api/v1/records/${answer.headers.get('x-metertap-request-id')}`);
    expect(record).toMatchObject({ ending: 'completed', usage: { total_tokens: 6 }, stream: false });
    expect([null, 'gpt-5-mini']).toContain(record['request_model']);
  });

  it.each(['application/octet-stream', 'text/plain', 'x/y; charset=klingon', 'application/x-www-form-urlencoded'])(
    'a body of the type %s that is no JSON',
    async (contentType) => {
      const body = 'model=gpt-5-mini&\u0000\u0001';
      const answer = await postWhole(proxy, 'chat/completions', body, { headers: { 'content-type': contentType } });
      expect(answer.status).toBe(200);
      const received = upstream.requests.at(-1);
      expect([received?.body.toString(), received?.headers['content-type']]).toEqual([body, contentType]);
    },
  );

  it('JSON under another type, and meters it', async () => {
    const headers = { 'content-type': 'text/plain', 'x-metertap-run-id': 'odd-type' };
    const answer = await postWhole(proxy, 'chat/completions', CHAT, { headers });
    expect(answer.headers.get('x-metertap-usage-source')).toBe('reported');
    const record = await proxy.ask(`/api/v1/records/${answer.headers.get('x-metertap-request-id')}`);
    expect(record).toMatchObject({ request_model: 'gpt-5-mini', run_id: 'odd-type' });
  });
});

it('keeps all that was refused out of the ledger', async () => {
  const records = await proxy.records();
  expect(records).toHaveLength(upstream.requests.length);
});
