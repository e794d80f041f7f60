import type { OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientResponse, ClientSocket, StrictField } from '../../streaming/client-response.ts';
import { Listeners } from './listeners.ts';
import type { PlainRequest } from './plain-request.ts';
import { type GivenHeaders, ResponseHead } from './response-head.ts';
import { type DueAnswer, MAX_JOINED_BYTES, type TurnOutput } from './turn-output.ts';

/** The connection that an answer goes out on. */
export interface AnswerKeeper extends ClientSocket {
  readonly socket: Socket;
  /** Tells `Connection` and `Keep-Alive` of an answer after which the connection stays. */
  readonly keepAliveLines: string;
  readonly output: TurnOutput;
  /** The answer has been given to the system. */
  answered(): void;
}

type AnswerListener = (given: undefined) => void;

const LINE_END = '\r\n';
const LAST_CHUNK = '0\r\n\r\n';
const CR = 0x0d;
const LF = 0x0a;
const HEX_DIGITS = Buffer.from('0123456789abcdef');

/**
 * The answer to a request that came in plain HTTP/1.1, with as much of the behaviour of Node's `ServerResponse` as is
 * used here and in Fastify, and the same bytes. What is written within a turn goes out at its end, in one piece.
 */
export class PlainResponse implements ClientResponse, DueAnswer {
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
  /** What waits for the end of the turn: the head, and parts of the body as they were written. */
  #head = '';
  #bodies: Buffer[] | null = null;
  /** How many bytes that are, with the framing of chunks. */
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
    return this.closed ? 0 : this.#waitingBytes + this.#keeper.socket.writableLength;
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

  writeStrictHead(status: number, statusText: string, fields: readonly StrictField[]): this {
    if (this.#setHeaders !== null) {
      return this.writeHead(
        status,
        statusText,
        fields.flatMap(({ name, value }) => [name, value]),
      );
    }
    const head = new ResponseHead(status, statusText);
    this.statusCode = status;
    head.addStrict(fields);
    this.#finishHead(head);
    return this;
  }

  write(bytes: Buffer | string): boolean {
    if (this.writableEnded || this.destroyed) return false;
    if (!this.headersSent) this.#storeHead(new ResponseHead(this.statusCode, this.statusMessage), undefined);
    this.#add(bytes);
    const takesMore = this.writableLength < this.#keeper.socket.writableHighWaterMark;
    if (!takesMore) this.writableNeedDrain = true;
    if (!this.#willFlush) {
      this.#willFlush = true;
      this.#keeper.output.flushSoon(this);
    }
    return takesMore;
  }

  end(bytes?: Buffer | string | null): this {
    if (this.writableEnded || this.destroyed) return this;
    if (!this.headersSent) {
      const head = new ResponseHead(this.statusCode, this.statusMessage);
      head.impliedLength = bytes === undefined || bytes === null ? 0 : Buffer.byteLength(bytes);
      this.#storeHead(head, undefined);
    }
    if (bytes !== undefined && bytes !== null) this.#add(bytes);
    if (this.#isChunked) this.#waitingBytes += LAST_CHUNK.length;
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

  flushDue(): void {
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
    this.#head = head.finish(this.#keeper.keepAliveLines);
    this.#waitingBytes += this.#head.length;
    this.#hasBody = head.hasBody;
    this.#isChunked = head.isChunked;
    this.isLast = head.isLast;
    this.headersSent = true;
  }

  #add(bytes: Buffer | string): void {
    if (!this.#hasBody || bytes.length === 0) return;
    const body = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    if (this.#bodies === null)
      this.#bodies = [body]; // a list that is pushed to has room for seventeen
    else this.#bodies.push(body);
    this.#waitingBytes += body.length;
    if (this.#isChunked) this.#waitingBytes += hexLength(body.length) + 2 * LINE_END.length;
  }

  #hand(socket: Socket): void {
    const total = this.#waitingBytes;
    if (total === 0) return;
    if (total <= MAX_JOINED_BYTES) {
      const { output } = this.#keeper;
      const room = output.room(total);
      this.#putInto(room);
      output.write(socket, room);
    } else {
      socket.cork();
      this.#writeParts(socket);
      socket.uncork();
    }
    this.#head = '';
    this.#bodies = null;
    this.#waitingBytes = 0;
  }

  /** Puts together all that waits. */
  #putInto(room: Buffer): void {
    let at = this.#head === '' ? 0 : room.write(this.#head, 'latin1');
    for (const body of this.#bodies ?? []) {
      if (this.#isChunked) at = putChunkSize(room, at, body.length);
      room.set(body, at);
      at += body.length;
      if (this.#isChunked) at = putLineEnd(room, at);
    }
    if (this.#endsWithChunk) room.write(LAST_CHUNK, at, 'latin1');
  }

  #writeParts(socket: Socket): void {
    let text = this.#head;
    for (const body of this.#bodies ?? []) {
      if (this.#isChunked) text += body.length.toString(16) + LINE_END;
      if (text !== '') socket.write(text, 'latin1');
      socket.write(body);
      text = this.#isChunked ? LINE_END : '';
    }
    if (this.#endsWithChunk) text += LAST_CHUNK;
    if (text !== '') socket.write(text, 'latin1');
  }

  get #endsWithChunk(): boolean {
    return this.#isChunked && this.writableEnded;
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

function hexLength(value: number): number {
  let digits = 1;
  for (let rest = value >>> 4; rest > 0; rest >>>= 4) digits++;
  return digits;
}

/** Gives the index behind the size and its line end. */
function putChunkSize(room: Buffer, at: number, size: number): number {
  const end = at + hexLength(size);
  let rest = size;
  for (let i = end - 1; i >= at; i--, rest >>>= 4) room[i] = HEX_DIGITS[rest & 0xf] ?? 0;
  return putLineEnd(room, end);
}

function putLineEnd(room: Buffer, at: number): number {
  room[at] = CR;
  room[at + 1] = LF;
  return at + LINE_END.length;
}
