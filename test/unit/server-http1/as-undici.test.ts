import { createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AnswerReceiver, CarriedHead, CarriedRequest, Carrier } from '../../../src/server/carrier.ts';
import { ConnectionPool } from '../../../src/server/http1/connection-pool.ts';
import { UndiciCarrier } from '../../../src/server/undici-carrier.ts';

/*
 * Our own connections beside undici's: the same bytes are written, and the same bytes are read as the same answer, or as
 * none by both. What is knowingly read in another way stands in a table of its own.
 */

const LIMITS = { maxConnections: null, connectMs: 5000, firstByteMs: 0, idleMs: 0, keptMs: 15_000 };

interface Seen {
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
}

class Taken implements AnswerReceiver {
  readonly #over = Promise.withResolvers<Seen | null>();
  #head: CarriedHead = { status: 0, statusText: '', fields: [] };
  #body = '';

  /** Null where it was no answer. */
  get over(): Promise<Seen | null> {
    return this.#over.promise;
  }

  sent(): void {
    // what matters here is the answer
  }

  head(head: CarriedHead): void {
    this.#head = head;
  }

  data(chunk: Buffer): void {
    this.#body += chunk.toString('latin1');
  }

  end(): void {
    const { status, statusText, fields } = this.#head;
    const pairs = fields.map(({ name, value }) => [name, value] as const);
    this.#over.resolve({ status, statusText, fields: pairs, body: this.#body });
  }

  failed(): void {
    this.#over.resolve(null);
  }
}

/** Starts a server that answers each connection's first request with the bytes that its path numbers, and ends it. */
async function startWriter(texts: readonly string[]): Promise<{ readonly url: URL; readonly received: string[] }> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let request = '';
    socket.on('data', (bytes) => {
      request += bytes.toString('latin1');
      const head = request.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/.exec(request)?.[1] ?? 0);
      if (head < 0 || request.length < head + 4 + length) return;
      received.push(request);
      socket.end(Buffer.from(texts[Number(/\/(\d+)/.exec(request)?.[1])] ?? '', 'latin1'));
      request = '';
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it does not listen');
  return { url: new URL(`http://127.0.0.1:${address.port}`), received };
}

function carriersTo(url: URL): { readonly ours: Carrier<Buffer | null>; readonly undici: Carrier } {
  const ours = new ConnectionPool({ ...LIMITS, url });
  const undici = new UndiciCarrier({ ...LIMITS, url });
  onTestFinished(async () => {
    await Promise.all([ours.close(), undici.close()]);
  });
  return { ours, undici };
}

function exchange(carrier: Carrier<Buffer | null>, request: CarriedRequest<Buffer | null>): Promise<Seen | null> {
  const taken = new Taken();
  carrier.send(request, taken);
  return taken.over;
}

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const NONE = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

