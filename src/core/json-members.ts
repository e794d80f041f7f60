/**
 * Finds members of a JSON object by looking at its bytes. Bodies are edited and read in place, never parsed and
 * written again (design.md, promise 1): parsing would round 64-bit numbers, drop duplicate keys and lose spacing.
 *
 * The input must be valid JSON; on anything else the functions return null or -1 rather than a wrong span.
 */
export interface MemberSpan {
  /** Index of the key's opening quote. */
  readonly keyStart: number;
  readonly valueStart: number;
  /** Index after the value's last byte. */
  readonly valueEnd: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const DIGIT_NINE = 0x39;
/** How far a string is looked at byte by byte before a native search takes over. */
const NEAR_BYTES = 48;
const FOUR_QUOTES = 0x22222222;

/**
 * Finds the member `key` of the object that begins at `objectStart` (white space before it is skipped), at its own
 * level only. Where the key occurs more than once the last one is given, which is the one that JSON parsers keep.
 */
export function findMember(bytes: Buffer, objectStart: number, key: string): MemberSpan | null {
  let found: MemberSpan | null = null;
  const end = eachMember(bytes, objectStart, {
    member: (span, keyEnd) => {
      if (keyEquals(bytes, span.keyStart, keyEnd, key)) found = span;
    },
  });
  return end < 0 ? null : found;
}

/** What is told of the members of an object, one after the other. */
export interface MemberVisitor {
  /** @param keyEnd index after the key's closing quote */
  member(span: MemberSpan, keyEnd: number): void;
  /**
   * Reads a value itself, which then need not be walked twice. Gives the index after it, or -1 where it is to be
   * skipped as all others are.
   */
  readValue?(keyStart: number, keyEnd: number, valueStart: number): number;
}

/** Walks the members of the object at `objectStart`. Gives the index after it; -1 where the bytes are no complete object. */
export function eachMember(bytes: Buffer, objectStart: number, visitor: MemberVisitor): number {
  let at = skipSpace(bytes, objectStart);
  if (bytes[at] !== OPEN_BRACE) return -1;
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    const keyStart = at;
    const keyEnd = skipString(bytes, keyStart);
    if (keyEnd < 0) return -1;
    at = skipSpace(bytes, keyEnd);
    if (bytes[at] !== COLON) return -1;
    const valueStart = skipSpace(bytes, at + 1);
    let valueEnd = visitor.readValue?.(keyStart, keyEnd, valueStart) ?? -1;
    if (valueEnd < 0) valueEnd = skipValue(bytes, valueStart);
    if (valueEnd < 0) return -1;
    visitor.member({ keyStart, valueStart, valueEnd }, keyEnd);
    at = skipSpace(bytes, valueEnd);
    if (bytes[at] === CLOSE_BRACE) return at + 1;
    if (bytes[at] !== COMMA) return -1;
    at = skipSpace(bytes, at + 1);
  }
}

/** Index of the first byte at or after `at` that is not JSON white space. */
export function skipSpace(bytes: Buffer, at: number): number {
  let index = at;
  for (;;) {
    const byte = bytes[index];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return index;
    index++;
  }
}

/**
 * Index after the string whose opening quote is at `at`; -1 if there is none or it does not end. Most strings are short,
 * and for those a call into native code costs more than the look at their bytes. A long one that has an escaped quote
 * has many, and four bytes are looked at together.
 */
export function skipString(bytes: Buffer, at: number): number {
  if (bytes[at] !== QUOTE) return -1;
  const near = Math.min(at + 1 + NEAR_BYTES, bytes.length);
  let index = at + 1;
  while (index < near) {
    const byte = bytes[index];
    if (byte === QUOTE) return index + 1;
    index += byte === BACKSLASH ? 2 : 1;
  }
  if (index >= bytes.length) return -1;
  const quote = bytes.indexOf(QUOTE, index);
  if (quote < 0 || !isEscaped(bytes, quote, index)) return quote < 0 ? -1 : quote + 1;
  return skipLongString(bytes, quote + 1);
}

/** The same from within the string, after an escaped quote. */
function skipLongString(bytes: Buffer, from: number): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const lastWord = bytes.length - 4;
  let at = from;
  while (at <= lastWord) {
    const marks = quoteMarks(words.getInt32(at, true));
    if (marks === 0) {
      at += 4;
      continue;
    }
    at += (31 - Math.clz32(marks & -marks)) >> 3;
    if (!isEscaped(bytes, at, from)) return at + 1;
    at++;
  }
  for (; at < bytes.length; at++) if (bytes[at] === QUOTE && !isEscaped(bytes, at, from)) return at + 1;
  return -1;
}

/**
 * Marks quotes among four bytes, by the highest bit of each: a quote becomes zero, and to take one from zero borrows. The
 * lowest mark is right; above a quote there may be wrong ones.
 */
function quoteMarks(word: number): number {
  const zeros = word ^ FOUR_QUOTES;
  return (zeros - 0x01010101) & ~zeros & 0x80808080;
}

/** Whether an odd number of backslashes stands before `at`, none of them before `from`. */
function isEscaped(bytes: Buffer, at: number, from: number): boolean {
  let start = at;
  while (start > from && bytes[start - 1] === BACKSLASH) start--;
  return (at - start) % 2 === 1;
}

/** Index after the value that begins at `at`; -1 if it does not end. */
export function skipValue(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return skipString(bytes, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipContainer(bytes, at);
  let index = at;
  while (index < bytes.length && isScalarByte(bytes[index])) index++;
  return index === at ? -1 : index;
}

function skipContainer(bytes: Buffer, at: number): number {
  let depth = 0;
  let index = at;
  while (index < bytes.length) {
    const byte = bytes[index] ?? 0;
    if (byte >= COMMA && byte <= DIGIT_NINE) {
      index++; // a number or a comma: most of an embedding
      continue;
    }
    if (byte === QUOTE) {
      index = skipString(bytes, index);
      if (index < 0) return -1;
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
      if (depth === 0) return index + 1;
    }
    index++;
  }
  return -1;
}

function isScalarByte(byte: number | undefined): boolean {
  return (
    byte !== undefined &&
    byte !== COMMA &&
    byte !== CLOSE_BRACE &&
    byte !== CLOSE_BRACKET &&
    byte !== 0x20 &&
    byte !== 0x0a &&
    byte !== 0x0d &&
    byte !== 0x09
  );
}

function keyEquals(bytes: Buffer, keyStart: number, keyEnd: number, key: string): boolean {
  const length = keyEnd - keyStart - 2;
  if (length === key.length) return bytes.toString('latin1', keyStart + 1, keyEnd - 1) === key;
  // A key may be written with escapes (`"st\u0072eam"`): only then is it longer than its text, and then it is decoded.
  if (length > key.length && bytes.subarray(keyStart, keyEnd).includes(BACKSLASH)) {
    try {
      return JSON.parse(bytes.toString('utf8', keyStart, keyEnd)) === key;
    } catch {
      return false; // no valid JSON string, so it is not the key that is looked for
    }
  }
  return false;
}
