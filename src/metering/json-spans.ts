import { eachMember, type MemberSpan, type MemberVisitor, skipValue } from '../core/json-members.ts';
import { skipSpace } from '../core/json-strings.ts';
import { isObject } from './json-object.ts';

/**
 * Reading JSON answers by their bytes: the few small members that matter are found by a walk and parsed, the rest
 * (tens of megabytes of base64 or embeddings) is only skipped (performance.md, "Rules of the hot path").
 */
export type Spans = ReadonlyMap<string, MemberSpan>;

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const DELETE = 0x7f;
const MAX_KEY_BYTES = 128;
const MAX_PARSED_BYTES = 65_536;
const MAX_DEPTH = 32;
/** As long as an id or model name may be in the ledger. */
const MAX_TEXT_LENGTH = 256;

/**
 * The names of the members that are looked for in an object. They are compared byte by byte: making a string of every
 * key costs as much as parsing the whole object.
 */
export class MemberNames {
  /** The names by their length in bytes. */
  readonly #byLength: (readonly { readonly name: string; readonly bytes: Buffer }[])[] = [];

  constructor(names: readonly string[]) {
    for (const name of names) {
      const bytes = Buffer.from(name);
      this.#byLength[bytes.length] = [...(this.#byLength[bytes.length] ?? []), { name, bytes }];
    }
  }

  /** Which of the names stands between the quotes at `keyStart` and before `keyEnd`; null if it is none of them. */
  at(bytes: Buffer, keyStart: number, keyEnd: number): string | null {
    const sameLength = this.#byLength[keyEnd - keyStart - 2];
    if (sameLength !== undefined) {
      for (const { name, bytes: wanted } of sameLength) if (holdsAt(bytes, keyStart + 1, wanted)) return name;
    }
    return hasBackslash(bytes, keyStart, keyEnd) ? this.#unescaped(bytes, keyStart, keyEnd) : null;
  }

  #unescaped(bytes: Buffer, keyStart: number, keyEnd: number): string | null {
    try {
      const key: unknown = JSON.parse(bytes.toString('utf8', keyStart, keyEnd));
      if (typeof key !== 'string') return null;
      return this.#byLength[key.length]?.some(({ name }) => name === key) ? key : null;
    } catch {
      return null; // no JSON string, so it is none of the names
    }
  }
}

/**
 * Finds those members of the object at `start` that are `wanted`, its own level only; of a key that occurs twice the
 * last one.
 *
 * @returns null where the bytes are no complete object
 */
export function membersAt(bytes: Buffer, start: number, wanted: MemberNames): Spans | null {
  const finder = new MemberFinder(bytes, wanted);
  return eachMember(bytes, start, finder) < 0 ? null : finder.found;
}

/** Members of an object, and of one that is its member. */
export interface NestedSpans {
  readonly members: Spans;
  /** Null where that member is absent or no complete object. */
  readonly inner: Spans | null;
}

/**
 * The same, and in the same walk the members of the member `innerName`, which is most of what has to be walked.
 *
 * @param innerName one of those that are wanted
 */
export function nestedMembersAt(
  bytes: Buffer,
  start: number,
  { wanted, innerName, innerWanted }: NestedNames,
): NestedSpans | null {
  const finder = new NestedFinder(bytes, wanted, { innerName, innerWanted });
  return eachMember(bytes, start, finder) < 0 ? null : { members: finder.found, inner: finder.inner };
}

export interface NestedNames {
  readonly wanted: MemberNames;
  readonly innerName: string;
  readonly innerWanted: MemberNames;
}

class MemberFinder implements MemberVisitor {
  readonly found = new Map<string, MemberSpan>();
  protected readonly bytes: Buffer;
  protected readonly wanted: MemberNames;

  constructor(bytes: Buffer, wanted: MemberNames) {
    this.bytes = bytes;
    this.wanted = wanted;
  }

  member(span: MemberSpan, keyEnd: number): void {
    const name = this.wanted.at(this.bytes, span.keyStart, keyEnd);
    if (name !== null) this.found.set(name, span);
  }
}

class NestedFinder extends MemberFinder {
  inner: Spans | null = null;
  readonly #innerName: string;
  readonly #innerWanted: MemberNames;

  constructor(bytes: Buffer, wanted: MemberNames, { innerName, innerWanted }: Omit<NestedNames, 'wanted'>) {
    super(bytes, wanted);
    this.#innerName = innerName;
    this.#innerWanted = innerWanted;
  }

