import { createServer, type OutgoingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type HeaderField, headerField } from '../../../../src/server/http1/header-block.ts';
import { takePlainRequests } from '../../../../src/server/http1-server/take-plain-requests.ts';
import type { ClientResponse } from '../../../../src/streaming/client-response.ts';

type Answer = (response: ServerResponse) => void;

/** What a client of a server with this listener receives on one connection, until it is closed. */
async function received(answer: Answer, own: boolean, connection: string): Promise<string> {
  const listener: RequestListener = (_request, response) => answer(response);
  const server = createServer({ keepAliveTimeout: 5000 }, listener);
  if (own) takePlainRequests(server, 16_384, (request, response) => void server.emit('request', request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  const request = (line: string) => `GET /v1/models HTTP/1.1\r\nhost: a\r\n${line}\r\n`;
  socket.write(request(connection === '' ? '' : `connection: ${connection}\r\n`));
  if (connection !== 'close') {
    while (!Buffer.concat(parts).includes('\r\n\r\n')) await new Promise((resolve) => setImmediate(resolve));
    socket.write(request('connection: close\r\n'));
  }
  await new Promise((resolve) => socket.on('close', resolve));
  await new Promise((resolve) => server.close(resolve));
  return Buffer.concat(parts)
    .toString('latin1')
    .replaceAll(/^Date: .*$/gm, 'Date: D');
}

function write(response: ServerResponse, ...pieces: readonly string[]): ServerResponse {
  for (const piece of pieces) response.write(Buffer.from(piece));
  return response;
}

function without(response: ServerResponse, name: string): ServerResponse {
  response.removeHeader(name);
  return response;
}

function fieldsOf(headers: readonly string[]): HeaderField[] {
  return headers.flatMap((name, i) => (i % 2 === 0 ? [headerField(name, headers[i + 1] ?? '')] : []));
}

/** Writes a head of headers that are known to be sound, where the response has a way of its own for them. */
function writeStrictHead(response: ServerResponse, headers: string[]): ServerResponse {
  const own: ClientResponse = response;
  if (own.writeStrictHead === undefined) response.writeHead(200, 'OK', headers);
  else own.writeStrictHead(200, 'OK', fieldsOf(headers));
  return response;
}

const ANSWERS: readonly (readonly [string, Answer])[] = [
  ['a body of known length', (r) => r.writeHead(200, { 'content-length': '2' }).end('ab')],
  ['a body in chunks', (r) => write(r.writeHead(200, { a: 'b' }), 'ab').end('cd')],
  ['chunks and an end without one', (r) => write(r.writeHead(200), 'ab').end()],
  ['nothing but a status', (r) => r.writeHead(404).end()],
  ['a status without a text of its own', (r) => r.writeHead(299).end()],
  ['another text', (r) => r.writeHead(200, 'Fine').end()],
  ['an empty text', (r) => r.writeHead(200, '').end()],
  ['a body without a head', (r) => r.end('abc')],
  ['no head and no body', (r) => r.end()],
  ['chunks without a head', (r) => write(r, 'abc').end('d')],
  ['a status that was set', (r) => Object.assign(r, { statusCode: 418 }).end('short')],
  ['204', (r) => r.writeHead(204).end()],
  ['204 with a body', (r) => r.writeHead(204).end('abc')],
  ['304 with a length', (r) => r.writeHead(304, { 'content-length': '7' }).end()],
  ['no date', (r) => Object.assign(r, { sendDate: false }).writeHead(200, { 'content-length': '0' }).end()],
  ['a date of its own', (r) => r.writeHead(200, ['date', 'yesterday', 'content-length', '0']).end()],
  ['a list with names that come again', (r) => r.writeHead(200, ['a', '1', 'A', '2', 'content-length', '0']).end()],
  ['values that are lists', (r) => r.writeHead(200, { 'set-cookie': ['a', 'b'], 'content-length': 0 }).end()],
  ['strict headers', (r) => writeStrictHead(r, ['a', '1', 'Content-Length', '2', 'DATE', 'now']).end('ab')],
  ['strict headers and chunks', (r) => write(writeStrictHead(r, ['A', '', 'a', 'Gr\u00fc\u00dfe']), 'ab').end('c')],
  ['strict headers that close', (r) => writeStrictHead(r, ['Connection', 'close', 'content-length', '0']).end()],
  ['strict headers over one set before', (r) => writeStrictHead(r.setHeader('X-A', '1'), ['x-a', '2']).end('x')],
  ['headers set before', (r) => r.setHeader('X-A', '1').setHeader('X-B', ['2', '3']).writeHead(200).end('x')],
  ['an object over headers set before', (r) => r.setHeader('X-A', '1').writeHead(200, { 'x-a': '2', b: '3' }).end('x')],
  ['a list over headers set before', (r) => r.setHeader('X-A', '1').writeHead(200, ['x-a', '2', 'x-a', '3']).end('x')],
  ['a header taken back', (r) => without(r.setHeader('x-a', '1'), 'X-A').end('x')],
  [
    'a connection that ends',
    (r) => r.setHeader('Connection', 'close').writeHead(200, ['content-length', '1']).end('x'),
  ],
  ['a connection that must not stay', (r) => Object.assign(r, { shouldKeepAlive: false }).writeHead(200).end('x')],
  ['a keep-alive of its own', (r) => r.writeHead(200, ['keep-alive', 'timeout=1', 'content-length', '1']).end('x')],
  ['a transfer coding of its own', (r) => r.writeHead(200, ['transfer-encoding', 'chunked']).end('x')],
  ['bytes beyond ASCII', (r) => r.writeHead(200, ['x-latin', '\xfc\xe4']).end(Buffer.from('ü'))],
  ['text beyond ASCII', (r) => r.writeHead(200, { 'content-type': 'text/plain' }).end('üä')],
  ['many small pieces', (r) => write(r, ...'abcdefgh').end()],
  ['a large piece', (r) => r.writeHead(200).end(Buffer.alloc(500_000, 'x'))],
  ['large and small pieces', (r) => write(r, 'x'.repeat(100_000), 'y').end('z')],
  ['an empty piece', (r) => write(r.writeHead(200), '').end('z')],
];

describe.each(['close', 'keep-alive', ''])(
  'where the client says %j, the bytes are those of Node’s for',
  (connection) => {
    it.each(ANSWERS)('%s', async (_what, answer) => {
      const [own, node] = await Promise.all([received(answer, true, connection), received(answer, false, connection)]);
      expect(own).toBe(node);
      expect(own).toContain('HTTP/1.1 ');
    });
  },
);

describe('what Node does not write, this does not either:', () => {
  const HEADS: readonly (readonly [string, Answer])[] = [
    ['a status below 100', (r) => r.writeHead(99)],
    ['a status that is none', (r) => r.writeHead(Number.NaN)],
    ['a line feed in a value', (r) => r.writeHead(200, ['a', 'b\nc: d'])],
    ['a line end in a value', (r) => r.writeHead(200, ['a', 'b\r\nc: d'])],
    ['a character beyond latin1', (r) => r.writeHead(200, { a: '€' })],
    ['a line end in a status text', (r) => r.writeHead(200, 'OK\r\na: b')],
    ['a blank in a name', (r) => r.writeHead(200, ['a b', 'c'])],
    ['an empty name', (r) => r.writeHead(200, ['', 'c'])],
    ['no value', (r) => r.writeHead(200, { a: undefined } as unknown as OutgoingHttpHeaders)],
  ];
  it.each(HEADS)('%s', async (_what, begin) => {
    const answer: Answer = (response) => {
      let code: unknown = 'no error';
      try {
        begin(response);
      } catch (error) {
        code = error instanceof Error && 'code' in error ? error.code : error;
      }
      response.statusMessage = 'OK'; // Node keeps the one that it has refused
      response.end(String(code));
    };
    const [own, node] = await Promise.all([received(answer, true, 'close'), received(answer, false, 'close')]);
    expect(own).toBe(node);
    expect(own).toContain('ERR_');
  });
});
