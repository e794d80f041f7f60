import { describe, expect, it } from 'vitest';
import { type RequestHead, readRequestHead } from '../../../../src/server/http1-server/request-head.ts';

const LINES = ['POST /v1/chat/completions HTTP/1.1', 'Host: a', 'X-Run-Id: r1', 'content-length: 2'];

function read(lines: readonly string[], before: RequestHead | null = null, maxBytes = 16_384): RequestHead | null {
  return readRequestHead(Buffer.from(`${lines.join('\r\n')}\r\n\r\n{}`, 'latin1'), maxBytes, before);
}

function withLine(line: string): readonly string[] {
  return [...LINES, line];
}

it('reads a plain head: its parts, how long it is, and nothing behind it', () => {
  expect(read(LINES)).toEqual({
    method: 'POST',
    url: '/v1/chat/completions',
    rawHeaders: ['Host', 'a', 'X-Run-Id', 'r1', 'content-length', '2'],
    headers: { host: 'a', 'x-run-id': 'r1', 'content-length': '2' },
    contentLength: 2,
    keepsAlive: true,
    bytes: LINES.join('\r\n').length + 4,
  });
});

describe('takes as plain', () => {
  it.each([
    ['a GET', ['GET /v1/models?limit=2&after=a%20b HTTP/1.1', 'host: a'], { contentLength: 0, method: 'GET' }],
    ['a DELETE', ['DELETE /v1/files/f HTTP/1.1', 'host: a'], { method: 'DELETE' }],
    ['a run in the path', ['GET /run/r.1/v1/models HTTP/1.1', 'host: a'], { url: '/run/r.1/v1/models' }],
    ['no blank behind the colon', withLine('x:y'), { rawHeaders: expect.arrayContaining(['x', 'y']) }],
    ['bytes beyond ASCII', withLine('x: \xfc'), { headers: expect.objectContaining({ x: '\xfc' }) }],
    ['blanks within a value', withLine('x: a \t b'), { headers: expect.objectContaining({ x: 'a \t b' }) }],
    ['a connection that stays', withLine('Connection: Keep-Alive'), { keepsAlive: true }],
    ['a connection that ends', withLine('Connection: close'), { keepsAlive: false }],
    ['a length of nothing', ['POST /v1/x HTTP/1.1', 'host: a', 'content-length: 0'], { contentLength: 0 }],
  ])('%s', (_what, lines, expected) => {
    expect(read(lines)).toMatchObject(expected);
  });
});

const NOT_PLAIN: readonly (readonly [string, readonly string[]])[] = [
  ['another method', ['PUT /v1/x HTTP/1.1', 'host: a', 'content-length: 2']],
  ['HEAD', ['HEAD /v1/x HTTP/1.1', 'host: a']],
  ['another version', ['GET /v1/models HTTP/1.0', 'host: a']],
  ['a path that is not proxied', ['GET /api/v1/runs HTTP/1.1', 'host: a']],
  ['what Metertap answers itself', ['GET /v1/organization/costs HTTP/1.1', 'host: a']],
  ['a run without /v1', ['GET /run/r/other HTTP/1.1', 'host: a']],
  ['an escaped path', ['GET /v1/%6dodels HTTP/1.1', 'host: a']],
  ['a fragment', ['GET /v1/models#a HTTP/1.1', 'host: a']],
  ['a semicolon', ['GET /v1/models;a HTTP/1.1', 'host: a']],
  ['an absolute URL', ['GET http://a/v1/models HTTP/1.1', 'host: a']],
  ['two blanks', ['GET  /v1/models HTTP/1.1', 'host: a']],
  ['an empty line before', ['', ...LINES]],
  ['no host', ['GET /v1/models HTTP/1.1']],
  ['two hosts', withLine('host: b')],
  ['a name twice', withLine('x-run-id: r2')],
  ['a POST without a length', ['POST /v1/x HTTP/1.1', 'host: a']],
  ['a GET with a length', ['GET /v1/x HTTP/1.1', 'host: a', 'content-length: 0']],
  ['a length with a sign', ['POST /v1/x HTTP/1.1', 'host: a', 'content-length: +2']],
  ['a length with a zero before it', ['POST /v1/x HTTP/1.1', 'host: a', 'content-length: 02']],
  ['a length beyond numbers', ['POST /v1/x HTTP/1.1', 'host: a', `content-length: ${'9'.repeat(20)}`]],
  ['chunks', withLine('transfer-encoding: chunked')],
  ['chunks in capital letters', withLine('Transfer-Encoding: chunked')],
  ['an expectation', withLine('expect: 100-continue')],
  ['an upgrade', withLine('upgrade: websocket')],
  ['te', withLine('te: trailers')],
  ['a trailer', withLine('trailer: x')],
  ['set-cookie', withLine('set-cookie: a=b')],
  ['a proxy’s header', withLine('proxy-authorization: x')],
  ['another connection', withLine('connection: keep-alive, x')],
  ['__proto__', withLine('__proto__: x')],
  ['a name that begins as a number', withLine('1: x')],
  ['no colon', withLine('x')],
  ['no name', withLine(': x')],
  ['a blank before the colon', withLine('x : y')],
  ['a folded line', withLine(' x: y')],
  ['an empty value', withLine('x:')],
  ['two blanks before a value', withLine('x:  y')],
  ['a blank behind a value', withLine('x: y ')],
  ['a tab behind a value', withLine('x: y\t')],
  ['a control character', withLine('x: a\x01b')],
  ['DEL', withLine('x: a\x7fb')],
  ['a bare line feed', withLine('x: a\nb: c')],
  ['a bare carriage return', withLine('x: a\rb: c')],
  ['too many headers', [...LINES, ...Array.from({ length: 200 }, (_, i) => `x-${i}: y`)]],
];

