import { isSoundSoFar, malformed } from './answer-head.ts';
import { HeaderBlockError, type HeaderBlockReader } from './header-block.ts';

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
const TAB = 0x09;
const SPACE = 0x20;
const DELETE = 0x7f;

/** Leading zeros are allowed, but not for ever. */
const MAX_SIZE_DIGITS = 16;
const MAX_EXTENSION_BYTES = 4096;
const MAX_TRAILER_BYTES = 16_384;

/** What comes next. */
const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER = 6;
const OVER = 7;

/**
 * Reads a chunked body (RFC 9112 7.1) as it comes, read by read of its socket. The data of all chunks of one read is
 * moved together over the framing between them, in the memory that it came in, so that it is one piece: an answer that
 * comes in a burst has a chunk for each event, and whoever handles a hundred pieces pays a hundred times.
 *
 * Chunk extensions are skipped, trailers read and dropped, both within a bound.
 */
export class ChunkedBody {
  #next = SIZE;
  /** Of the chunk that is being read: its size while that is read, then how much of its data has not come. */
  #size = 0;
  #sizeDigits = 0;
  #extensionBytes = 0;
  #trailer = '';
  readonly #headerBlocks: HeaderBlockReader;
  /** Where the data of the last read stands in its memory. */
  dataStart = 0;
  dataEnd = 0;
  /** Where the last read was left: at its end, or behind the body. */
  at = 0;
  /** Why what comes is not a chunked body. The data that came before it counts. */
  fault: Error | null = null;

  constructor(headerBlocks: HeaderBlockReader) {
    this.#headerBlocks = headerBlocks;
  }

  get isOver(): boolean {
    return this.#next === OVER;
  }

  /** Takes what a read brought of the body: `bytes` from `from` up to `to`, which are written over. */
  take(bytes: Buffer, from: number, to: number): void {
    this.at = from;
    this.dataStart = from;
    this.dataEnd = from;
    while (this.at < to && this.#next !== OVER && this.fault === null) this.#step(bytes, to);
  }

  #step(bytes: Buffer, to: number): void {
    switch (this.#next) {
      case SIZE:
        this.#readSize(bytes, to);
        break;
      case EXTENSION:
        this.#skipExtension(bytes, to);
        break;
      case SIZE_LF:
        if (bytes[this.at++] !== LF) this.#fail('A chunk size does not end with CR LF.');
        else this.#next = this.#size === 0 ? TRAILER : DATA;
        break;
      case DATA:
        this.#readData(bytes, to);
        break;
      case DATA_CR:
        if (bytes[this.at++] !== CR) this.#fail('A chunk is longer than its size.');
        else this.#next = DATA_LF;
        break;
      case DATA_LF:
        if (bytes[this.at++] !== LF) this.#fail('A chunk does not end with CR LF.');
        else this.#startChunk();
        break;
      case TRAILER:
        this.#readTrailer(bytes, to);
        break;
    }
  }

  #readSize(bytes: Buffer, to: number): void {
    let at = this.at;
    let size = this.#size;
    let digits = this.#sizeDigits;
    for (; at < to; at++, digits++) {
      const digit = hexDigit(bytes[at] ?? 0);
      if (digit < 0) break;
      size = size * 16 + digit;
    }
    this.at = at;
    this.#size = size;
    this.#sizeDigits = digits;
    if (digits > MAX_SIZE_DIGITS || size > Number.MAX_SAFE_INTEGER) this.#fail('A chunk size is too large.');
    else if (at < to) this.#endSize(bytes[at] ?? 0);
  }

  #endSize(code: number): void {
    this.at++;
    if (this.#sizeDigits > 0 && code === CR) this.#next = SIZE_LF;
    else if (this.#sizeDigits > 0 && code === SEMICOLON) this.#next = EXTENSION;
    else this.#fail('A chunk size is not a hexadecimal number.');
  }

  #skipExtension(bytes: Buffer, to: number): void {
    for (; this.at < to; this.at++) {
      const code = bytes[this.at] ?? 0;
      if (code === CR) {
        this.at++;
        this.#next = SIZE_LF;
        return;
      }
      if ((code < SPACE && code !== TAB) || code === DELETE) {
        this.#fail('A chunk extension holds a control character.');
        return;
      }
      if (++this.#extensionBytes > MAX_EXTENSION_BYTES) {
        this.#fail('A chunk extension is too long.');
        return;
      }
    }
  }

  #readData(bytes: Buffer, to: number): void {
    const from = this.at;
    const length = Math.min(this.#size, to - from);
    if (this.dataEnd === this.dataStart) {
      this.dataStart = from;
      this.dataEnd = from;
    } else {
      bytes.copyWithin(this.dataEnd, from, from + length);
    }
    this.dataEnd += length;
    this.at = from + length;
    this.#size -= length;
    if (this.#size > 0) return;
    if (bytes[this.at] === CR && bytes[this.at + 1] === LF && this.at + 1 < to) {
      this.at += 2;
      this.#startChunk();
    } else {
      this.#next = DATA_CR;
    }
  }

  #startChunk(): void {
    this.#next = SIZE;
    this.#size = 0;
    this.#sizeDigits = 0;
    this.#extensionBytes = 0;
  }

  #readTrailer(bytes: Buffer, to: number): void {
    const before = this.#trailer.length;
    this.#trailer += bytes.toString('latin1', this.at, Math.min(to, this.at + MAX_TRAILER_BYTES + 1));
    const end = trailerEnd(this.#trailer);
    if (end > MAX_TRAILER_BYTES || (end < 0 && this.#trailer.length > MAX_TRAILER_BYTES)) {
      this.#fail('Its trailers are too long.');
    } else if (end < 0) {
      this.at = to;
      if (!isSoundSoFar(this.#trailer)) this.#fail('A trailer line does not end with CR LF.');
    } else {
      this.at += end - before;
      this.#next = OVER;
      this.#checkTrailer(this.#trailer.slice(0, end));
      this.#trailer = '';
    }
  }

  #checkTrailer(trailer: string): void {
    try {
      this.#headerBlocks.read(trailer, 0);
    } catch (error) {
      if (!(error instanceof HeaderBlockError)) throw error;
      this.#fail(error.message);
    }
  }

  #fail(why: string): void {
    this.fault = malformed(why);
  }
}

/** Where the trailer section ends; below 0 where it has not come to its end. */
function trailerEnd(text: string): number {
  if (text.startsWith('\r\n')) return 2;
  const at = text.indexOf('\r\n\r\n');
  return at < 0 ? -1 : at + 4;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
