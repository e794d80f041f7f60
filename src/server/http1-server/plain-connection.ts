import type { Socket } from 'node:net';
import { PlainRequest } from './plain-request.ts';
import { type AnswerKeeper, PlainResponse } from './plain-response.ts';
import { RememberedHead } from './remembered-head.ts';
import { type RequestHead, readRequestHead } from './request-head.ts';
import type { TurnOutput } from './turn-output.ts';

/** What happens on a connection, as Node's HTTP parser names it. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a connection needs of the lane that it is in. */
export interface Lane {
  readonly maxHeadBytes: number;
  readonly keepAliveLines: string;
  readonly output: TurnOutput;
  /** The last head of any connection, if it is not long. */
  lastHead: RememberedHead | null;
  serve(request: PlainRequest, response: PlainResponse): void;
  /** Has Node's own HTTP take the connection, from `bytes` on. */
  handOver(connection: PlainConnection, bytes: Buffer): void;
  /** Something is wrong with what comes, or with the connection. */
  refuse(error: Error, socket: Socket): void;
  closed(connection: PlainConnection): void;
}

/** What a connection waits for, for each of which there is a time. */
export type Waiting = 'first request' | 'rest of a request' | 'next request' | 'answer' | 'end of the client';

/** How much of further requests is kept while one is being answered, before the client is made to wait. */
const MAX_AHEAD_BYTES = 65_536;
/** Longer heads are not remembered: a connection without a request must stay light. */
const MAX_REMEMBERED_BYTES = 4096;
/** What a request may begin with: an empty line too many behind the one before, and a method. */
const REQUEST_BEGINS = /^[\r\n]*(?:$|[A-Z-]{1,20}(?:$| ))/;
const LONGEST_BEGINNING = 64;

/** A client's connection as long as its requests are plain: one request at a time, each with its answer. */
export class PlainConnection implements AnswerKeeper {
  readonly socket: Socket;
  readonly #lane: Lane;
  /** The last head, most lines of which come again; null while its request is served. */
  #head: RememberedHead | null = null;
  #hasServed = false;
  /** The request whose body or whose answer is on its way. */
  #request: PlainRequest | null = null;
  #response: PlainResponse | null = null;
  /** What has come of further requests. */
  #ahead: Buffer | null = null;
  #stopsSocket = false;
  /** The last answer has been given, or what came was refused: what still comes is thrown away. */
  #isOver = false;
  /** Its place in the lane's list; -1 in none. */
  place = -1;
  /** For how many looks of the lane it has waited for the same. */
  looksWaited = 0;