describe('leaves to Node', () => {
  const before = read(LINES);
  it.each(NOT_PLAIN)('%s', (_what, lines) => {
    expect(read(lines)).toBeNull();
    expect(read(lines, before)).toBeNull();
  });

  it('a head that is not whole, or too long', () => {
    const whole = Buffer.from(`${LINES.join('\r\n')}\r\n\r\n`);
    for (let end = 0; end < whole.length; end++) {
      expect(readRequestHead(whole.subarray(0, end), 16_384, null)).toBeNull();
      expect(readRequestHead(whole.subarray(0, end), 16_384, before)).toBeNull();
    }
    expect(read(LINES, null, whole.length)).not.toBeNull();
    expect(read(LINES, null, whole.length - 1)).toBeNull();
    expect(read(LINES, before, whole.length - 1)).toBeNull();
  });
});

describe('beside the head before it, reads the same as by itself:', () => {
  const CHANGES: readonly (readonly [string, readonly string[]])[] = [
    ['the same', LINES],
    ['another value', LINES.map((line) => line.replace('r1', 'r2'))],
    ['a longer value', LINES.map((line) => line.replace('r1', 'r'.repeat(1000)))],
    ['a value that the old one begins', LINES.map((line) => line.replace('r1', 'r12'))],
    ['a value that begins the old one', LINES.map((line) => line.replace('r1', 'r'))],
    ['another length', LINES.map((line) => line.replace('length: 2', 'length: 123456'))],
    ['another path', LINES.map((line) => line.replace('/completions', '/completions/1'))],
    ['another method', ['GET /v1/chat/completions HTTP/1.1', ...LINES.slice(1, 3)]],
    ['one line more', withLine('x: y')],
    ['a value that is hardly plain', withLine('connection: close')],
    ['one line less', [...LINES.slice(0, 2), ...LINES.slice(3)]],
    ['another order', [LINES[0] ?? '', ...LINES.slice(1).reverse()]],
    ['other letters', LINES.map((line) => line.replace('Host', 'host'))],
    ['no blank behind a colon', LINES.map((line) => line.replace('Host: a', 'Host:a'))],
  ];
  it.each(CHANGES)('%s', (_what, lines) => {
    const alone = read(lines);
    expect(alone).not.toBeNull();
    for (const first of [LINES, withLine('x: y'), withLine('connection: keep-alive')]) {
      const beside = read(lines, read(first));
      expect(beside).toEqual(alone);
      expect(Object.keys(beside?.headers ?? {})).toEqual(Object.keys(alone?.headers ?? {}));
    }
  });

  it('what is said again is the same text, and the head before stays as it was', () => {
    const before = read(LINES);
    const copy = structuredClone(before);
    const next = read(
      LINES.map((line) => line.replace('r1', 'r2')),
      before,
    );
    expect(next?.headers).toMatchObject({ 'x-run-id': 'r2' });
    expect(before).toEqual(copy);
  });
});
