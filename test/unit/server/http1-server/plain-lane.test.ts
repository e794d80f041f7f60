import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { PlainRequest } from '../../../../src/server/http1-server/plain-request.ts';
import { takePlainRequests } from '../../../../src/server/http1-server/take-plain-requests.ts';
import { connectRaw } from '../../../support/raw-client.ts';

interface Lane extends AsyncDisposable {
  readonly url: string;
  readonly server: Server;
  /** The errors that were told of clients. */
  readonly refused: readonly (string | undefined)[];
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

async function startLane(listener: Listener, times: Partial<Server> = {}): Promise<Lane> {
  const server = createServer(listener);
  Object.assign(server, times);
  takePlainRequests(server, 16_384, (request, response) => void server.emit('request', request, response));
  const refused: (string | undefined)[] = [];
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    refused.push(error.code);
    socket.end('refused');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    server,
    refused,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

const GET = 'GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n';
const POST = (bytes: number) => `POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: ${bytes}\r\n\r\n`;
const end: Listener = (request, response) => {
  request.resume();
  request.on('end', () => response.end('done'));
};

it('serves plain requests itself, and hands over what is not plain', async () => {
  const own: boolean[] = [];
  await using lane = await startLane((request, response) => {
    own.push(request instanceof PlainRequest);
    response.end(`this is ${request.url}`);
  });
  await using client = await connectRaw(lane.url);
  client.send(GET);
  await client.until('this is /v1/models');
  client.send(GET.replace('/v1/models', '/other'));
  await client.until('this is /other');
  client.send(GET.replace('host: a', 'host: a\r\nconnection: close'));
  await client.closed();
  expect(own).toEqual([true, false, false]);
});

describe('the body of a request', () => {
  it('comes in pieces, as fast as it is read, and whole', async () => {
    const size = 3_000_000;
    const reading = Promise.withResolvers<IncomingMessage>();
    await using lane = await startLane((request, response) => {
      reading.resolve(request);
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        request.pause();
        setImmediate(() => request.resume());
      });
      request.on('end', () => response.end(`read ${bytes}, complete ${request.complete}`));
    });
    await using client = await connectRaw(lane.url);
    client.send(POST(size));
    await reading.promise;
    client.send(Buffer.alloc(size, 'x'));
    await client.until(`read ${size}, complete true`);
  });

  it('makes its client wait where nobody reads it', async () => {
    const size = 50_000_000;
    const waiting = Promise.withResolvers<{ request: IncomingMessage; response: ServerResponse }>();
    await using lane = await startLane((request, response) => waiting.resolve({ request, response }));
    await using client = await connectRaw(lane.url);
    client.send(POST(size));
    const { request, response } = await waiting.promise;
    client.send(Buffer.alloc(size, 'x'));
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(request.socket.bytesRead).toBeLessThan(1_000_000);
    end(request, response);
    await client.until('done');
    expect(request.socket.bytesRead).toBeGreaterThan(size);
  });

  it('is thrown away where the answer does not wait for it, and the next request is served', async () => {
    await using lane = await startLane((_request, response) => void response.end('done'));
    await using client = await connectRaw(lane.url);
    client.send(POST(200_000));
    await client.until('done');
    client.send(Buffer.alloc(200_000, 'x'));
    client.send(GET.replace('host: a', 'host: a\r\nconnection: close'));
    expect((await client.closed()).match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });

  it('that its client does not finish is no complete one', async () => {
    const told: string[] = [];
    const closed = Promise.withResolvers<void>();
    await using lane = await startLane((request) => {
      request.on('data', (chunk: Buffer) => told.push(`data ${chunk}`));
      request.on('end', () => told.push('end'));
      request.on('close', () => {
        told.push(`close, complete ${request.complete}`);
        closed.resolve();
      });
    });
    await using client = await connectRaw(lane.url);
    client.send(`${POST(10)}abc`);
    while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
    client.leave();
    await closed.promise;
    expect(told).toEqual(['data abc', 'close, complete false']);
  });

  it('that has come whole can be read although its client has gone', async () => {
    const arrived = Promise.withResolvers<IncomingMessage>();
    await using lane = await startLane((request) => arrived.resolve(request));
    await using client = await connectRaw(lane.url);
    client.send(`${POST(3)}abc`);
    const request = await arrived.promise;
    client.leave();
    await once(request.socket, 'close');
    const parts: string[] = [];
    request.on('data', (chunk: Buffer) => parts.push(String(chunk)));
    await new Promise<void>((resolve) => request.on('end', () => resolve()));
    expect(parts).toEqual(['abc']);
  });
});

describe('an answer', () => {
  it('waits for its client to take it, and tells when it has', async () => {
    const drained: number[] = [];
    await using lane = await startLane((_request, response) => {
      let pieces = 0;
      const more = () => {
        while (pieces < 200) {
          pieces += 1;
          if (!response.write(Buffer.alloc(100_000, 'x'))) {
            response.once('drain', () => {
              drained.push(response.writableLength);
              more();
            });
            return;
          }
        }
        response.end('over');
      };
      more();
    });
    await using client = await connectRaw(lane.url);
    client.pause();
    client.send(GET);
    for (let i = 0; i < 100; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(drained.length).toBeLessThan(200);
    client.resume();
    await client.until('over');
    expect(new Set(drained)).toEqual(new Set([0]));
  });

  it('tells its end once its last byte is given to the system, and in place of it that its client has left', async () => {
    const told: string[] = [];
    const over = Promise.withResolvers<void>();
    await using lane = await startLane((request, response) => {
      const { method } = request;
      response.on('finish', () => told.push(`${method} finish`));
      response.on('close', () => {
        told.push(`${method} close, finished ${response.writableFinished}, destroyed ${response.destroyed}`);
        if (method === 'DELETE') over.resolve();
      });
      if (method === 'GET') response.end('done');
      else response.write('begun');
    });
    await using client = await connectRaw(lane.url);
    client.send(GET);
    await client.until('done');
    client.send(GET.replace('GET', 'DELETE'));
    await client.until('begun');
    client.leave();
    await over.promise;
    expect(told).toEqual([
      'GET finish',
      'GET close, finished true, destroyed true',
      'DELETE close, finished false, destroyed true',
    ]);
  });

  it('that is on its way is not broken into by a refusal: its connection is cut', async () => {
    await using lane = await startLane((_request, response) => void response.write('begun'));
    await using client = await connectRaw(lane.url);
    client.send(GET);
    await client.until('begun');
    client.send('\0 is no request');
    expect(await client.closed()).not.toContain('refused');
    expect(lane.refused).toEqual([]);
  });

  it('that has not begun gives way to a refusal', async () => {
    await using lane = await startLane(() => undefined);
    await using client = await connectRaw(lane.url);
    client.send(`${GET}\0 is no request`);
    expect(await client.until('refused')).toBe('refused');
    expect(lane.refused).toHaveLength(1);
  });

  it('that its client does not take tells so, where anybody wants to know', async () => {
    const stalled = Promise.withResolvers<string>();
    await using lane = await startLane((_request, response) => {
      response.setTimeout(50);
      response.on('timeout', () => {
        stalled.resolve('stalled');
        response.destroy();
      });
      response.write(Buffer.alloc(50_000_000, 'x'));
    });
    await using client = await connectRaw(lane.url);
    client.pause();
    client.send(GET);
    expect(await stalled.promise).toBe('stalled');
    client.resume();
    expect((await client.closed()).length).toBeLessThan(50_000_000);
  });
});

describe('the head of a request', () => {
  /** Tells what it reads, and keeps no head. */
  const tell: Listener = (request, response) => {
    const { headers, rawHeaders } = request;
    response.write(JSON.stringify([headers, rawHeaders]));
    if (request instanceof PlainRequest) request.forgetHead();
    response.end('.');
  };
  const getOf = (key: string, more = '') =>
    `GET /v1/models HTTP/1.1\r\nhost: a\r\nauthorization: ${key}\r\n${more}\r\n`;
  const toldOf = (key: string) =>
    JSON.stringify([{ host: 'a', authorization: key }, ['host', 'a', 'authorization', key]]);

  it('is that of its own client, whatever other connections say', async () => {
    await using lane = await startLane(tell);
    await using one = await connectRaw(lane.url);
    await using other = await connectRaw(lane.url);
    one.send(getOf('first'));
    await one.until(toldOf('first'));
    other.send(getOf('second'));
    await other.until(toldOf('second'));
    one.send(getOf('third', 'x-more: b\r\n'));
    await one.until('"authorization":"third","x-more":"b"');
    other.send(getOf('first'));
    await other.until(toldOf('first'));
  });

  it('is told to be like the one before where it is, but for the length of the body', async () => {
    const likenesses: unknown[] = [];
    await using lane = await startLane((request, response) => {
      likenesses.push(request instanceof PlainRequest ? request.likeness : undefined);
      response.end(`${request.headers['content-length']}.`);
    });
    const postOf = (body: string, user: string) =>
      `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\nx-user: ${user}\r\n\r\n${body}`;
    await using client = await connectRaw(lane.url);
    for (const [body, user] of [
      ['a', 'first'],
      ['bb', 'first'],
      ['ccc', 'first'],
      ['dddd', 'second'],
      ['eeeee', 'second'],
    ] as const) {
      client.send(postOf(body, user));
      await client.until(`${body.length}.`);
    }
    const [first, second, third, fourth, fifth] = likenesses;
    expect([first, fourth]).toEqual([null, null]);
    expect(second).toBeTypeOf('object');
    expect(third).toBe(second);
    expect(fifth).toBeTypeOf('object');
    expect(fifth).not.toBe(second);
  });

  it('is gone once it is forgotten, and the next one is read', async () => {
    const seen: (readonly [number, number])[] = [];
    await using lane = await startLane((request, response) => {
      if (request instanceof PlainRequest) request.forgetHead();
      seen.push([Object.keys(request.headers).length, request.rawHeaders.length]);
      response.end(`${request.url}.`);
    });
    await using client = await connectRaw(lane.url);
    client.send(getOf('first'));
    await client.until('/v1/models.');
    client.send(getOf('second').replace('models', 'files'));
    await client.until('/v1/files.');
    expect(seen).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

describe('requests that come while another is answered', () => {
  it('are served in their order, each once the one before has its answer', async () => {
    const open: ServerResponse[] = [];
    await using lane = await startLane((_request, response) => void open.push(response));
    await using client = await connectRaw(lane.url);
    client.send(GET);
    while (open.length < 1) await new Promise((resolve) => setImmediate(resolve));
    client.send(GET);
    await client.flushed();
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(open).toHaveLength(1);
    open[0]?.end('first');
    await client.until('first');
    while (open.length < 2) await new Promise((resolve) => setImmediate(resolve));
    open[1]?.end('second');
    await client.until('second');
  });

  it('wait with their client where they are many', async () => {
    const first = Promise.withResolvers<{ request: IncomingMessage; response: ServerResponse }>();
    let served = 0;
    await using lane = await startLane((request, response) => {
      served += 1;
      if (served === 1) first.resolve({ request, response });
      else response.end(`answer ${served}.`);
    });
    await using client = await connectRaw(lane.url);
    client.send(GET);
    const { request, response } = await first.promise;
    const count = 100_000;
    client.send(GET.repeat(count));
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(request.socket.bytesRead).toBeLessThan(1_000_000);
    response.end('first');
    await client.until(`answer ${count + 1}.`);
  });
});

describe('what takes too long', () => {
  it('is closed without a word where a connection has nothing to do', async () => {
    await using lane = await startLane(end, { keepAliveTimeout: 40 });
    await using client = await connectRaw(lane.url);
    client.send(GET);
    const received = await client.closed();
    expect(received).toContain('done');
    expect(received).toContain('Keep-Alive: timeout=0');
    expect(lane.refused).toEqual([]);
  });

  it('is refused where a connection never begins', async () => {
    await using lane = await startLane(end, { headersTimeout: 40 });
    await using client = await connectRaw(lane.url);
    expect(await client.until('refused')).toBe('refused');
    expect(lane.refused).toEqual(['ERR_HTTP_REQUEST_TIMEOUT']);
  });

  it('is refused where a body does not come', async () => {
    await using lane = await startLane(end, { requestTimeout: 40 });
    await using client = await connectRaw(lane.url);
    client.send(`${POST(5)}abc`);
    expect(await client.until('refused')).toBe('refused');
    expect(lane.refused).toEqual(['ERR_HTTP_REQUEST_TIMEOUT']);
  });

  it('is not an answer', async () => {
    const open = Promise.withResolvers<ServerResponse>();
    await using lane = await startLane((_request, response) => open.resolve(response), {
      keepAliveTimeout: 1,
      headersTimeout: 40,
      requestTimeout: 40,
    });
    await using client = await connectRaw(lane.url);
    await using silent = await connectRaw(lane.url);
    client.send(GET);
    const response = await open.promise;
    await silent.until('refused');
    response.end('late');
    await client.until('late');
  });
});

describe('a server that closes', () => {
  it('closes connections that have nothing to do, and lets the others finish', async () => {
    const open = Promise.withResolvers<ServerResponse>();
    await using lane = await startLane((request, response) => {
      if (request.method === 'DELETE') open.resolve(response);
      else response.end('done');
    });
    await using idle = await connectRaw(lane.url);
    await using busy = await connectRaw(lane.url);
    idle.send(GET);
    await idle.until('done');
    busy.send(GET.replace('GET', 'DELETE').replace('host: a', 'host: a\r\nconnection: close'));
    const response = await open.promise;
    const closed = new Promise((resolve) => lane.server.close(resolve));
    await idle.closed();
    response.end('done');
    expect(await busy.closed()).toContain('done');
    await closed;
  });

  it('cuts all of them where it is told to', async () => {
    const open = Promise.withResolvers<ServerResponse>();
    await using lane = await startLane((_request, response) => open.resolve(response));
    await using busy = await connectRaw(lane.url);
    await using unused = await connectRaw(lane.url);
    busy.send(GET);
    const response = await open.promise;
    const closed = once(response, 'close');
    lane.server.closeAllConnections();
    await closed;
    expect(response.writableFinished).toBe(false);
    expect(await busy.closed()).toBe('');
    expect(await unused.closed()).toBe('');
  });
});
