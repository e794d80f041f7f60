import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BothServers, type ClientScript, startBothServers } from '../support/both-servers.ts';
import { CHAT, CLIENT_KEY } from '../support/calls.ts';
import type { AnswerScript } from '../support/fake-upstream.ts';
import type { RawClient } from '../support/raw-client.ts';

const BODY = JSON.stringify(CHAT);
const HEADERS = `host: metertap.test\r\nauthorization: Bearer ${CLIENT_KEY}\r\ncontent-type: application/json\r\n`;
const LENGTH = `content-length: ${BODY.length}\r\n`;
const LAST = 'connection: close\r\n';
const CHAT_LINE = 'POST /v1/chat/completions HTTP/1.1\r\n';
const FORM = '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--\r\n';
const PLAIN = `${CHAT_LINE}${HEADERS}${LENGTH}\r\n${BODY}`;
const PLAIN_LAST = `${CHAT_LINE}${HEADERS}${LENGTH}${LAST}\r\n${BODY}`;

/** Answers in the way that the request's `x-answer` asks for. */
const answer: AnswerScript = (request, response) => {
  const body = Buffer.from(
    JSON.stringify({ id: 'c1', choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }),
  );
  switch (request.headers['x-answer']) {
    case 'stream': {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const event = 'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n';
      response.end(`${event}${event}data: [DONE]\n\n`);
      return;
    }
    case 'no length':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(body);
      return;
    case 'no body':
      response.writeHead(204).end();
      return;
    case 'not modified':
      response.writeHead(304, { etag: '"1"' }).end();
      return;
    case 'empty':
      response.writeHead(200, { 'content-length': '0' }).end();
      return;
    case 'refused':
      response.writeHead(429, 'Slow Down', { 'retry-after': '1', 'content-length': '2' }).end('{}');
      return;
    case 'odd headers':
      response.writeHead(200, 'Alles gut', [
        ...['Set-Cookie', 'a=1', 'set-cookie', 'b=2', 'X-Latin', 'na\xefve \xc3\xbc', 'X-Empty', ''],
        ...['Content-Type', 'application/json', 'Content-Length', String(body.length)],
      ]);
      response.end(body);
      return;
    case 'large':
      response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': '300000' });
      response.end(Buffer.alloc(300_000, 'abcdefgh'));
      return;
    case 'cut':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write(body, () => response.destroy());
      return;
    default:
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(body.length) });
      response.end(body);
  }
};

let servers: BothServers;

beforeAll(async () => {
  servers = await startBothServers(answer);
});

afterAll(async () => {
  await servers[Symbol.asyncDispose]();
});

