import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { CLIENT_HEADERS } from '../support/simulator-requests.ts';
import { chunkFrame, LAST_CHUNK, type SocketCall, startSocketUpstream } from '../support/socket-upstream.ts';
import { startProxy } from '../support/start-proxy.ts';
import { comparedHeaders, exchange, type WireAnswer, type WireRequest } from '../support/wire-exchange.ts';

/*
 * Answers that no simulator sends: written byte by byte by the test, and compared as they come directly and through
 * Metertap. None of them carries usage that would be withheld, so they must be the same in every byte.
 */

const CHAT =
  '{"id":"chatcmpl-1","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}';
const EVENT = 'data: {"id":"chatcmpl-1","model":"m","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n';
const LENGTH = `Content-Length: ${CHAT.length}`;
const JSON_TYPE = 'Content-Type: application/json';
const EVENTS_TYPE = 'Content-Type: text/event-stream';
const CHUNKED = 'Transfer-Encoding: chunked';

interface OddAnswer {
  readonly head: readonly string[];
  readonly body: string | Buffer;
  /** The connection is closed after the body: what has neither length nor chunks ends so. */
  readonly closes?: true;
}

const chunks = (...parts: readonly (string | Buffer)[]) =>
  Buffer.concat([...parts.map(chunkFrame), Buffer.from(LAST_CHUNK)]);

const ODD: Readonly<Record<string, OddAnswer>> = {
  'headers in odd spelling and order': {
    head: ['HTTP/1.1 200 OK', 'X-UPPER: 1', 'x-lower: 2', 'X-mIxEd: 3', LENGTH, 'X-After: 4', JSON_TYPE, 'x-upper: 5'],
    body: CHAT,
  },
  'repeated headers': {
    head: [
      'HTTP/1.1 200 OK',
      'Set-Cookie: a=1',
      JSON_TYPE,
      'Set-Cookie: b=2; Path=/',
      LENGTH,
      'set-cookie: c=3',
      'Vary: a',
      'Vary: b',
    ],
    body: CHAT,
  },
  'empty and padded values': {
    head: ['HTTP/1.1 200 OK', 'X-Empty:', 'X-Padded:   a  b   ', JSON_TYPE, LENGTH],
    body: CHAT,
  },
  'bytes beyond ASCII in values': {
    head: ['HTTP/1.1 200 OK', 'X-Latin: Gr\u00fc\u00dfe', JSON_TYPE, LENGTH],
    body: CHAT,
  },
  'a long value': { head: ['HTTP/1.1 200 OK', `X-Long: ${'v'.repeat(12_000)}`, JSON_TYPE, LENGTH], body: CHAT },
  'a status text of its own': { head: ['HTTP/1.1 200 Quite All Right', JSON_TYPE, LENGTH], body: CHAT },
  'no status text': { head: ['HTTP/1.1 200 ', JSON_TYPE, LENGTH], body: CHAT },
  'an unknown status': { head: ['HTTP/1.1 299 Odd', JSON_TYPE, LENGTH], body: CHAT },
  'an unknown error status': { head: ['HTTP/1.1 529 Overloaded', JSON_TYPE, 'Content-Length: 2'], body: '{}' },
  'a redirection': {
    head: ['HTTP/1.1 307 Temporary Redirect', 'Location: http://elsewhere.invalid/v1', 'Content-Length: 0'],
    body: '',
  },
  'no content': { head: ['HTTP/1.1 204 No Content', 'X-A: b'], body: '' },
  'an empty body': { head: ['HTTP/1.1 200 OK', JSON_TYPE, 'Content-Length: 0'], body: '' },
  'an empty chunked body': { head: ['HTTP/1.1 200 OK', JSON_TYPE, CHUNKED], body: chunks() },
  'an empty stream': { head: ['HTTP/1.1 200 OK', EVENTS_TYPE, CHUNKED], body: chunks() },
  'a document in chunks': {
    head: ['HTTP/1.1 200 OK', JSON_TYPE, CHUNKED],
    body: chunks(CHAT.slice(0, 9), CHAT.slice(9)),
  },
  'a document without a type': { head: ['HTTP/1.1 200 OK', LENGTH], body: CHAT },
  'a document of a wrong type': { head: ['HTTP/1.1 200 OK', 'Content-Type: text/plain', LENGTH], body: CHAT },
  'a document with a byte order mark': { head: ['HTTP/1.1 200 OK', JSON_TYPE, CHUNKED], body: chunks(`\ufeff${CHAT}`) },
  'a document that is none': { head: ['HTTP/1.1 200 OK', JSON_TYPE, 'Content-Length: 5'], body: '{"a":' },
  'a document after white space': {
    head: ['HTTP/1.1 200 OK', JSON_TYPE, CHUNKED],
    body: chunks('\n\n  \n', CHAT, '\n'),
  },
  'a document that ends with the connection': { head: ['HTTP/1.1 200 OK', JSON_TYPE], body: CHAT, closes: true },
  'a stream that ends with the connection': { head: ['HTTP/1.1 200 OK', EVENTS_TYPE], body: EVENT, closes: true },
  'a stream with a length': { head: ['HTTP/1.1 200 OK', EVENTS_TYPE, `Content-Length: ${EVENT.length}`], body: EVENT },
  'an answer of HTTP/1.0': { head: ['HTTP/1.0 200 OK', JSON_TYPE], body: CHAT, closes: true },
  'a compressed document': {
    head: ['HTTP/1.1 200 OK', JSON_TYPE, 'Content-Encoding: gzip', CHUNKED],
    body: chunks(gzipSync(CHAT)),
  },
  'a document that is not compressed as it says': {
    head: ['HTTP/1.1 200 OK', JSON_TYPE, 'Content-Encoding: gzip', LENGTH],
    body: CHAT,
  },
  'a compressed stream': {
    head: ['HTTP/1.1 200 OK', EVENTS_TYPE, 'Content-Encoding: gzip', CHUNKED],
    body: chunks(gzipSync(EVENT + EVENT)),
  },
  'a stream that is not compressed as it says': {
    head: ['HTTP/1.1 200 OK', EVENTS_TYPE, 'Content-Encoding: br', CHUNKED],
    body: chunks(EVENT),
  },
  'an unknown coding': { head: ['HTTP/1.1 200 OK', JSON_TYPE, 'Content-Encoding: lzma', LENGTH], body: CHAT },
  'a hint before the answer': {
    head: ['HTTP/1.1 103 Early Hints', 'Link: </a>', '', 'HTTP/1.1 200 OK', JSON_TYPE, LENGTH],
    body: CHAT,
  },
  'headers of the hop that it names': {
    head: ['HTTP/1.1 200 OK', 'Connection: keep-alive, X-Hop', 'X-Stays: 1', JSON_TYPE, LENGTH],
    body: CHAT,
  },
  'rate limits and ids': {
    head: [
      'HTTP/1.1 429 Too Many Requests',
      'x-ratelimit-remaining-requests: 0',
      'X-Request-Id: req_1',
      'Retry-After: 7',
      JSON_TYPE,
      'Content-Length: 2',
    ],
    body: '{}',
  },
};

