import { type AnswerFraming, CHUNKED, framingOf } from './answer-framing.ts';
import { type AnswerHead, malformed, mayBeginHead, readAnswerHead } from './answer-head.ts';
import { ChunkedBody } from './chunked-body.ts';
import { ExchangeError } from './exchange-error.ts';
import type { HeaderBlockReader } from './header-block.ts';

const MAX_HEAD_BYTES = 65_536;
const HEAD_END = Buffer.from('\r\n\r\n');
const NO_BYTES = Buffer.alloc(0);
const SWITCHING_PROTOCOLS = 101;

/**
 * Reads answers off one connection, one after the other, read by read of its socket. What a read brought stands in
 * `head`, `piece`, `isOver` and `fault` until the next one. Nothing here waits or calls back, and the same bytes give
 * the same answer however they are cut into reads.
 */
export class AnswerReader {
  readonly #headerBlocks: HeaderBlockReader;
  #method = 'GET';
  /** The part of a head that has come. */
  #begun: Buffer = NO_BYTES;
  #framing: AnswerFraming | null = null;
  #chunks: ChunkedBody | null = null;
  #remaining = 0;

  /** The head of the answer, if it was this read that completed it. */
  head: AnswerHead | null = null;
  /** What the read brought of the body; null for nothing. A copy, which is the caller's. */
  piece: Buffer | null = null;
  /** The answer is whole. */
  isOver = false;
  /** More came than the answer: bytes that nobody asked for. */
  hasExcess = false;
  /** Why what came is not an answer. `head` and `piece` came before it. */
  fault: Error | null = null;

  constructor(headerBlocks: HeaderBlockReader) {
    this.#headerBlocks = headerBlocks;
  }

  /** From here on the answer to a request of this method is expected. */
  begin(method: string): void {
    this.#method = method;
    this.#framing = null;
    this.#chunks = null;
    this.isOver = false;
    this.hasExcess = false;
  }

  /** Whether the head of the answer has come. */
  get hasHead(): boolean {
    return this.#framing !== null;
  }

  /** Whether the connection may be used again, once the answer is over. */
  get keepsAlive(): boolean {
    return this.#framing?.keepsAlive === true && !this.hasExcess;
  }

  /** How long the upstream says that it keeps the connection; null where it does not say. */
  get keepAliveMs(): number | null {
    return this.#framing?.keepAliveMs ?? null;
  }

  /** What the last read brought has been taken. It is not kept until the next one, which may be long in coming. */
  forgetRead(): void {
    this.head = null;
    this.piece = null;
  }

  /** Takes what a read brought: the first `length` of these bytes, which are written over. */
  read(bytes: Buffer, length: number): void {
    this.forgetRead();
    if (this.#framing !== null) {
      this.#readBody(bytes, 0, length);
    } else if (this.#begun.length === 0) {
      this.#readHead(bytes, length, 0);
    } else {
      const before = this.#begun.length;
      const whole = Buffer.concat([this.#begun, bytes.subarray(0, length)]);
      this.#begun = NO_BYTES;
      this.#readHead(whole, whole.length, before);
    }
  }

  /** The connection has ended. Gives whether that is the right end of the answer. */
  endOfConnection(): boolean {
    if (this.#framing === null || this.#remaining !== Number.POSITIVE_INFINITY) return false;
    this.isOver = true;
    return true;
  }

  /** Reads heads up to that of the answer itself; `seen` bytes of the first have been searched for its end before. */
  #readHead(bytes: Buffer, length: number, seen: number): void {
    let from = 0;
    let searchFrom = Math.max(0, seen - HEAD_END.length + 1);
    while (this.#framing === null && this.fault === null) {
      const found = bytes.indexOf(HEAD_END, searchFrom);
      const end = found < 0 ? -1 : found + HEAD_END.length;
      if (end < 0 || end > length) {
        this.#keepBegun(bytes, from, length);
        return;
      }
      this.#takeHead(bytes, from, end);
      from = end;
      searchFrom = end;
    }
    if (this.fault === null) this.#readBody(bytes, from, length);
  }

  #keepBegun(bytes: Buffer, from: number, length: number): void {
    if (length - from > MAX_HEAD_BYTES) this.fault = headTooLarge();
    else if (!mayBeginHead(bytes.toString('latin1', from, length))) this.fault = malformed('Its head is none.');
    else this.#begun = Buffer.from(bytes.subarray(from, length));
  }

  #takeHead(bytes: Buffer, from: number, end: number): void {
    if (end - from > MAX_HEAD_BYTES) {
      this.fault = headTooLarge();
      return;
    }
    try {
      const head = readAnswerHead(bytes.toString('latin1', from, end), this.#headerBlocks);
      if (head.status === SWITCHING_PROTOCOLS) throw malformed('It leaves HTTP, which it was not asked to.');
      if (head.status < 200) return; // of an answer that is still to come (RFC 9110 15.2)
      this.#framing = framingOf(head, this.#method);
      this.head = head;
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      this.fault = error;
      return;
    }
    const { length } = this.#framing;
    this.#remaining = length;
    this.#chunks = length === CHUNKED ? new ChunkedBody(this.#headerBlocks) : null;
  }

  #readBody(bytes: Buffer, from: number, length: number): void {
    if (this.#chunks !== null) this.#readChunks(this.#chunks, bytes, from, length);
    else this.#readLength(bytes, from, length);
  }

  #readChunks(chunks: ChunkedBody, bytes: Buffer, from: number, length: number): void {
    chunks.take(bytes, from, length);
    this.#keepPiece(bytes, chunks.dataStart, chunks.dataEnd);
    this.fault = chunks.fault;
    this.isOver = chunks.isOver && this.fault === null;
    this.hasExcess = chunks.isOver && chunks.at < length;
  }

  #readLength(bytes: Buffer, from: number, length: number): void {
    const end = Math.min(length, from + this.#remaining);
    this.#keepPiece(bytes, from, end);
    this.#remaining -= end - from;
    this.isOver = this.#remaining === 0;
    this.hasExcess = end < length;
  }

  /** The memory of a read is used for the next one. */
  #keepPiece(bytes: Buffer, start: number, end: number): void {
    if (start === end) return;
    this.piece = Buffer.allocUnsafe(end - start);
    bytes.copy(this.piece, 0, start, end);
  }
}

function headTooLarge(): ExchangeError {
  return new ExchangeError('HEAD_TOO_LARGE', `The head of the answer is larger than ${MAX_HEAD_BYTES} bytes.`);
}
