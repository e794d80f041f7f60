import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

type Done = (error?: Error | null) => void;

/** The connection of a client that takes bytes only while it wants to. */
class FakeConnection extends Socket {
  readonly #taken: Buffer[] = [];
  #waiting: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  isStalled = false;

  get taken(): string {
    return Buffer.concat(this.#taken).toString('latin1');
  }

  goOn(): void {
    this.isStalled = false;
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.();
  }

  override _write(chunk: Buffer | string, _encoding: BufferEncoding, done: Done): void {
    this.#take([Buffer.from(chunk)], done);
  }

  override _writev(chunks: { chunk: Buffer | string; encoding: BufferEncoding }[], done: Done): void {
    this.#take(
      chunks.map(({ chunk, encoding }) => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)),
      done,
    );
  }

  override _read(): void {}

  /** As Node's own, but with the timers that a test can move. */
  override setTimeout(timeoutMs: number): this {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = timeoutMs === 0 ? null : setTimeout(() => this.emit('timeout'), timeoutMs);
    return this;
  }

  override _destroy(error: Error | null, done: Done): void {
    this.setTimeout(0);
    super._destroy(error, done);
  }

  #take(parts: readonly Buffer[], done: Done): void {
    const take = () => {
      this.#taken.push(...parts);
      done();
    };
    if (this.isStalled) this.#waiting = take;
    else take();
  }
}

/** A client as the relay sees it: a real response on a connection of which the test says every move. */
export interface FakeClient {
  readonly response: ServerResponse;
  /** What has come to it, head and frames of chunked coding included. */
  readonly taken: string;
  readonly isCut: boolean;
  /** Takes nothing from now on. */
  stall(): void;
  goOn(): void;
  leave(): void;
}

export function fakeClient(): FakeClient {
  const connection = new FakeConnection();
  const request = new IncomingMessage(connection);
  request.httpVersionMajor = 1;
  request.httpVersionMinor = 1;
  const response = new ServerResponse(request);
  response.assignSocket(connection);
  // What Node's server does for its connections.
  connection.on('drain', () => response.emit('drain'));
  connection.on('timeout', () => response.emit('timeout'));
  response.on('finish', () => {
    connection.setTimeout(0);
    response.detachSocket(connection);
  });
  return {
    response,
    get taken() {
      return connection.taken;
    },
    get isCut() {
      return connection.destroyed;
    },
    stall: () => {
      connection.isStalled = true;
    },
    goOn: () => connection.goOn(),
    leave: () => void connection.destroy(),
  };
}
