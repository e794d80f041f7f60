import type { RequestHead } from './request-head.ts';

const LINE_END = '\r\n';
const LENGTH_NAME = 'content-length';
const MAX_LENGTH_DIGITS = 15;
const ZERO = 0x30;
const NINE = 0x39;
const CR = 0x0d;

/** The text of a head on both sides of its body's length; all of it, and nothing, where none is told. */
interface HeadParts {
  readonly opening: string;
  readonly rest: string;
  /** Where the length stands among `rawHeaders`; -1 in none. */
  readonly lengthAt: number;
}

/**
 * A head as it was written. A client says the same with each request of a connection, but for the length of the body:
 * such a head is told by one look at its text, and nothing of it is read again. The object stands for what they all say,
 * so that others can remember what they have made of it.
 */
export class RememberedHead {
  readonly head: RequestHead;
  readonly #text: string;
  #parts: HeadParts | null = null;

  /** @param bytes what begins with the head */
  constructor(head: RequestHead, bytes: Buffer) {
    this.head = head;
    this.#text = bytes.toString('latin1', 0, head.bytes);
  }

  /** Reads the head that `bytes` begin with. Null where it is not whole, or says anything else than this one. */
  readAgain(bytes: Buffer): RequestHead | null {
    this.#parts ??= partsOf(this.#text, this.head);
    const { opening, rest, lengthAt } = this.#parts;
    const from = opening.length;
    if (bytes.toString('latin1', 0, from) !== opening) return null;
    if (lengthAt < 0) return this.head;
    const end = digitsEnd(bytes, from);
    const length = bytes.toString('latin1', from, end);
    const hasLeadingZero = length.length > 1 && bytes[from] === ZERO;
    if (length === '' || hasLeadingZero || bytes[end] !== CR) return null;
    if (bytes.toString('latin1', end, end + rest.length) !== rest) return null;
    return length === this.head.rawHeaders[lengthAt] ? this.head : withLength(this.head, lengthAt, length);
  }
}

function partsOf(text: string, { rawHeaders }: RequestHead): HeadParts {
  const nameAt = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === LENGTH_NAME);
  if (nameAt < 0) return { opening: text, rest: '', lengthAt: -1 };
  const value = rawHeaders[nameAt + 1] ?? '';
  // No name stands in a head twice, and no value holds the end of a line.
  const line = text.indexOf(`${LINE_END}${rawHeaders[nameAt]}:`);
  const from = text.indexOf(value, line + LINE_END.length + LENGTH_NAME.length);
  return { opening: text.slice(0, from), rest: text.slice(from + value.length), lengthAt: nameAt + 1 };
}

function digitsEnd(bytes: Buffer, from: number): number {
  const most = Math.min(bytes.length, from + MAX_LENGTH_DIGITS);
  let at = from;
  while (at < most && isDigit(bytes[at] ?? 0)) at++;
  return at;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function withLength(head: RequestHead, lengthAt: number, length: string): RequestHead {
  const rawHeaders = [...head.rawHeaders];
  const bytes = head.bytes + length.length - (rawHeaders[lengthAt] ?? '').length;
  rawHeaders[lengthAt] = length;
  const { method, url, keepsAlive } = head;
  const headers = { ...head.headers, [LENGTH_NAME]: length };
  return { method, url, rawHeaders, headers, contentLength: Number(length), keepsAlive, bytes };
}
