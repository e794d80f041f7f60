import { connect, type Socket } from 'node:net';
import { readTranscript, type Transcript } from './transcript.ts';

/** A client on a bare connection whose answer can be waited for and left at any byte. */
export interface WatchedClient {
  send(bytes: string | Buffer): void;
  /** Sends the end of this side only; what the other side still sends is received. */
  endSending(): void;
  /** Breaks the connection off. */
  leave(): void;
  /** The answer as far as it has come. */
  readonly transcript: Transcript;
  /** Resolves as soon as it is so; rejects when it can no longer be so, or after 20 seconds. */
  when(isSo: (transcript: Transcript, isClosed: boolean) => boolean): Promise<void>;
}

const PATIENCE_MS = 20_000;

/** Connects to the host and port of `url`. */
export async function connectWatched(url: string): Promise<WatchedClient> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const client = new SocketClient(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve());
    socket.once('error', reject);
  });
  return client;
}

class SocketClient implements WatchedClient {
  readonly #socket: Socket;
  readonly #parts: Buffer[] = [];
  readonly #watchers = new Set<() => void>();
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#parts.push(chunk);
      this.#tell();
    });
    socket.on('close', () => {
      this.#isClosed = true;
      this.#tell();
    });
    socket.on('error', () => undefined); // a reset closes the connection, which is told
  }

  get transcript(): Transcript {
    return readTranscript(Buffer.concat(this.#parts));
  }

  send(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  endSending(): void {
    this.#socket.end();
  }

  leave(): void {
    this.#socket.destroy();
  }

  when(isSo: (transcript: Transcript, isClosed: boolean) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (fault: string | null) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        if (fault === null) resolve();
        else reject(new Error(`${fault}: ${JSON.stringify(this.transcript.body.toString('latin1').slice(0, 1000))}`));
      };
      const look = () => {
        if (isSo(this.transcript, this.#isClosed)) settle(null);
        else if (this.#isClosed) settle('the connection closed before what the test waits for');
      };
      const timer = setTimeout(() => settle('what the test waits for did not come'), PATIENCE_MS);
      this.#watchers.add(look);
      look();
    });
  }

  #tell(): void {
    for (const look of [...this.#watchers]) look();
  }
}
