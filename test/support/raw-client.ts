import { connect, type Socket } from 'node:net';

/** A client that speaks bytes: for requests that no HTTP client would send, and for leaving in the middle. */
export interface RawClient extends AsyncDisposable {
  send(bytes: string | Buffer): void;
  /** Resolves when the kernel has taken every byte that was sent; rejects where the other side does not read. */
  flushed(): Promise<void>;
  /** Sends the end of this side only; what the other side still sends is received. */
  endSending(): void;
  /** Everything that has come so far, one character a byte. */
  readonly received: string;
  /** Resolves with what has come as soon as it holds `text`; rejects when the connection closes before. */
  until(text: string): Promise<string>;
  /** Resolves with all that has come when the other side has closed the connection. */
  closed(): Promise<string>;
  pause(): void;
  resume(): void;
  /** Breaks the connection off, without an end of this side. */
  leave(): void;
}

/** How long a client waits for what it expects before the test fails with what has come instead. */
const PATIENCE_MS = 15_000;
/** A text that is waited for may come in two chunks; longer ones are not looked for. */
const LONGEST_AWAITED = 1_000;

/** Connects to the host and port of `url`. `await using` leaves. */
export async function connectRaw(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const client = new SocketClient(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve());
    socket.once('error', reject);
  });
  return client;
}

/** A request as text: `head` is its first line and further header lines. The length of `body` is added. */
export function rawRequest(head: readonly string[], body = ''): string {
  const length = body === '' ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  return `${[...head, ...length].join('\r\n')}\r\n\r\n${body}`;
}

class SocketClient implements RawClient {
  readonly #socket: Socket;
  readonly #parts: string[] = [];
  readonly #watchers = new Set<(latest: string) => void>();
  #tail = '';
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      this.#parts.push(text);
      const latest = this.#tail + text;
      this.#tail = latest.slice(-LONGEST_AWAITED);
      this.#tell(latest);
    });
    socket.on('close', () => {
      this.#isClosed = true;
      this.#tell('');
    });
    socket.on('error', () => undefined); // a reset closes the connection, which is told
  }

  get received(): string {
    return this.#parts.join('');
  }

  send(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  flushed(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the other side does not read')), PATIENCE_MS);
      this.#socket.write('', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  endSending(): void {
    this.#socket.end();
  }

  until(text: string): Promise<string> {
    return this.#when((latest) => {
      if (latest.includes(text)) return true;
      if (this.#isClosed) throw new Error(`closed before ${JSON.stringify(text)}: ${this.#shown()}`);
      return false;
    });
  }

  closed(): Promise<string> {
    return this.#when(() => this.#isClosed);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  leave(): void {
    this.#socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
  }

  /** @param isSo asked first with all that has come, then with the latest of it */
  #when(isSo: (latest: string) => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      const look = (latest: string) => {
        try {
          if (!isSo(latest)) return;
          resolve(this.received);
        } catch (error) {
          reject(error);
        }
        stop();
      };
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`waited ${PATIENCE_MS} ms in vain; received: ${this.#shown()}`));
      }, PATIENCE_MS);
      this.#watchers.add(look);
      look(this.received);
    });
  }

  #tell(latest: string): void {
    for (const look of [...this.#watchers]) look(latest);
  }

  #shown(): string {
    return JSON.stringify(this.received.slice(0, 2000));
  }
}

/** The head and the body of an answer as it came; the body of a chunked one still has its frames. */
export interface RawAnswer {
  readonly status: number;
  /** By name in lower case; of several of one name the last. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Reads the first answer of `received`. */
export function readRawAnswer(received: string): RawAnswer {
  const headEnd = received.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = received.slice(0, headEnd).split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: new Map(headers),
    body: received.slice(headEnd + 4),
  };
}