  readValue(keyStart: number, keyEnd: number, valueStart: number): number {
    if (this.wanted.at(this.bytes, keyStart, keyEnd) !== this.#innerName) return -1;
    const finder = new MemberFinder(this.bytes, this.#innerWanted);
    const end = eachMember(this.bytes, valueStart, finder);
    this.inner = end < 0 ? null : finder.found;
    return end;
  }
}

/** Tells `visit` where each element of the array at `start` begins; nothing where there is no array. */
export function eachElement(bytes: Buffer, start: number, visit: (elementStart: number) => void): void {
  walkElements(bytes, start, (at) => {
    const end = skipValue(bytes, at);
    if (end >= 0) visit(at);
    return end;
  });
}

/** Tells `visit` the wanted members of each object in the array at `start`, in one walk. */
export function eachObject(
  bytes: Buffer,
  start: number,
  { wanted, visit }: { readonly wanted: MemberNames; readonly visit: (members: Spans) => void },
): void {
  walkElements(bytes, start, (at) => {
    if (!isObjectAt(bytes, at)) return skipValue(bytes, at);
    const finder = new MemberFinder(bytes, wanted);
    const end = eachMember(bytes, at, finder);
    if (end < 0) return skipValue(bytes, at);
    visit(finder.found);
    return end;
  });
}

/** @param read is given where each element begins, and gives the index after it; -1 where there is none */
function walkElements(bytes: Buffer, start: number, read: (elementStart: number) => number): void {
  if (bytes[start] !== OPEN_BRACKET) return;
  let at = skipSpace(bytes, start + 1);
  if (bytes[at] === CLOSE_BRACKET) return;
  for (;;) {
    const end = read(at);
    if (end < 0) return;
    at = skipSpace(bytes, end);
    if (bytes[at] !== COMMA) return;
    at = skipSpace(bytes, at + 1);
  }
}

/** Where the first element of the array at `start` begins; undefined where there is none. */
export function firstElement(bytes: Buffer, start: number | undefined): number | undefined {
  if (start === undefined || bytes[start] !== OPEN_BRACKET) return undefined;
  const first = skipSpace(bytes, start + 1);
  return bytes[first] === CLOSE_BRACKET ? undefined : first;
}

export function isObjectAt(bytes: Buffer, at: number): boolean {
  return bytes[at] === OPEN_BRACE;
}

/** The member's string; null where it is absent, empty, no string, or longer than 256 characters. */
export function textOf(bytes: Buffer, span: MemberSpan | undefined): string | null {
  if (span === undefined || bytes[span.valueStart] !== QUOTE) return null;
  const value = isPlainText(bytes, span) ? plainText(bytes, span) : scalarOf(bytes, span);
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_LENGTH ? value : null;
}

/** Whether a string is printable ASCII without escapes, so that it means what it says. */
function isPlainText(bytes: Buffer, { valueStart, valueEnd }: MemberSpan): boolean {
  if (valueEnd - valueStart > MAX_TEXT_LENGTH + 2) return false;
  for (let i = valueStart; i < valueEnd; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < SPACE || byte >= DELETE || byte === BACKSLASH) return false;
  }
  return true;
}

function plainText(bytes: Buffer, { valueStart, valueEnd }: MemberSpan): string {
  return bytes.toString('latin1', valueStart + 1, valueEnd - 1);
}

/** The member's string, number, boolean or null; undefined where it is absent, longer than 64 KiB, or anything else. */
export function scalarOf(bytes: Buffer, span: MemberSpan | undefined): string | number | boolean | null | undefined {
  if (span === undefined || bytes[span.valueStart] === OPEN_BRACE || bytes[span.valueStart] === OPEN_BRACKET) {
    return undefined;
  }
  const value = parseSpan(bytes, span);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return value === null ? null : undefined;
}

/** The member's object, parsed; null where it is absent, no object, longer than 64 KiB or nested beyond any use. */
export function objectOf(bytes: Buffer, span: MemberSpan | undefined): Record<string, unknown> | null {
  if (span === undefined || !isObjectAt(bytes, span.valueStart)) return null;
  const value = parseSpan(bytes, span);
  return isObject(value) && !nestsDeeper(value, MAX_DEPTH) ? value : null;
}

function parseSpan(bytes: Buffer, span: MemberSpan): unknown {
  if (span.valueEnd - span.valueStart > MAX_PARSED_BYTES) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8', span.valueStart, span.valueEnd));
  } catch {
    return undefined; // an upstream's broken JSON: it says nothing that could be recorded
  }
}

/** Values are kept and written out again, and writing very deep ones overflows the stack. */
function nestsDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth === 0) return true;
  if (!isObject(value)) return Object.values(value).some((member) => nestsDeeper(member, depth - 1));
  for (const key in value) if (nestsDeeper(value[key], depth - 1)) return true;
  return false;
}

function holdsAt(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** Only short keys are asked: an escaped form of a wanted name is at most six times as long. */
function hasBackslash(bytes: Buffer, keyStart: number, keyEnd: number): boolean {
  if (keyEnd - keyStart > MAX_KEY_BYTES) return false;
  for (let i = keyStart; i < keyEnd; i++) if (bytes[i] === BACKSLASH) return true;
  return false;
}