const REQUESTS: Readonly<Record<string, WireRequest>> = {
  document: chatRequest('{"model":"m","messages":[]}'),
  stream: chatRequest('{"model":"m","messages":[],"stream":true}'),
  free: { method: 'GET', path: '/models', headers: CLIENT_HEADERS, body: null },
};

function chatRequest(body: string): WireRequest {
  const headers = { ...CLIENT_HEADERS, 'Content-Type': 'application/json' };
  return { method: 'POST', path: '/chat/completions', headers, body };
}

async function writeOdd(call: SocketCall): Promise<void> {
  const odd = ODD[call.header('x-odd') ?? ''];
  if (odd === undefined) throw new Error(`no such answer: ${call.head}`);
  await call.write(Buffer.from(`${odd.head.join('\r\n')}\r\n\r\n`, 'latin1'));
  await call.write(odd.body);
  if (odd.closes === true) call.end();
}

/** What a stream that must be edited knowingly differs in: the length and the coding of its body no longer hold. */
const EDITED: Readonly<Record<string, (direct: Shown) => Shown>> = {
  'a stream with a length': (direct) => ({ ...direct, headers: without(direct, 'Content-Length') }),
  'a compressed stream': (direct) => ({
    ...direct,
    headers: without(direct, 'Content-Encoding'),
    body: EVENT + EVENT,
  }),
  'a stream that is not compressed as it says': (direct) => ({
    ...direct,
    headers: without(direct, 'Content-Encoding'),
    body: '',
    whole: false,
  }),
};

interface Shown {
  readonly status: number;
  readonly statusText: string;
  readonly headers: WireAnswer['headers'];
  readonly body: string;
  readonly whole: boolean;
}

function without(answer: Shown, dropped: string): WireAnswer['headers'] {
  return answer.headers.filter(([name]) => name !== dropped);
}

const shown = (answer: WireAnswer): Shown => ({
  status: answer.status,
  statusText: answer.statusText,
  headers: comparedHeaders(answer),
  body: answer.body.toString('latin1'),
  whole: answer.whole,
});

it.each(Object.entries(REQUESTS))('passes odd answers on as they are (%s)', async (kind, request) => {
  await using upstream = await startSocketUpstream(writeOdd);
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const differing: unknown[] = [];
  for (const name of Object.keys(ODD)) {
    const wire = { ...request, headers: { ...request.headers, 'X-Odd': name } };
    const direct = shown(await exchange(upstream.url, wire));
    const via = shown(await exchange(proxy.baseUrl, wire));
    const expected = kind === 'stream' ? (EDITED[name]?.(direct) ?? direct) : direct;
    if (JSON.stringify(expected) !== JSON.stringify(via)) differing.push({ name, expected, via });
  }
  expect(differing).toEqual([]);
});
