import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientResponse, ClientSocket } from '../../streaming/client-response.ts';
import { Listeners } from './listeners.ts';
import type { PlainRequest } from './plain-request.ts';
import { type GivenHeaders, ResponseHead } from './response-head.ts';

/** The connection that an answer goes out on. */
export interface AnswerKeeper extends ClientSocket {
  readonly socket: Socket;
  /** Tells `Connection` and `Keep-Alive` of an answer after which the connection stays. */
  readonly keepAliveLines: string;
  /** The answer has been given to the system. */
  answered(): void;
}

type AnswerListener = (given: undefined) => void;

/** Up to this length what goes out is copied into one piece: cheaper than to have the system gather it. */
const MAX_JOINED_BYTES = 4096;
const LAST_CHUNK = '0\r\n\r\n';

/**
 * The answer to a request that came in plain HTTP/1.1, with as much of the behaviour of Node's `ServerResponse` as is
 * used here and in Fastify, and the same bytes. What is written within a turn goes out at its end, in one piece.
 */
export class PlainResponse implements ClientResponse {
  readonly req: PlainRequest;
  statusCode = 200;
  statusMessage: string | undefined;
  sendDate = true;
  shouldKeepAlive: boolean;
  headersSent = false;
  writableEnded = false;
  writableFinished = false;
  writableNeedDrain = false;
  destroyed = false;
  closed = false;
  socket: ClientSocket | null;
  /** The connection ends with this answer. */
  isLast = false;
  readonly #keeper: AnswerKeeper;
  readonly #listeners = new Listeners<undefined>();
  /** By name in lower case, as they were set one by one. */
  #setHeaders: Map<string, readonly [string, OutgoingHttpHeader]> | null = null;
  #hasBody = true;
  #isChunked = false;
  /** Bytes that wait for the end of the turn, in their order, and what stands behind them. */
  #pieces: (string | Buffer)[] = [];
  #text = '';
  #waitingBytes = 0;
  #willFlush = false;
  #hasTimeout = false;

  constructor(req: PlainRequest, keeper: AnswerKeeper, keepsAlive: boolean) {
    this.req = req;
    this.socket = keeper;
    this.shouldKeepAlive = keepsAlive;
    this.#keeper = keeper;
  }

  get finished(): boolean {
    return this.writableEnded;
  }

  get writableLength(): number {
    return this.closed ? 0 : this.#waitingBytes + this.#text.length + this.#keeper.socket.writableLength;
  }

  on(event: string, listener: AnswerListener): this {
    this.#listeners.add(event, listener, false);
    return this;
  }

  once(event: string, listener: AnswerListener): this {
    this.#listeners.add(event, listener, true);
    return this;
  }

  off(event: string, listener: AnswerListener): this {
    this.#listeners.remove(event, listener);
    return this;
  }

  removeListener(event: string, listener: AnswerListener): this {
    return this.off(event, listener);
  }

  setHeader(name: string, value: OutgoingHttpHeader): this {
    this.#setHeaders ??= new Map();
    this.#setHeaders.set(name.toLowerCase(), [name, value]);
    return this;
  }

  getHeader(name: string): OutgoingHttpHeader | undefined {
    return this.#setHeaders?.get(name.toLowerCase())?.[1];
  }

  getHeaders(): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = {};
    for (const [name, [, value]] of this.#setHeaders ?? []) headers[name] = value;
    return headers;
  }

  hasHeader(name: string): boolean {
    return this.#setHeaders?.has(name.toLowerCase()) ?? false;
  }

  removeHeader(name: string): void {
    this.#setHeaders?.delete(name.toLowerCase());
  }

  writeHead(status: number, textOrHeaders?: string | GivenHeaders, headers?: GivenHeaders): this {
    const given = typeof textOrHeaders === 'string' ? headers : textOrHeaders;
    const text = typeof textOrHeaders === 'string' ? textOrHeaders : this.statusMessage;
    const head = new ResponseHead(status, text);
    this.statusCode = status;
    this.#storeHead(head, given);
    return this;
  }

