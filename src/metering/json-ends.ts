import { type MemberSpan, skipValue } from '../core/json-members.ts';
import { lastBefore, skipSpace, skipString } from '../core/json-strings.ts';
import type { MemberNames } from './json-spans.ts';

/**
 * Members of an object that stand at its beginning or its end, found without a walk through what lies between: a batch
 * of embeddings is megabytes of numbers, and its usage the last thing in it.
 */
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;

/**
 * Finds the last member with this key of the object that the bytes end with, that is of the outermost one.
 *
 * The proof looks only at what follows the key: an object whose members run to the end is the outermost. A key is
 * preceded by a comma or brace; a quote within a string is preceded by a backslash.
 *
 * @param bytes a JSON object, or its end
 * @param quotedKey the key in its quotes
 * @param walk finds it where very many members of inner objects have this key: each of them is looked at with all that
 *   is in it, and they may stand in one another
 */
export function trailingMember(
  bytes: Buffer,
  quotedKey: Buffer,
  walk: () => MemberSpan | null = () => null,
): MemberSpan | null {
  let keyStart = lastKey(bytes, quotedKey);
  let inner = 0;
  while (keyStart >= 0) {
    const valueStart = isAtKey(bytes, keyStart) ? valueAfterKey(bytes, keyStart + quotedKey.length) : -1;
    const valueEnd = valueStart < 0 ? -1 : skipValue(bytes, valueStart);
    if (valueEnd >= 0 && endsOutermost(bytes, valueEnd)) return { keyStart, valueStart, valueEnd };
    if (valueStart >= 0 && ++inner === MOST_INNER) return walk();
    keyStart = keyStart === 0 ? -1 : bytes.lastIndexOf(quotedKey, keyStart - 1);
  }
  return null;
}

const MOST_INNER = 64;

/** How far from the end a key is looked for byte by byte: in a stream's events it stands there, and a native search costs more. */
const NEAR_END_BYTES = 96;

function lastKey(bytes: Buffer, quotedKey: Buffer): number {
  const far = Math.max(0, bytes.length - NEAR_END_BYTES);
  for (let at = bytes.length - quotedKey.length; at >= far; at--) {
    if (bytes[at] !== QUOTE || bytes[at + 1] !== quotedKey[1]) continue;
    let same = 2;
    while (same < quotedKey.length && bytes[at + same] === quotedKey[same]) same++;
    if (same === quotedKey.length) return at;
  }
  return far === 0 ? -1 : bytes.lastIndexOf(quotedKey, far);
}

/** Finds those `wanted` members that stand before the first member that is an array. */
export function leadingMembers(bytes: Buffer, start: number, wanted: MemberNames): Map<string, MemberSpan> {
  const found = new Map<string, MemberSpan>();
  let at = skipSpace(bytes, start);
  if (bytes[at] !== OPEN_BRACE) return found;
  for (;;) {
    const keyStart = skipSpace(bytes, at + 1);
    const keyEnd = skipString(bytes, keyStart);
    const valueStart = valueAfterKey(bytes, keyEnd);
    if (valueStart < 0 || bytes[valueStart] === OPEN_BRACKET) return found;
    const valueEnd = skipValue(bytes, valueStart);
    if (valueEnd < 0) return found;
    const name = wanted.at(bytes, keyStart, keyEnd);
    if (name !== null) found.set(name, { keyStart, valueStart, valueEnd });
    at = skipSpace(bytes, valueEnd);
    if (bytes[at] !== COMMA) return found;
  }
}

function isAtKey(bytes: Buffer, keyStart: number): boolean {
  const before = bytes[lastBefore(bytes, keyStart)];
  return before === COMMA || before === OPEN_BRACE;
}

/** Whether only further members follow, then one closing brace, then nothing. */
function endsOutermost(bytes: Buffer, valueEnd: number): boolean {
  let at = skipSpace(bytes, valueEnd);
  while (bytes[at] === COMMA) {
    const keyStart = skipSpace(bytes, at + 1);
    if (bytes[keyStart] !== QUOTE) return false;
    const valueStart = valueAfterKey(bytes, skipString(bytes, keyStart));
    const end = valueStart < 0 ? -1 : skipValue(bytes, valueStart);
    if (end < 0) return false;
    at = skipSpace(bytes, end);
  }
  return bytes[at] === CLOSE_BRACE && skipSpace(bytes, at + 1) >= bytes.length;
}

/** Where a value begins, given the index after its key; -1 where there is none. */
function valueAfterKey(bytes: Buffer, keyEnd: number): number {
  if (keyEnd < 0) return -1;
  const colon = skipSpace(bytes, keyEnd);
  return bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : -1;
}
