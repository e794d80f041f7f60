import type { Socket } from 'node:net';
import type { ClientRequest } from '../client-request.ts';
import { Listeners } from './listeners.ts';
import type { RememberedHead } from './remembered-head.ts';
import type { RequestHead } from './request-head.ts';

/** How much of a body waits for its reader before the client is made to wait; as much as Node keeps of one. */
const MAX_WAITING_BYTES = 65_536;
const NO_BYTES = Buffer.alloc(0);
const NO_HEADERS: Readonly<Record<string, string>> = {};
const NO_LINES: readonly string[] = [];

/** The head of a request. */
export interface ReadHead {
  readonly head: RequestHead;
  readonly remembered: RememberedHead | null;
  /** It says what one before it said. */
  readonly isAgain: boolean;
}

type RequestListener = (chunk: Buffer) => void;

/**
 * A request that came in plain HTTP/1.1, with as much of the behaviour of Node's `IncomingMessage` as is used here and in
 * Fastify: its body flows from the turn after somebody has asked for it, and stops while it is paused. Other than there,
 * a body that has come whole can be read although its client has gone.
 */
export class PlainRequest implements ClientRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion = '1.1';
  readonly httpVersionMajor = 1;
  readonly httpVersionMinor = 1;
  readonly isStrict = true;
  /** Null once it has been forgotten. */
  head: RequestHead | null;
  /** What the next head of the connection is read by; null once it has been forgotten, or where the head is long. */
  remembered: RememberedHead | null;
  readonly #isAgain: boolean;
  readonly socket: Socket;
  complete: boolean;
  destroyed = false;
  aborted = false;
  readableEnded = false;
  readonly #listeners = new Listeners<Buffer>();
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #missingBytes: number;
  /** Null before anybody has asked for the body. */
  #isFlowing: boolean | null = null;
  #willFlow = false;
  #stopsSocket = false;
  #readsAreOwn = true;

  constructor({ head, remembered, isAgain }: ReadHead, socket: Socket) {
    this.method = head.method;
    this.url = head.url;
    this.head = head;
    this.remembered = remembered;
    this.#isAgain = isAgain;
    this.socket = socket;
    this.#missingBytes = head.contentLength;
    this.complete = head.contentLength === 0;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.head === null ? NO_HEADERS : this.head.headers;
  }

  get rawHeaders(): readonly string[] {
    return this.head === null ? NO_LINES : this.head.rawHeaders;
  }

  get likeness(): object | null {
    return this.#isAgain ? this.remembered : null;
  }

  forgetHead(): void {
    this.head = null;
    this.remembered = null;
  }

  /** Whether anybody has asked for the body. */
  get isRead(): boolean {
    return this.#isFlowing !== null;
  }

  on(event: string, listener: RequestListener): this {
    this.#listeners.add(event, listener, false);
    if (event === 'data' && this.#isFlowing === null) this.resume();
    return this;
  }

  once(event: string, listener: RequestListener): this {
    this.#listeners.add(event, listener, true);
    if (event === 'data' && this.#isFlowing === null) this.resume();
    return this;
  }

  off(event: string, listener: RequestListener): this {
    this.#listeners.remove(event, listener);
    return this;
  }

  removeListener(event: string, listener: RequestListener): this {
    return this.off(event, listener);
  }

  removeAllListeners(event: string): this {
    this.#listeners.removeAll(event);
    return this;
  }

  pause(): this {
    this.#isFlowing = false;
    return this;
  }

  resume(): this {
    this.#isFlowing = true;
    if (this.#stopsSocket) {
      this.#stopsSocket = false;
      this.socket.resume();
    }
    if (!this.#willFlow && (this.#waiting.length > 0 || this.complete) && !this.readableEnded) {
      this.#willFlow = true;
      queueMicrotask(() => this.#flow());
    }
    return this;
  }

  takeWhole(): Buffer | null {
    if (!this.complete || this.#isFlowing !== null) return null;
    const parts = this.#waiting;
    this.#waiting = [];
    this.#isFlowing = true;
    this.readableEnded = true;
    const [first] = parts;
    if (parts.length === 1 && first !== undefined) return first;
    const body = Buffer.concat(parts);
    for (const part of parts) this.giveBack(part);
    return body;
  }

  /**
   * Else it would stay until the next collection, and V8, which counts it, would collect everything every 64 MB: after
   * some 250 bodies of 128 KB (docs/performance.md).
   */
  giveBack(chunk: Buffer): void {
    if (this.#readsAreOwn && chunk.buffer instanceof ArrayBuffer) chunk.buffer.transfer(0);
  }

  /**
   * Takes of `bytes` what belongs to the body. Gives the rest, null where there is none.
   *
   * @param isOwnRead whether nothing else stands in the memory of `bytes`, and nobody keeps it
   */
  take(bytes: Buffer, isOwnRead: boolean): Buffer | null {
    this.#readsAreOwn &&= isOwnRead && bytes.length <= this.#missingBytes;
    const isMore = bytes.length > this.#missingBytes;
    const body = isMore ? bytes.subarray(0, this.#missingBytes) : bytes;
    const rest = isMore ? bytes.subarray(this.#missingBytes) : null;
    this.#missingBytes -= body.length;
    this.complete = this.#missingBytes === 0;
    if (body.length > 0) this.#arrive(body);
    return rest;
  }

  /** The connection has closed. */
  abort(): void {
    this.destroyed = true;
    if (this.complete) return;
    this.aborted = true;
    this.#listeners.emit('aborted', NO_BYTES);
    this.#listeners.emit('close', NO_BYTES);
  }

  /** Gives those who listen what waits, until one of them pauses. */
  #flow(): void {
    this.#willFlow = false;
    while (this.#isFlowing === true) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) break;
      this.#waitingBytes -= chunk.length;
      this.#listeners.emit('data', chunk);
    }
    this.#endIfOver();
  }

  #arrive(body: Buffer): void {
    if (this.#isFlowing === true && !this.#willFlow && this.#waiting.length === 0) {
      this.#listeners.emit('data', body);
      this.#endIfOver();
      return;
    }
    this.#waiting.push(body);
    this.#waitingBytes += body.length;
    if (this.#waitingBytes < MAX_WAITING_BYTES || this.complete || this.#isFlowing === true) return;
    this.#stopsSocket = true;
    this.socket.pause();
  }

  #endIfOver(): void {
    if (this.#isFlowing !== true || !this.complete || this.#waiting.length > 0 || this.readableEnded) return;
    this.readableEnded = true;
    this.#listeners.emit('end', NO_BYTES);
  }
}
