import { skipSpace, skipString } from './json-strings.ts';

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