/** Lets what has been sent be read before more comes; what comes of it must be the same all the same. */
async function turns(client: RawClient): Promise<void> {
  await client.flushed();
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Sends each piece by itself. */
function inPieces(...pieces: readonly (string | Buffer)[]): ClientScript {
  return async (client) => {
    for (const piece of pieces) {
      client.send(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
      await turns(client);
    }
  };
}

/** Whether more has come than that the client may go on (`100 Continue`). */
function isAnswered(client: RawClient): boolean {
  return /^HTTP\/1\.1 [2-5]/m.test(client.received);
}

async function expectSame(script: ClientScript) {
  const { own, node } = await servers.play(script);
  expect(own).toEqual(node);
  return own;
}

describe('the answer has the same bytes, and the upstream sees the same, for', () => {
  const chat = (headers: string, body = BODY) =>
    `${CHAT_LINE}${HEADERS}${headers}content-length: ${body.length}\r\n${LAST}\r\n${body}`;
  const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\n${HEADERS}${headers}${LAST}\r\n`;
  const REQUESTS: readonly (readonly [string, string])[] = [
    ['a call', PLAIN_LAST],
    ['a call with an answer of unknown length', chat('x-answer: no length\r\n')],
    ['a stream', chat('x-answer: stream\r\n', JSON.stringify({ ...CHAT, stream: true }))],
    [
      'a stream with usage',
      chat('x-answer: stream\r\n', JSON.stringify({ ...CHAT, stream: true, stream_options: {} })),
    ],
    ['an answer without a body', `DELETE /v1/files/f1 HTTP/1.1\r\n${HEADERS}x-answer: no body\r\n${LAST}\r\n`],
    ['an answer that is not modified', get('/v1/models', 'x-answer: not modified\r\n')],
    ['an empty answer', chat('x-answer: empty\r\n')],
    ['an error of the upstream', chat('x-answer: refused\r\n')],
    ['odd headers of the answer', chat('x-answer: odd headers\r\n')],
    ['a large answer', get('/v1/files/f1/content', 'x-answer: large\r\n')],
    ['an answer that is cut', chat('x-answer: cut\r\n')],
    ['a list', get('/v1/models')],
    ['a query', get('/v1/models?limit=1&after=a%20b/c')],
    ['a run in the path', `POST /run/r-1/v1/chat/completions HTTP/1.1\r\n${HEADERS}${LENGTH}${LAST}\r\n${BODY}`],
    ['a run that is escaped', `POST /run/r%201/v1/chat/completions HTTP/1.1\r\n${HEADERS}${LENGTH}${LAST}\r\n${BODY}`],
    ['a run without /v1', get('/run/r-1/other')],
    ['a run without an end', get('/run/r-1')],
    ['an escaped path', get('/v1/%6dodels')],
    ['the organization', get('/v1/organization/costs')],
    ['the organization in other words', get('/v1/%6frganization/costs')],
    ['an unknown path', get('/v2/models')],
    ['the root', get('/')],
    ['a path that would leave', get('/v1/../secret')],
    ['a fragment', get('/v1/models#x')],
    ['a semicolon', get('/v1/models;x=1')],
    ['bytes beyond ASCII in the path', get('/v1/mod\xe9ls')],
    ['an absolute URL', get('http://metertap.test/v1/models')],
    ['an asterisk', `OPTIONS * HTTP/1.1\r\n${HEADERS}${LAST}\r\n`],
    ['HEAD', `HEAD /v1/models HTTP/1.1\r\n${HEADERS}${LAST}\r\n`],
    ['PUT', `PUT /v1/models HTTP/1.1\r\n${HEADERS}${LENGTH}${LAST}\r\n${BODY}`],
    ['HTTP/1.0', `POST /v1/chat/completions HTTP/1.0\r\n${HEADERS}${LENGTH}\r\n${BODY}`],
    ['no credential', `${CHAT_LINE}host: x\r\n${LENGTH}${LAST}\r\n${BODY}`],
    ['a body that is no JSON', chat('', 'not json')],
    ['an empty body', chat('', '')],
    ['no length', `${CHAT_LINE}${HEADERS}${LAST}\r\n`],
    ['a length with zeros before it', `${CHAT_LINE}${HEADERS}content-length: 00${BODY.length}\r\n${LAST}\r\n${BODY}`],
    ['a length that is too great', `${CHAT_LINE}${HEADERS}content-length: 99999999999\r\n${LAST}\r\n`],
    ['a GET with a body', `GET /v1/models HTTP/1.1\r\n${HEADERS}${LENGTH}${LAST}\r\n${BODY}`],
    ['an endpoint that is not metered', `POST /v1/files HTTP/1.1\r\n${HEADERS}${LENGTH}${LAST}\r\n${BODY}`],
    ['an unknown endpoint', `POST /v1/new/thing HTTP/1.1\r\n${HEADERS}${LENGTH}${LAST}\r\n${BODY}`],
    [
      'a form',
      `POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${CLIENT_KEY}\r\n` +
        `content-type: multipart/form-data; boundary=b\r\ncontent-length: ${FORM.length}\r\n${LAST}\r\n${FORM}`,
    ],
    ['chunks', `${CHAT_LINE}${HEADERS}transfer-encoding: chunked\r\n${LAST}\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n`],
    ['an expectation', chat('expect: 100-continue\r\n')],
    ['an unknown expectation', chat('expect: wonders\r\n')],
    ['an offer of HTTP/2', chat('upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n')],
    ['a WebSocket', get('/v1/realtime', 'upgrade: websocket\r\nsec-websocket-key: x\r\n')],
    [
      'a named header of the connection',
      `${CHAT_LINE}${HEADERS}${LENGTH}x-a: 1\r\nconnection: close, x-a\r\n\r\n${BODY}`,
    ],
    ['headers that come twice', chat('x-tag: 1\r\nx-tag: 2\r\naccept: a\r\naccept: b\r\ncookie: a\r\ncookie: b\r\n')],
    ['two credentials', chat('authorization: Bearer sk-other-0123456789\r\n')],
    ['two hosts', chat('host: other\r\n')],
    ['no host', `${CHAT_LINE}authorization: Bearer ${CLIENT_KEY}\r\n${LENGTH}${LAST}\r\n${BODY}`],
    ['two lengths', chat(LENGTH)],
    [
      'capital letters',
      chat('X-Capital: Yes\r\nX-METERTAP-AGENT: planner\r\n').replace('content-type', 'Content-Type'),
    ],
    ['names that are numbers', chat('1: one\r\n0: nought\r\n')],
    ['names that objects have', chat('constructor: a\r\n__proto__: b\r\ntostring: c\r\n')],
    ['values with bytes beyond ASCII', chat('x-latin: na\xefve \xc3\xbc\r\n')],
    ['values with tabs and blanks', chat('x-a:b\r\nx-c: \t d \t \r\nx-e: f\tg  h\r\n')],
    ['empty values', chat('x-a:\r\nx-b: \r\n')],
    ['a value with a control character', chat('x-a: b\x01c\r\n')],
    ['a value with DEL', chat('x-a: b\x7fc\r\n')],
    ['a name with a blank', chat('x a: b\r\n')],
    ['a blank before the colon', chat('x-a : b\r\n')],
    ['a folded header', chat('x-a: b\r\n c\r\n')],
    ['a bare line feed', chat('x-a: b\nx-c: d\r\n')],
    ['a bare carriage return', chat('x-a: b\rx-c: d\r\n')],
    ['a header without a colon', chat('x-a\r\n')],
    ['two blanks in the first line', PLAIN_LAST.replace('POST ', 'POST  ')],
    ['a blank at the end of the first line', PLAIN_LAST.replace('HTTP/1.1\r\n', 'HTTP/1.1 \r\n')],
    ['empty lines before', `\r\n\r\n${PLAIN_LAST}`],
    ['many headers', chat(Array.from({ length: 300 }, (_, i) => `x-${i}: ${i}\r\n`).join(''))],
    ['long headers', chat(`x-long: ${'x'.repeat(20_000)}\r\n`)],
    ['headers that are too long', chat(`x-long: ${'x'.repeat(40_000)}\r\n`)],
    ['a method in small letters', PLAIN_LAST.replace('POST', 'post')],
    ['a method that begins alike', PLAIN_LAST.replace('POST', 'POSTS')],
    ['garbage', 'good morning\r\n\r\n'],
  ];
  it.each(REQUESTS)('%s', async (_what, request) => {
    const half = Math.floor(request.length / 2);
    for (const pieces of [[request], [request.slice(0, half), request.slice(half)]]) {
      await expectSame(async (client) => {
        for (const piece of pieces) if (!isAnswered(client)) await inPieces(piece)(client);
        // An end of the client's side before the answer would have it leave; one that is refused waits for it.
        await client.until(request.includes('100-continue') ? 'HTTP/1.1 200' : 'HTTP/1.1 ');
        if (!/^connection: close/m.test(request) || !client.received.includes('HTTP/1.1 2')) client.endSending();
      });
    }
  });
});

it('the same wherever a request is torn apart', async () => {
  for (let at = 1; at < PLAIN_LAST.length; at++) {
    const outcome = await expectSame(inPieces(PLAIN_LAST.slice(0, at), PLAIN_LAST.slice(at)));
    expect(outcome.received).toContain('HTTP/1.1 200 OK');
    expect(outcome.upstream).toHaveLength(1);
  }
});

it('the same byte for byte', async () => {
  await expectSame(inPieces(...PLAIN_LAST));
});

describe('the same on a connection that stays, for', () => {
  const other = PLAIN.replace('application/json', 'application/json; charset=utf-8');
  const further = `${CHAT_LINE}${HEADERS}x-further: 1\r\n${LENGTH}\r\n${BODY}`;
  const GET = `GET /v1/models HTTP/1.1\r\n${HEADERS}\r\n`;
  const ODD = `${CHAT_LINE}${HEADERS}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`;
  const REFUSED = `${CHAT_LINE}${HEADERS}content-length: 8\r\n\r\nnot json`;
  const BROKEN = `${CHAT_LINE}${HEADERS}no colon\r\n\r\n`;
  const CALLS: readonly (readonly [string, readonly string[]])[] = [
    ['the same call again', [PLAIN, PLAIN, PLAIN_LAST]],
    ['other values', [PLAIN, other, PLAIN, PLAIN_LAST]],
    ['other names', [PLAIN, further, PLAIN, PLAIN_LAST]],
    ['other methods', [PLAIN, GET, PLAIN, GET, PLAIN_LAST]],
    ['odd ones in between', [PLAIN, ODD, PLAIN, PLAIN_LAST]],
    ['refused ones in between', [PLAIN, REFUSED, PLAIN, PLAIN_LAST]],
    ['a broken one at the end', [PLAIN, BROKEN]],
    [
      'one with a value that is not plain',
      [PLAIN, PLAIN.replace('application/json', 'application/json \t'), PLAIN_LAST],
    ],
    ['one with a value that is broken', [PLAIN, PLAIN.replace('application/json', 'application\x01json')]],
    ['an empty line too many', [`${PLAIN}\r\n`, PLAIN, PLAIN_LAST]],
  ];
  it.each(CALLS)('%s', async (_what, calls) => {
    const outcome = await expectSame(async (client) => {
      for (const [i, call] of calls.entries()) {
        client.send(call);
        if (i < calls.length - 1) await answers(client, i + 1);
      }
    });
    expect(outcome.received.match(/HTTP\/1\.1 \d{3} /g)).toHaveLength(calls.length);
  });

  it.each([
    ['in one piece', [PLAIN + PLAIN + PLAIN_LAST]],
    ['one after the other, without waiting', [PLAIN, PLAIN, PLAIN_LAST]],
    ['torn apart anyhow', [PLAIN.slice(0, 30), PLAIN.slice(30) + PLAIN.slice(0, 200), PLAIN.slice(200) + PLAIN_LAST]],
    ['with the next one begun in the first one’s body', [PLAIN.slice(0, -5), PLAIN.slice(-5) + PLAIN_LAST]],
  ])('calls that come %s', async (_how, pieces) => {
    await expectSame(inPieces(...pieces));
  });
});

/** Resolves when this many answers have come; all of them in these tests end with a JSON object of their length. */
async function answers(client: RawClient, count: number): Promise<void> {
  while ((client.received.match(/\r\n\r\n\{.*\}/g) ?? []).length < count) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('the same where the client', () => {
  it('ends its side behind its request', async () => {
    const outcome = await expectSame(async (client) => {
      client.send(PLAIN);
      client.endSending();
    });
    expect(outcome.received).toBe('');
  });

  it('ends its side within its body', async () => {
    const outcome = await expectSame(async (client) => {
      await inPieces(PLAIN.slice(0, -5))(client);
      client.endSending();
    });
    expect(outcome.received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it('ends its side within its head', async () => {
    const outcome = await expectSame(async (client) => {
      await inPieces(PLAIN.slice(0, 50))(client);
      client.endSending();
    });
    expect(outcome.received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it('ends its side without a word', async () => {
    const outcome = await expectSame(async (client) => client.endSending());
    expect(outcome.received).toBe('');
  });

  it('ends its side behind an answer', async () => {
    const outcome = await expectSame(async (client) => {
      client.send(PLAIN);
      await answers(client, 1);
      client.endSending();
    });
    expect(outcome.received).toContain('HTTP/1.1 200 OK');
  });
});