  writeStrictHead(status: number, statusText: string, headers: readonly string[]): this {
    if (this.#setHeaders !== null) return this.writeHead(status, statusText, headers);
    const head = new ResponseHead(status, statusText);
    this.statusCode = status;
    head.addStrict(headers);
    this.#finishHead(head);
    return this;
  }

  write(bytes: Buffer | string): boolean {
    if (this.writableEnded || this.destroyed) return false;
    if (!this.headersSent) this.#storeHead(new ResponseHead(this.statusCode, this.statusMessage), undefined);
    this.#add(bytes);
    if (!this.#willFlush) {
      this.#willFlush = true;
      queueMicrotask(() => this.#flushLater());
    }
    if (this.writableLength < this.#keeper.socket.writableHighWaterMark) return true;
    this.writableNeedDrain = true;
    return false;
  }

  end(bytes?: Buffer | string | null): this {
    if (this.writableEnded || this.destroyed) return this;
    if (!this.headersSent) {
      const head = new ResponseHead(this.statusCode, this.statusMessage);
      head.impliedLength = bytes === undefined || bytes === null ? 0 : Buffer.byteLength(bytes);
      this.#storeHead(head, undefined);
    }
    if (bytes !== undefined && bytes !== null) this.#add(bytes);
    if (this.#isChunked) this.#text += LAST_CHUNK;
    this.writableEnded = true;
    this.flush();
    return this;
  }

  setTimeout(ms: number): this {
    if (this.closed) return this; // the connection serves others by now
    this.#hasTimeout = ms > 0;
    this.#keeper.socket.setTimeout(ms);
    return this;
  }

  destroy(): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    this.#keeper.socket.destroy();
    return this;
  }

  /** The connection has closed. */
  abort(): void {
    if (this.closed) return;
    this.destroyed = true;
    this.closed = true;
    this.#listeners.emit('close', undefined);
  }

  /** The client has taken nothing for as long as was set. Gives whether anybody wanted to know. */
  stall(): boolean {
    return this.#listeners.emit('timeout', undefined);
  }

  /** The client has taken all that has been written to the connection. */
  drained(): void {
    if (!this.writableNeedDrain || this.writableEnded || this.writableLength > 0) return;
    this.writableNeedDrain = false;
    this.#listeners.emit('drain', undefined);
  }

  /** Gives the system what has been written. */
  flush(): void {
    this.#willFlush = false;
    const { socket } = this.#keeper;
    // As with Node's: after the client has ended its side, and so left, nothing more goes out.
    if (this.closed || !socket.writable) return;
    this.#hand(socket);
    if (this.writableEnded) this.#finishAfter(socket);
    else if (this.writableNeedDrain && !socket.writableNeedDrain) this.#drainAfter(socket);
  }

  #flushLater(): void {
    if (this.#willFlush) this.flush();
  }

  #storeHead(head: ResponseHead, headers: GivenHeaders | undefined): void {
    if (this.#setHeaders !== null) head.addOver(this.#setHeaders, headers);
    else if (headers !== undefined) head.add(headers);
    this.#finishHead(head);
  }

  #finishHead(head: ResponseHead): void {
    head.keepsAlive = this.shouldKeepAlive;
    head.sendsDate = this.sendDate;
    this.#text = head.finish(this.#keeper.keepAliveLines);
    this.#hasBody = head.hasBody;
    this.#isChunked = head.isChunked;
    this.isLast = head.isLast;
    this.headersSent = true;
  }

  #add(bytes: Buffer | string): void {
    if (!this.#hasBody || bytes.length === 0) return;
    const body = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    if (this.#isChunked) this.#text += `${body.length.toString(16)}\r\n`;
    this.#pieces.push(this.#text, body);
    this.#waitingBytes += this.#text.length + body.length;
    this.#text = this.#isChunked ? '\r\n' : '';
  }

  #hand(socket: Socket): void {
    const total = this.#waitingBytes + this.#text.length;
    if (total === 0) return;
    const pieces = this.#pieces;
    if (this.#text !== '') pieces.push(this.#text);
    this.#pieces = [];
    this.#waitingBytes = 0;
    this.#text = '';
    if (total <= MAX_JOINED_BYTES) {
      socket.write(joined(pieces, total));
      return;
    }
    socket.cork();
    for (const piece of pieces) {
      if (typeof piece !== 'string') socket.write(piece);
      else if (piece !== '') socket.write(piece, 'latin1');
    }
    socket.uncork();
  }

  #finishAfter(socket: Socket): void {
    if (socket.errored !== null || socket.destroyed) return; // its close tells
    if (socket.writableLength === 0) {
      this.#finish();
      return;
    }
    socket.write(NO_BYTES, (error) => {
      if (!error) this.#finish();
    });
  }

  /** The connection itself has no reason to tell that it has been drained. */
  #drainAfter(socket: Socket): void {
    if (socket.writableLength === 0) queueMicrotask(() => this.drained());
    else socket.write(NO_BYTES, () => this.drained());
  }

  #finish(): void {
    if (this.closed) return;
    if (this.#hasTimeout) this.#keeper.socket.setTimeout(0);
    this.writableFinished = true;
    this.socket = null;
    this.destroyed = true;
    this.closed = true;
    this.#listeners.emit('finish', undefined);
    this.#listeners.emit('close', undefined);
    this.#keeper.answered();
  }
}

const NO_BYTES = Buffer.alloc(0);

function joined(pieces: readonly (string | Buffer)[], total: number): Buffer {
  const bytes = Buffer.allocUnsafe(total);
  let at = 0;
  for (const piece of pieces)
    at += typeof piece === 'string' ? bytes.write(piece, at, 'latin1') : piece.copy(bytes, at);
  return bytes;
}
