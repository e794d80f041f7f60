import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AnswerReceiver, CarriedHead, CarriedRequest, Sending } from '../../../src/server/carrier.ts';
import { ConnectionPool, type ConnectionPoolSettings } from '../../../src/server/http1/connection-pool.ts';

/** A server whose connections the test reads and writes. */
class Peer {
  readonly sockets: Socket[] = [];
  /** All that has come, over all connections. */
  received = '';
  readonly server: Server;
  onRequest: (socket: Socket, count: number) => void = () => undefined;
  #requests = 0;
  readonly #changes: (() => void)[] = [];

  constructor() {
    this.server = createServer({ noDelay: true }, (socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#changed());
      socket.on('data', (bytes) => {
        this.received += bytes.toString('latin1');
        const count = this.received.split('\r\n\r\n').length - 1;
        for (; this.#requests < count; ) this.onRequest(socket, ++this.#requests);
        this.#changed();
      });
      this.#changed();
    });
  }

  get url(): URL {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('it does not listen');
    return new URL(`http://127.0.0.1:${address.port}`);
  }

  get open(): number {
    return this.sockets.filter((socket) => !socket.destroyed).length;
  }

  /** Resolves as soon as it is so. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#changes.push(resolve));
  }

  #changed(): void {
    for (const wake of this.#changes.splice(0)) wake();
  }
}

async function startPeer(onRequest: Peer['onRequest']): Promise<Peer> {
  const peer = new Peer();
  peer.onRequest = onRequest;
  await new Promise<void>((resolve) => peer.server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of peer.sockets) socket.destroy();
    return new Promise<void>((resolve) => peer.server.close(() => resolve()));
  });
  return peer;
}

function poolFor(peer: Pick<Peer, 'url'>, settings: Partial<ConnectionPoolSettings> = {}): ConnectionPool {
  const limits = { maxConnections: null, connectMs: 5000, firstByteMs: 0, idleMs: 0, keptMs: 15_000 };
  const pool = new ConnectionPool({ url: peer.url, ...limits, ...settings });
  onTestFinished(() => pool.close());
  return pool;
}

/** What became of one exchange. */
class Told implements AnswerReceiver {
  readonly events: string[] = [];
  readonly #over = Promise.withResolvers<Told>();
  readonly #headed = Promise.withResolvers<void>();
  body = '';
  status = 0;
  error: (Error & { readonly code?: string }) | null = null;
  sending: Sending | null = null;
  onData: () => void = () => undefined;

  get over(): Promise<Told> {
    return this.#over.promise;
  }

  get headed(): Promise<void> {
    return this.#headed.promise;
  }

  sent(): void {
    this.events.push('sent');
  }

  head({ status }: CarriedHead): void {
    this.status = status;
    this.events.push('head');
    this.#headed.resolve();
  }

  data(chunk: Buffer): void {
    this.body += chunk.toString('latin1');
    this.onData();
  }

  end(): void {
    this.events.push('end');
    this.#over.resolve(this);
  }

  failed(error: Error): void {
    this.error = error;
    this.events.push('failed');
    this.#over.resolve(this);
  }
}

const POST: CarriedRequest<Buffer | null> = { method: 'POST', path: '/v1/a', headers: ['x-a', 'b'], body: null };

function send(pool: ConnectionPool, request: Partial<CarriedRequest<Buffer | null>> = {}): Told {
  const told = new Told();
  told.sending = pool.send({ ...POST, ...request }, told);
  return told;
}

const answer = (body: string, ...headers: string[]) =>
  ['HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...headers, '', body].join('\r\n');

const answers = (socket: Socket, count: number): void => void socket.write(answer(`${count}`));

describe('connections', () => {
  it('are used again, the one that was used last first', async () => {
    const peer = await startPeer(answers);
    const pool = poolFor(peer);
    expect((await Promise.all([send(pool).over, send(pool).over])).map(({ body }) => body).sort()).toEqual(['1', '2']);
    expect(peer.sockets).toHaveLength(2);
    const last = await send(pool).over;
    const before = peer.sockets.map(({ bytesRead }) => bytesRead);
    await send(pool).over;
    const after = peer.sockets.map(({ bytesRead }) => bytesRead);
    expect(last.events).toEqual(['sent', 'head', 'end']);
    expect([peer.sockets.length, after.filter((bytes, i) => bytes !== before[i]).length]).toEqual([2, 1]);
  });

  it.each([
    ['the answer says so', 'Connection: close'],
    ['the upstream keeps them too short', 'Keep-Alive: timeout=2'],
  ])('are not used again where %s', async (_why, header) => {
    const peer = await startPeer((socket, count) => void socket.write(answer(`${count}`, header)));
    const pool = poolFor(peer);
    await send(pool).over;
    await peer.until(() => peer.open === 0);
    expect((await send(pool).over).body).toBe('2');
    expect(peer.sockets).toHaveLength(2);
  });

  it('are not used again where more came than the answer', async () => {
    const peer = await startPeer((socket, count) => void socket.write(`${answer(`${count}`)}${answer('forged')}`));
    const pool = poolFor(peer);
    expect((await send(pool).over).body).toBe('1');
    expect((await send(pool).over).body).toBe('2');
    expect(peer.sockets).toHaveLength(2);
  });

  it('are not used again where something came afterwards that nobody asked for', async () => {
    const peer = await startPeer(answers);
    const pool = poolFor(peer);
    await send(pool).over;
    await new Promise<void>((resolve) => peer.sockets[0]?.write(answer('forged'), () => resolve()));
    await nextTurn();
    expect((await send(pool).over).body).toBe('2');
    expect(peer.sockets).toHaveLength(2);
  });

  it('are not used again where the upstream has closed them', async () => {
    const peer = await startPeer(answers);
    const pool = poolFor(peer);
    await send(pool).over;
    await new Promise<void>((resolve) => peer.sockets[0]?.end(resolve));
    await nextTurn();
    const second = await send(pool).over;
    expect([second.body, second.events]).toEqual(['2', ['sent', 'head', 'end']]);
    expect(peer.sockets).toHaveLength(2);
  });

  it('are closed after a HEAD, and after a body that its method does not have', async () => {
    const peer = await startPeer((socket) => void socket.write(answer('')));
    const pool = poolFor(peer);
    await send(pool, { method: 'HEAD' }).over;
    expect(peer.received).toContain('connection: close\r\n');
    await send(pool, { method: 'DELETE', body: Buffer.from('x') }).over;
    await send(pool).over;
    expect(peer.sockets).toHaveLength(3);
  });

  it('are closed where the answer came before the whole request was taken', async () => {
    const peer = await startPeer((socket, count) => {
      if (count === 1) socket.pause();
      socket.write(answer(`${count}`));
    });
    const pool = poolFor(peer);
    const early = await send(pool, { body: Buffer.alloc(16 * 1024 * 1024, 'x') }).over;
    expect([early.body, early.error]).toEqual(['1', null]);
    expect((await send(pool).over).error).toBeNull();
    expect(peer.sockets).toHaveLength(2);
  });

  it('are closed when they have been idle for long enough', async () => {
    const peer = await startPeer(answers);
    const pool = poolFor(peer, { keptMs: 20, firstByteMs: 40 });
    await send(pool).over;
    await peer.until(() => peer.open === 0);
    expect((await send(pool).over).body).toBe('2');
  });

  it('are no more than there may be, and those who wait have their turn in order', async () => {
    const peer = await startPeer(() => undefined);
    const pool = poolFor(peer, { maxConnections: 2 });
    const all = Array.from({ length: 5 }, (_, i) => send(pool, { path: `/${i}` }));
    const order: string[] = [];
    for (const [i, told] of all.entries()) void told.over.then(() => order.push(`${i}`));
    await peer.until(() => peer.received.split('\r\n\r\n').length - 1 >= 2);
    peer.onRequest = answers;
    for (const socket of peer.sockets) socket.write(answer('first'));
    await Promise.all(all.map(({ over }) => over));
    expect([peer.sockets.length, all.map(({ error }) => error)]).toEqual([2, [null, null, null, null, null]]);
    expect(order.slice(2)).toEqual(['2', '3', '4']);
  });

  it('are opened anew for those who wait where others fail', async () => {
    const peer = await startPeer((socket, count) => {
      if (count === 1) socket.destroy();
      else socket.write(answer(`${count}`));
    });
    const pool = poolFor(peer, { maxConnections: 1 });
    const [first, second] = await Promise.all([send(pool).over, send(pool).over]);
    expect([first?.error?.code, second?.body, peer.sockets.length]).toEqual(['CONNECTION_CLOSED', '2', 2]);
  });

  it('that cannot be opened fail the one that they were opened for', async () => {
    const pool = poolFor({ url: new URL('http://127.0.0.1:1') }, { maxConnections: 1 });
    const all = await Promise.all([send(pool).over, send(pool).over, send(pool).over]);
    expect(all.map(({ error, events }) => [error?.code, events])).toEqual(
      Array.from({ length: 3 }, () => ['ECONNREFUSED', ['failed']]),
    );
  });
});

describe('an answer', () => {
  it.each([
    ['before its head', ''],
    ['within its head', 'HTTP/1.1 200 OK\r\nConte'],
    ['within its length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell'],
    ['within its chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell'],
  ])('fails where the connection ends %s', async (_where, text) => {
    const peer = await startPeer((socket) => void socket.end(text));
    const told = await send(poolFor(peer)).over;
    expect([told.error?.code, told.events.at(-1)]).toEqual(['CONNECTION_CLOSED', 'failed']);
    expect(told.body).toBe(text.endsWith('hell') ? 'hell' : '');
  });

  it('may end with its connection', async () => {
    const peer = await startPeer((socket) => void socket.end('HTTP/1.0 200 OK\r\n\r\nhello'));
    const told = await send(poolFor(peer)).over;
    expect([told.body, told.events]).toEqual(['hello', ['sent', 'head', 'end']]);
  });

  it('that ends by a reset of its connection has failed', async () => {
    const peer = await startPeer((socket) => {
      socket.write('HTTP/1.0 200 OK\r\n\r\nhello', () => undefined);
    });
    const told = send(poolFor(peer));
    told.onData = () => peer.sockets[0]?.resetAndDestroy();
    await told.over;
    expect([told.body, told.error?.code]).toEqual(['hello', 'ECONNRESET']);
  });

  it('that is none fails, after what came of it', async () => {
    const text = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nx';
    const peer = await startPeer((socket) => void socket.write(text));
    const told = await send(poolFor(peer)).over;
    expect([told.body, told.error?.code]).toEqual(['hi', 'MALFORMED_ANSWER']);
    await peer.until(() => peer.open === 0);
  });

  it.each([
    ['begin', '', 'HEAD_TIMEOUT', { firstByteMs: 20 }],
    ['have its whole head', 'HTTP/1.1 200 OK\r\n', 'HEAD_TIMEOUT', { firstByteMs: 20 }],
    ['go on', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell', 'BODY_TIMEOUT', { idleMs: 20 }],
  ])('fails where it does not %s in time', async (_what, text, code, limits) => {
    const peer = await startPeer((socket) => void socket.write(text));
    const told = await send(poolFor(peer, limits)).over;
    expect([told.error?.code, told.events.includes('sent')]).toEqual([code, true]);
    await peer.until(() => peer.open === 0);
  });

  it('may take its time while nobody takes it', async () => {
    const peer = await startPeer((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell'));
    const pool = poolFor(peer, { idleMs: 20 });
    const told = send(pool);
    await told.headed;
    told.sending?.pause();
    peer.sockets[0]?.write('o');
    const other = send(pool); // runs into the limit meanwhile
    await other.over;
    expect([other.error?.code, told.error, told.body]).toEqual(['BODY_TIMEOUT', null, 'hell']);
    told.sending?.resume();
    expect((await told.over).body).toBe('hello');
  });

  it('comes only as fast as it is taken', async () => {
    const bytes = 32 * 1024 * 1024;
    const peer = await startPeer((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
      socket.write(Buffer.alloc(bytes, 'x'));
    });
    const told = send(poolFor(peer));
    await told.headed;
    told.sending?.pause();
    const taken = told.body.length;
    for (let i = 0; i < 20; i++) await nextTurn();
    expect([told.body.length, taken < bytes / 2]).toEqual([taken, true]);
    told.sending?.resume();
    expect((await told.over).body).toHaveLength(bytes);
  });

  it('fails where its receiver does', async () => {
    const peer = await startPeer(answers);
    const told = send(poolFor(peer));
    told.onData = () => {
      throw new Error('no more room');
    };
    expect((await told.over).error?.message).toBe('no more room');
    await peer.until(() => peer.open === 0);
  });
});

describe('an exchange that is ended by its caller', () => {
  const reason = new Error('nobody wants it');

  it('while its connection is being opened, leaves it to the next one', async () => {
    const peer = await startPeer(answers);
    const pool = poolFor(peer, { maxConnections: 1 });
    const told = send(pool);
    told.sending?.abort(reason);
    expect([told.events, told.error]).toEqual([['failed'], reason]);
    expect((await send(pool).over).body).toBe('1');
    expect(peer.sockets).toHaveLength(1);
  });

  it('while it waits for a connection, is never sent', async () => {
    const peer = await startPeer(() => undefined);
    const pool = poolFor(peer, { maxConnections: 1 });
    const first = send(pool);
    const told = send(pool, { path: '/never' });
    told.sending?.abort(reason);
    expect(told.events).toEqual(['failed']);
    await peer.until(() => peer.received !== '');
    peer.onRequest = answers;
    peer.sockets[0]?.write(answer('first'));
    await first.over;
    await send(pool).over;
    expect(peer.received).not.toContain('/never');
  });

  it('before it is written to an idle connection, leaves it to the next one', async () => {
    const peer = await startPeer(answers);
    const pool = poolFor(peer);
    await send(pool).over;
    const told = send(pool, { path: '/never' });
    told.sending?.abort(reason);
    expect(told.events).toEqual(['failed']);
    await nextTurn();
    expect((await send(pool).over).body).toBe('2');
    expect([peer.sockets.length, peer.received.includes('/never')]).toEqual([1, false]);
  });

  it('before its answer, takes its connection with it', async () => {
    const peer = await startPeer(() => undefined);
    const pool = poolFor(peer);
    const told = send(pool);
    await peer.until(() => peer.received !== '');
    told.sending?.abort(reason);
    expect([told.events, told.error]).toEqual([['sent', 'failed'], reason]);
    await peer.until(() => peer.open === 0);
  });

  it('within its answer, is told nothing more', async () => {
    const peer = await startPeer((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'));
    const pool = poolFor(peer);
    const told = send(pool);
    told.onData = () => told.sending?.abort(reason);
    await told.over;
    told.sending?.abort(new Error('again'));
    told.sending?.pause();
    told.sending?.resume();
    expect([told.events, told.error]).toEqual([['sent', 'head', 'failed'], reason]);
    await peer.until(() => peer.open === 0);
  });

  it('while it is paused, is over', async () => {
    const peer = await startPeer((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi'));
    const told = send(poolFor(peer));
    await told.headed;
    told.sending?.pause();
    told.sending?.abort(reason);
    expect(told.error).toBe(reason);
    await peer.until(() => peer.open === 0);
  });
});

describe('a pool that is closed', () => {
  it('waits for what is open and for what waits, and takes nothing more', async () => {
    const peer = await startPeer(() => undefined);
    const pool = poolFor(peer, { maxConnections: 1 });
    const first = send(pool);
    const second = send(pool);
    await peer.until(() => peer.received !== '');
    let isClosed = false;
    const closed = pool.close().then(() => {
      isClosed = true;
    });
    expect(() => send(pool)).toThrow(/closed/);
    peer.onRequest = answers;
    peer.sockets[0]?.write(answer('first'));
    await first.over;
    expect(isClosed).toBe(false);
    expect((await second.over).body).toBe('2');
    await closed;
    await peer.until(() => peer.open === 0);
  });

  it('has closed what was idle', async () => {
    const peer = await startPeer(answers);
    const pool = poolFor(peer);
    await send(pool).over;
    await pool.close();
    await pool.close();
    await peer.until(() => peer.open === 0);
  });

  it('need never have been used', async () => {
    await poolFor({ url: new URL('http://127.0.0.1:1') }).close();
  });
});

describe('a request', () => {
  it.each([
    ['a line end in a header', { headers: ['x-a', 'b\r\nx-c: d'] }],
    ['a line feed in a header', { headers: ['x-a', 'b\nc'] }],
    ['a NUL in a header', { headers: ['x-a', 'b\0c'] }],
    ['a header beyond latin1', { headers: ['x-a', '\u20ac'] }],
    ['a line end in a name', { headers: ['x-a: b\r\nx-c', 'd'] }],
    ['a space in a name', { headers: ['x a', 'b'] }],
    ['an empty name', { headers: ['', 'b'] }],
    ['a space in its path', { path: '/a HTTP/1.1' }],
    ['a line end in its path', { path: '/a\r\nx: y' }],
    ['a path that is none', { path: 'a' }],
    ['a method that is none', { method: 'GET /' }],
  ])('is refused with %s', (_what, fault) => {
    const pool = poolFor({ url: new URL('http://127.0.0.1:1') });
    expect(() => send(pool, fault)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });
});

it('reaches an upstream by its name and by IPv6', async () => {
  const peer = await startPeer(answers);
  const byName = new URL(peer.url);
  byName.hostname = 'localhost';
  expect((await send(poolFor({ url: byName })).over).error).toBeNull();
  expect(peer.received).toContain(`host: localhost:${byName.port}\r\n`);
});