  constructor(socket: Socket, lane: Lane) {
    this.socket = socket;
    this.#lane = lane;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.on('drain', this.#onDrain);
    socket.on('timeout', this.#onTimeout);
  }

  get keepAliveLines(): string {
    return this.#lane.keepAliveLines;
  }

  get output(): TurnOutput {
    return this.#lane.output;
  }

  get waitsFor(): Waiting {
    if (this.#isOver) return 'end of the client';
    if (this.#request !== null && !this.#request.complete) return 'rest of a request';
    if (this.#response !== null) return 'answer';
    return this.#hasServed ? 'next request' : 'first request';
  }

  /** Lets go of the socket. */
  release(): void {
    const { socket } = this;
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
    socket.off('drain', this.#onDrain);
    socket.off('timeout', this.#onTimeout);
  }

  answered(): void {
    const request = this.#request;
    const isLast = this.#response?.isLast === true;
    this.#response = null;
    this.#head = request === null ? null : request.remembered;
    if (isLast) {
      this.#isOver = true;
      this.looksWaited = 0;
      this.socket.destroySoon();
      return;
    }
    if (request?.complete === true) {
      this.#request = null;
      this.looksWaited = 0;
    } else if (request?.isRead === false) request.resume(); // thrown away, so that the next request is seen
    if (this.#ahead !== null) queueMicrotask(() => this.#readAhead());
  }

  destroy(): void {
    this.socket.destroy();
  }

  destroySoon(): void {
    this.#response?.flush();
    this.socket.destroySoon();
  }

  /** The request cannot be read, or has not come in time. */
  refuse(error: Error): void {
    this.#isOver = true;
    this.looksWaited = 0;
    this.#ahead = null;
    this.#tell(error);
  }

  /** An answer that is on its way must not be broken into: with its connection it is cut. */
  #tell(error: Error): void {
    if (this.#response?.headersSent === true) this.socket.destroy();
    else this.#lane.refuse(error, this.socket);
  }

  /** Reads on with what had come while a request was being answered. */
  #readAhead(): void {
    const ahead = this.#ahead;
    if (ahead === null || this.#response !== null || this.socket.destroyed) return;
    this.#ahead = null;
    this.#read(ahead);
    if (!this.#stopsSocket) return;
    this.#stopsSocket = false;
    this.socket.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isOver) return;
    const request = this.#request;
    let rest: Buffer | null = chunk;
    if (request !== null && !request.complete) {
      rest = request.take(chunk, isAlone(chunk));
      if (request.complete) this.looksWaited = 0;
    }
    if (rest === null) return;
    if (this.#response !== null || this.#ahead !== null) this.#keepAhead(rest);
    else this.#read(rest);
  };

  #read(bytes: Buffer): void {
    const { maxHeadBytes, lastHead } = this.#lane;
    const before = this.#head ?? lastHead;
    const again = before === null ? null : before.readAgain(bytes);
    const isAgain = again !== null && again.bytes <= maxHeadBytes;
    const head = isAgain ? again : readRequestHead(bytes, maxHeadBytes, before === null ? null : before.head);
    // Of requests that come together Node serves each at once; here one is served after the other.
    if (head === null || bytes.length > head.bytes + head.contentLength) {
      this.#lane.handOver(this, bytes);
      return;
    }
    const remembered = isAgain ? before : rememberedOf(head, bytes);
    const request = new PlainRequest({ head, remembered, isAgain }, this.socket);
    const response = new PlainResponse(request, this, head.keepsAlive);
    this.#head = null;
    this.#lane.lastHead = remembered;
    this.#hasServed = true;
    this.#request = request;
    this.#response = response;
    this.looksWaited = 0;
    if (bytes.length > head.bytes) request.take(bytes.subarray(head.bytes), isAlone(bytes));
    this.#lane.serve(request, response);
  }

  /** Keeps what comes of further requests, and looks whether it can be one: else the connection is of no more use. */
  #keepAhead(bytes: Buffer): void {
    const isFirst = this.#ahead === null;
    const ahead = this.#ahead === null ? bytes : Buffer.concat([this.#ahead, bytes]);
    this.#ahead = ahead;
    if (isFirst && !REQUEST_BEGINS.test(ahead.toString('latin1', 0, LONGEST_BEGINNING))) {
      this.refuse(new ConnectionError('HPE_INVALID_METHOD', 'what follows is no request'));
      return;
    }
    if (ahead.length < MAX_AHEAD_BYTES || this.#stopsSocket) return;
    this.#stopsSocket = true;
    this.socket.pause();
  }

  /** The client has ended its side. As in Node's `http`, it has left where it is still owed an answer. */
  readonly #onEnd = (): void => {
    if (this.#request !== null && !this.#request.complete) {
      this.refuse(new ConnectionError('HPE_INVALID_EOF_STATE', 'the request ends before its body'));
      return;
    }
    this.#ahead = null;
    this.#response?.flush();
    this.socket.end();
  };

  readonly #onError = (error: Error): void => this.#tell(error);

  readonly #onClose = (): void => {
    this.#lane.closed(this);
    this.#request?.abort();
    this.#response?.abort();
  };

  readonly #onDrain = (): void => this.#response?.drained();

  readonly #onTimeout = (): void => {
    if (this.#response?.stall() !== true) this.socket.destroy();
  };
}

function rememberedOf(head: RequestHead, bytes: Buffer): RememberedHead | null {
  return head.bytes <= MAX_REMEMBERED_BYTES ? new RememberedHead(head, bytes) : null;
}

/** Whether nothing else stands in the memory of `bytes`, as of what Node has read for a socket: it is not out of `Buffer`'s pool. */
function isAlone(bytes: Buffer): boolean {
  return bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
}
