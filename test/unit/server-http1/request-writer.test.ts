import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RequestWriter } from '../../../src/server/http1/request-writer.ts';

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

/** Both ends of a connection. Nothing is read at the far one yet. */
async function openPair(): Promise<Pair> {
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it does not listen');
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const near = connect(address.port, '127.0.0.1');
  await new Promise<void>((resolve) => near.once('connect', () => resolve()));
  const far = await accepted;
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
}

/** All that comes, once so many bytes have. */
function received(far: Socket, bytes: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let length = 0;
    far.on('data', (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length >= bytes) resolve(Buffer.concat(parts));
    });
    far.resume();
  });
}

const HEAD = 'POST / HTTP/1.1\r\nx-name: caf\u00e9\r\n\r\n';

function request(letter: string, bytes: number): Buffer {
  return Buffer.concat([Buffer.from(HEAD, 'latin1'), Buffer.alloc(bytes, letter)]);
}

describe('requests are written whole', () => {
  const piece = 80 * 1024 - HEAD.length;

  it.each([0, 1, 5000, 60_000, piece - 1, piece, piece + 1, 200_000])('with a body of %i bytes', async (bytes) => {
    const { near, far } = await openPair();
    const writer = new RequestWriter();
    const whole = Buffer.concat([request('a', bytes), request('b', bytes), request('c', 10)]);
    const all = received(far, whole.length);
    writer.write(near, HEAD, Buffer.alloc(bytes, 'a'));
    writer.write(near, HEAD, Buffer.alloc(bytes, 'b'));
    writer.write(near, HEAD, Buffer.alloc(10, 'c'));
    expect((await all).equals(whole)).toBe(true);
  });

  it('without a body', async () => {
    const { near, far } = await openPair();
    const all = received(far, HEAD.length);
    new RequestWriter().write(near, HEAD, null);
    expect((await all).toString('latin1')).toBe(HEAD);
  });

  it('also where a socket takes them only later, and others are written meanwhile', async () => {
    const slow = await openPair();
    const quick = await openPair();
    const writer = new RequestWriter();
    const filling = Buffer.alloc(16 * 1024 * 1024, 'f');
    slow.near.write(filling);
    writer.write(slow.near, HEAD, Buffer.alloc(30_000, 'a'));
    expect(slow.near.writableLength).toBeGreaterThan(30_000);
    writer.write(quick.near, HEAD, Buffer.alloc(30_000, 'b'));
    const wholeQuick = request('b', 30_000);
    expect((await received(quick.far, wholeQuick.length)).equals(wholeQuick)).toBe(true);
    const wholeSlow = Buffer.concat([filling, request('a', 30_000)]);
    expect((await received(slow.far, wholeSlow.length)).equals(wholeSlow)).toBe(true);
  });
});
