import type { Socket } from 'node:net';
import { PlainRequest } from './plain-request.ts';
import { type AnswerKeeper, PlainResponse } from './plain-response.ts';
import { type RequestHead, readRequestHead } from './request-head.ts';

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
  serve(request: PlainRequest, response: PlainResponse): void;
  /** Has Node's own HTTP take the connection, from `bytes` on. */
  handOver(connection: PlainConnection, bytes: Buffer): void;
  /** Something is wrong with what comes, or with the connection. */
  refuse(error: Error, socket: Socket): void;
  closed(connection: PlainConnection): void;
}

/** What a connection waits for, for each of which there is a time. */
export type Waiting = 'first request' | 'rest of a request' | 'next request' | 'answer';

/** How much of further requests is kept while one is being answered, before the client is made to wait. */
const MAX_AHEAD_BYTES = 65_536;
const REQUEST_BEGINS = /^[A-Z]{1,20}(?:$| (?:$|[\x21-\x7e]+(?:$| )))/;
const LONGEST_BEGINNING = 64;

/** A client's connection as long as its requests are plain: one request at a time, each with its answer. */
export class PlainConnection implements AnswerKeeper {
  readonly socket: Socket;
  readonly #lane: Lane;
  /** The last head, most lines of which come again. */
  #head: RequestHead | null = null;
  #request: PlainRequest | null = null;
  #response: PlainResponse | null = null;
  /** What has come of further requests. */
  #ahead: Buffer | null = null;
  #stopsSocket = false;
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

  get waitsFor(): Waiting {
    if (this.#request !== null && !this.#request.complete) return 'rest of a request';
    if (this.#response !== null) return 'answer';
    return this.#head === null ? 'first request' : 'next request';
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
    this.looksWaited = 0;
    if (isLast) {
      this.socket.destroySoon();
      return;
    }
    // What nobody has read is thrown away, so that the next request is seen.
    if (request !== null && !request.isRead) request.resume();
    if (this.#ahead !== null) process.nextTick(readAhead, this);
  }

  /** Reads on with what had come while a request was being answered. */
  readAhead(): void {
    const ahead = this.#ahead;
    if (ahead === null || this.#response !== null || this.socket.destroyed) return;
    this.#ahead = null;
    this.#read(ahead);
    if (!this.#stopsSocket) return;
    this.#stopsSocket = false;
    this.socket.resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    const request = this.#request;
    let rest: Buffer | null = chunk;
    if (request !== null && !request.complete) {
      rest = request.take(chunk);
      if (request.complete) this.looksWaited = 0;
    }
    if (rest === null) return;
    if (this.#response !== null || this.#ahead !== null) this.#keepAhead(rest);
    else this.#read(rest);
  };

  #read(bytes: Buffer): void {
    const head = readRequestHead(bytes, this.#lane.maxHeadBytes, this.#head);
    if (head === null) {
      this.#lane.handOver(this, bytes);
      return;
    }
    const request = new PlainRequest(head, this.socket);
    const response = new PlainResponse(request, this, head.keepsAlive);
    this.#head = head;
    this.#request = request;
    this.#response = response;
    this.looksWaited = 0;
    const rest = bytes.length > head.bytes ? request.take(bytes.subarray(head.bytes)) : null;
    if (rest !== null) this.#keepAhead(rest);
    this.#lane.serve(request, response);
  }

  /** Keeps what comes of further requests, and looks whether it can be one: else the connection is of no more use. */
  #keepAhead(bytes: Buffer): void {
    const isFirst = this.#ahead === null;
    const ahead = this.#ahead === null ? bytes : Buffer.concat([this.#ahead, bytes]);
    this.#ahead = ahead;
    if (isFirst && !REQUEST_BEGINS.test(ahead.toString('latin1', 0, LONGEST_BEGINNING))) {
      this.#lane.refuse(new ConnectionError('HPE_INVALID_METHOD', 'what follows is no request'), this.socket);
      return;
    }
    if (ahead.length < MAX_AHEAD_BYTES || this.#stopsSocket) return;
    this.#stopsSocket = true;
    this.socket.pause();
  }

  /** The client has ended its side. As in Node's `http`, it has left where it is still owed an answer. */
  readonly #onEnd = (): void => {
    if (this.#request !== null && !this.#request.complete) {
      this.#lane.refuse(new ConnectionError('HPE_INVALID_EOF_STATE', 'the request ends before its body'), this.socket);
    } else this.socket.end();
  };

  readonly #onError = (error: Error): void => this.#lane.refuse(error, this.socket);

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

function readAhead(connection: PlainConnection): void {
  connection.readAhead();
}