const ANSWERS: readonly string[] = [
  '',
  NONE,
  `${OK}Content-Length: 5\r\n\r\nhello`,
  `${OK}Content-Length: 5\r\n\r\nhell`,
  `${OK}Content-Length: 5\r\n\r\nhello and more`,
  `${OK}content-LENGTH:5\r\nX-Twice: 1\r\nx-twice: 2\r\nX-Empty:\r\nX-Padded:  \t a  b\r\n\r\nhello`,
  `${OK}X-Latin: Gr\u00fc\u00dfe\r\nX-Long: ${'v'.repeat(12_000)}\r\nContent-Length: 0\r\n\r\n`,
  `${OK}\r\nhello`,
  `${OK}X: y\r\n\r\n`,
  `${CHUNKED}5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n`,
  `${CHUNKED}0\r\n\r\n`,
  `${CHUNKED}00A\r\n0123456789\r\n000\r\n\r\n`,
  `${CHUNKED}2;a=b\r\nhi\r\n0\r\n\r\n`,
  `${CHUNKED}2;a="b c"\r\nhi\r\n0;z\r\n\r\n`,
  `${CHUNKED}2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n`,
  `${CHUNKED}2\r\nhi\r\n0\r\nX : 1\r\n\r\n`,
  `${CHUNKED}2\r\nhi\r\n0\r\n\n`,
  `${CHUNKED}2\r\nhi\r\n`,
  `${CHUNKED}2\r\nh`,
  `${CHUNKED}2\r\nhi\r\n0\r\n`,
  `${CHUNKED}2\r\nhi!\r\n0\r\n\r\n`,
  `${CHUNKED}0x2\r\nhi\r\n0\r\n\r\n`,
  `${CHUNKED}+2\r\nhi\r\n0\r\n\r\n`,
  `${CHUNKED}-2\r\nhi\r\n0\r\n\r\n`,
  `${CHUNKED} 2\r\nhi\r\n0\r\n\r\n`,
  `${CHUNKED}2 \r\nhi\r\n0\r\n\r\n`,
  `${CHUNKED}2 ;a\r\nhi\r\n0\r\n\r\n`,
  `${CHUNKED}2\nhi\r\n0\r\n\r\n`,
  `${CHUNKED}2\r\nhi\n0\r\n\r\n`,
  `${CHUNKED}\r\nhi\r\n0\r\n\r\n`,
  `${CHUNKED}g\r\nhi\r\n0\r\n\r\n`,
  `${CHUNKED}10000000000000002\r\nhi\r\n0\r\n\r\n`,
  `${CHUNKED}ffffffffffffffff\r\nhi\r\n0\r\n\r\n`,
  `${OK}Transfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
  `${OK}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
  `${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
  `${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi`,
  `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!`,
  `${OK}Content-Length: 2, 2\r\n\r\nhi`,
  `${OK}Content-Length: +2\r\n\r\nhi`,
  `${OK}Content-Length: 0x2\r\n\r\nhi`,
  `${OK}Content-Length: 2x\r\n\r\nhi`,
  `${OK}Content-Length:\r\n\r\n`,
  `${OK}Content-Length : 2\r\n\r\nhi`,
  `${OK}A: b\r\n c\r\nContent-Length: 0\r\n\r\n`,
  `${OK}A: b\nContent-Length: 0\r\n\r\n`,
  `${OK}A: b\rContent-Length: 0\r\n\r\n`,
  `${OK}A: b\0\r\nContent-Length: 0\r\n\r\n`,
  `${OK}A b: c\r\nContent-Length: 0\r\n\r\n`,
  `${OK}: c\r\nContent-Length: 0\r\n\r\n`,
  `${OK}A\r\nContent-Length: 0\r\n\r\n`,
  'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 299 Quite  All Right\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi',
  'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 500 Oh\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}',
  `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
  'HTTP/1.1 103 Early Hints\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n',
  'HTTP/1.0 200 OK\r\n\r\nhello',
  'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 20 OK\r\n\r\n',
  'HTTP/1.1 2000 OK\r\n\r\n',
  'HTTP/1.1  200 OK\r\n\r\n',
  'HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP 200 OK\r\nContent-Length: 0\r\n\r\n',
  'ICY 200 OK\r\n\r\n',
  'hello',
];

it('reads the same answers as undici, and refuses the same', async () => {
  const { url } = await startWriter(ANSWERS);
  const { ours, undici } = carriersTo(url);
  const differing: unknown[] = [];
  for (const [i, text] of ANSWERS.entries()) {
    for (const method of ['POST', 'HEAD']) {
      const request = { method, path: `/${i}`, headers: [], body: null };
      const seen = await exchange(ours, request);
      const asUndici = await exchange(undici, request);
      if (JSON.stringify(seen) !== JSON.stringify(asUndici)) differing.push({ method, text, seen, asUndici });
    }
  }
  expect(differing).toEqual([]);
});

/** What undici reads, or refuses, in another way, and why. */
const KNOWINGLY: Readonly<Record<string, { readonly text: string; readonly ours: Partial<Seen> | null }>> = {
  'a status text is latin1, as header values are': {
    text: 'HTTP/1.1 200 Gr\u00fc\u00dfe\r\nContent-Length: 0\r\n\r\n',
    ours: { statusText: 'Gr\u00fc\u00dfe' },
  },
  'an upstream may say that the request goes on (RFC 9110 15.2.1)': {
    text: `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
    ours: { status: 200, body: 'hi' },
  },
  'a coding that nobody undoes is no body (RFC 9112 6.1)': {
    text: `${OK}Transfer-Encoding: gzip\r\n\r\nhi`,
    ours: null,
  },
  'a coding is told from one that is nearly the same': {
    text: `${OK}Transfer-Encoding: xchunked\r\n\r\nhi`,
    ours: null,
  },
  'a coding behind chunked leaves open where the body ends': {
    text: `${OK}Transfer-Encoding: chunked, identity\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
    ours: null,
  },
  'white space behind a value is not of it (RFC 9110 5.5)': {
    text: `${OK}X-Padded: a \t\r\nContent-Length: 0\r\n\r\n`,
    ours: {
      fields: [
        ['X-Padded', 'a'],
        ['Content-Length', '0'],
      ],
    },
  },
  'HTTP/2.0 is not written in text': { text: 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n', ours: null },
};

it.each(Object.entries(KNOWINGLY))('differs from undici: %s', async (_why, { text, ours: expected }) => {
  const { url } = await startWriter([text]);
  const { ours, undici } = carriersTo(url);
  const request = { method: 'POST', path: '/0', headers: [], body: null };
  const seen = await exchange(ours, request);
  if (expected === null) expect(seen).toBeNull();
  else expect(seen).toMatchObject(expected);
  expect(await exchange(undici, request)).not.toEqual(seen);
});

describe('the bytes of a request are the same', () => {
  const headers = [
    'Content-Type',
    'application/json',
    'x-UPPER',
    'Gr\u00fc\u00dfe\t!',
    'x-a',
    '1',
    'X-A',
    '2',
    'x-none',
    '',
  ];
  it.each([
    ['POST', Buffer.from('{"a":"\u00fc\u20ac"}')],
    ['POST', Buffer.alloc(100_000, 'x')],
    ['POST', Buffer.alloc(0)],
    ['POST', null],
    ['PUT', Buffer.from('x')],
    ['PATCH', null],
    ['GET', null],
    ['GET', Buffer.from('x')],
    ['HEAD', null],
    ['DELETE', null],
    ['DELETE', Buffer.alloc(0)],
    ['DELETE', Buffer.from('x')],
    ['OPTIONS', null],
    ['PURGE', null],
  ] as const)('%s %s', async (method, body) => {
    const { url, received } = await startWriter([NONE]);
    const { ours, undici } = carriersTo(url);
    const request = { method, path: '/0/v1/chat?a=%20b&c', headers, body };
    expect(await exchange(undici, request)).toEqual(await exchange(ours, request));
    expect(received).toHaveLength(2);
    expect(received[1]).toBe(received[0]);
  });
});
