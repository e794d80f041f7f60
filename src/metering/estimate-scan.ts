import { skipSpace, skipString } from '../core/json-strings.ts';

/** Is told what stands in a JSON text, in its order. Spans are of raw bytes, without quotes. */
export interface JsonVisitor {
  /**
   * The name of a member.
   *
   * @param depth of the object that it is in: 1 for the outermost
   * @returns whether its value is told of, passed over, or the scan is over
   */
  member(start: number, end: number, depth: number): 'read' | 'skip' | 'stop';
  /** A string that is a value; `depth` is that of the object or array that it is in. */
  text(start: number, end: number, depth: number): void;
  number(): void;
  /** An object begins; `depth` is its own. */
  object(depth: number): void;
}

const QUOTE = 0x22;
const MINUS = 0x2d;
/** `.`, `+`, `E`, `e` */
const NUMBER_SIGNS: ReadonlySet<number> = new Set([0x2e, 0x2b, 0x45, 0x65]);
const DIGIT_ZERO = 0x30;
const DIGIT_NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** So many bytes are looked at one by one, which takes some milliseconds. */
const MAX_STEPS = 4 * 1024 * 1024;
/** What a string counts for at most: the end of a long one is found by a native search. */
const MAX_STRING_STEPS = 64;

/**
 * Walks a JSON text once, from its beginning towards its end. Nothing is parsed or copied, and the work is bounded. The
 * text may be cut off anywhere, and what is no JSON is walked as well as it can be: a name is told from a value by the
 * colon after it.
 *
 * @returns the part of the text that was walked, from 0 to 1; 1 where the visitor ended the scan
 */
export function scanJson(bytes: Buffer, visitor: JsonVisitor): number {
  return new JsonScan(bytes, visitor).run();
}

class JsonScan {
  readonly #bytes: Buffer;
  readonly #visitor: JsonVisitor;
  #at = 0;
  #steps = 0;
  #depth = 0;
  /** While a value is passed over: the depth of what it is in. */
  #silentBelow = Number.POSITIVE_INFINITY;

  constructor(bytes: Buffer, visitor: JsonVisitor) {
    this.#bytes = bytes;
    this.#visitor = visitor;
  }

  run(): number {
    const { length } = this.#bytes;
    while (this.#at < length && this.#steps < MAX_STEPS) {
      this.#steps++;
      if (!this.#step()) return 1;
    }
    return this.#at >= length ? 1 : this.#at / length;
  }

  get #isSilent(): boolean {
    return this.#depth > this.#silentBelow;
  }

  /** Goes past one string, number or other byte. Gives false when the visitor wants no more. */
  #step(): boolean {
    const byte = this.#bytes[this.#at] ?? 0;
    if (byte === QUOTE) return this.#passString();
    if (isDigit(byte) || byte === MINUS) {
      this.#passNumber();
      return true;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#open(byte);
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#close();
    this.#at++;
    return true;
  }

  #open(byte: number): void {
    this.#depth++;
    if (byte === OPEN_BRACE && !this.#isSilent) this.#visitor.object(this.#depth);
  }

  #close(): void {
    this.#depth--;
    if (this.#depth <= this.#silentBelow) this.#silentBelow = Number.POSITIVE_INFINITY;
  }

  #passString(): boolean {
    const start = this.#at + 1;
    const end = skipString(this.#bytes, this.#at);
    this.#at = end < 0 ? this.#bytes.length : end;
    this.#steps += Math.min(this.#at - start, MAX_STRING_STEPS);
    const colon = skipSpace(this.#bytes, this.#at);
    const isName = this.#bytes[colon] === COLON;
    if (isName) this.#at = colon + 1;
    if (this.#isSilent) return true;
    if (isName) return this.#passName(start, end - 1);
    this.#visitor.text(start, end < 0 ? this.#bytes.length : end - 1, this.#depth);
    return true;
  }

  #passName(start: number, end: number): boolean {
    const wish = this.#visitor.member(start, end, this.#depth);
    if (wish === 'skip') this.#passValue();
    return wish !== 'stop';
  }

  #passValue(): void {
    const start = skipSpace(this.#bytes, this.#at);
    const byte = this.#bytes[start];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#silentBelow = this.#depth;
    if (byte !== QUOTE) return;
    const end = skipString(this.#bytes, start);
    this.#at = end < 0 ? this.#bytes.length : end;
  }

  #passNumber(): void {
    const start = this.#at;
    if (!this.#isSilent) this.#visitor.number();
    do this.#at++;
    while (isNumberByte(this.#bytes[this.#at]));
    this.#steps += this.#at - start;
  }
}

function isDigit(byte: number): boolean {
  return byte >= DIGIT_ZERO && byte <= DIGIT_NINE;
}

function isNumberByte(byte: number | undefined): boolean {
  return byte !== undefined && (isDigit(byte) || byte === MINUS || NUMBER_SIGNS.has(byte));
}
