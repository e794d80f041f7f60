import { createServer, type Server, type Socket } from 'node:net';

/**
 * An upstream that writes bytes: for answers that no HTTP server would write, and for ending them at any byte. Tests
 * play it step by step.
 */
export interface SocketUpstream extends AsyncDisposable {
  /** With `/v1`, as a base URL. */
  readonly url: string;
  /** How many requests have come. */
  readonly count: number;
  close(): Promise<void>;
}

/** One request of which the whole has come, and the place for its answer. */
export interface SocketCall {
  /** The head as it came, without its last blank line. */
  readonly head: string;
  readonly body: Buffer;
  /** The value of a header; null where there is none. */
  header(name: string): string | null;
  /** Resolves when the kernel has taken the bytes; also where the other side is gone. */
  write(bytes: string | Buffer): Promise<void>;
  /** Writes one frame of a chunked body. */
  writeChunk(bytes: string | Buffer): Promise<void>;
  /** Sends the end of this side after what has been written. */
  end(): void;
  /** Resolves when the connection is over, whoever ended it. */
  readonly over: Promise<void>;
}

/** Starts an upstream whose answers `answer` writes; what it throws ends the connection. */
export async function startSocketUpstream(answer: (call: SocketCall) => void | Promise<void>): Promise<SocketUpstream> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined); // a reset ends the connection, and `close` follows
    socket.on('close', () => sockets.delete(socket));
    // The other side is done: this side, which writes no more, is so too. Tests would wait for ever otherwise.
    socket.on('end', () => socket.end());
    readRequests(socket, (call) => {
      count++;
      void (async () => answer(call))().catch(() => socket.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => closeServer(server, sockets);
  return {
    url: `http://127.0.0.1:${portOf(server)}/v1`,
    get count() {
      return count;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** One frame of a chunked body. */
export function chunkFrame(bytes: string | Buffer): Buffer {
  const data = Buffer.from(bytes);
  return Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n')]);
}

/** The frame that ends a chunked body. */
export const LAST_CHUNK = '0\r\n\r\n';

/** Reads the requests of a connection one after the other; bodies have a length or are chunked. */
function readRequests(socket: Socket, onCall: (call: SocketCall) => void): void {
  let waiting: Buffer = Buffer.alloc(0);
  const over = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('data', (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk]);
    for (let request = takeRequest(waiting); request !== null; request = takeRequest(waiting)) {
      waiting = waiting.subarray(request.length);
      onCall(callOf(socket, request, over));
    }
  });
}

interface TakenRequest {
  readonly head: string;
  readonly body: Buffer;
  /** Bytes that it took. */
  readonly length: number;
}

function takeRequest(bytes: Buffer): TakenRequest | null {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const head = bytes.toString('latin1', 0, headEnd);
  const bodyStart = headEnd + 4;
  if (/^transfer-encoding:\s*chunked$/im.test(head)) {
    const frames = takeChunks(bytes, bodyStart);
    return frames === null ? null : { head, body: frames.body, length: frames.end };
  }
  const end = bodyStart + Number(/^content-length:\s*(\d+)$/im.exec(head)?.[1] ?? 0);
  return bytes.length < end ? null : { head, body: bytes.subarray(bodyStart, end), length: end };
}

function takeChunks(bytes: Buffer, from: number): { body: Buffer; end: number } | null {
  const parts: Buffer[] = [];
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return null;
    if (size === 0) return { body: Buffer.concat(parts), end };
    parts.push(bytes.subarray(lineEnd + 2, end - 2));
    at = end;
  }
}

function callOf(socket: Socket, { head, body }: TakenRequest, over: Promise<void>): SocketCall {
  const write = (bytes: string | Buffer) =>
    new Promise<void>((resolve) => {
      if (socket.writable) socket.write(bytes, () => resolve());
      else resolve();
    });
  return {
    head,
    body,
    header: (name) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(head)?.[1] ?? null,
    write,
    writeChunk: (bytes) => write(chunkFrame(bytes)),
    end: () => void socket.end(),
    over,
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the upstream does not listen');
  return address.port;
}

function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  return new Promise((resolve) => server.close(() => resolve()));
}
