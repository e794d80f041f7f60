import { MetertapError } from '../core/errors.ts';
import { isUsableId } from '../core/ids.ts';

const MAX_LABELS = 64;

/** The members of a JSON body, by their names. */
export type Members = ReadonlyMap<string, unknown>;

/**
 * Reads a body as an object whose members are all known. No body is an empty object.
 *
 * @throws MetertapError `invalid_parameter`, which names the member
 */
export function readMembers(body: unknown, allowed: readonly string[]): Members {
  const members = membersOf(body ?? {});
  if (members === null) throw new MetertapError('invalid_parameter', 'The body must be a JSON object.');
  for (const name of members.keys()) {
    if (allowed.includes(name)) continue;
    throw invalidMember(name, `Unknown member ${JSON.stringify(name)}. Allowed: ${allowed.join(', ')}.`);
  }
  return members;
}

/** Reads an object of printable texts; null is an empty one. */
export function readLabels(labels: unknown): Record<string, string> {
  const members = membersOf(labels ?? {});
  if (members === null || members.size > MAX_LABELS) {
    throw invalidMember('labels', `labels must be an object of at most ${MAX_LABELS} members.`);
  }
  const entries = [...members].map(([name, value]): [string, string] => {
    if (isUsableId(name) && typeof value === 'string' && isUsableId(value)) return [name, value];
    throw invalidMember('labels', 'Names and values of labels must be strings of 1 to 256 printable characters.');
  });
  return Object.fromEntries(entries);
}

/** A name for people; null for none. */
export function readName(name: unknown): string | null {
  if (name === null) return null;
  if (typeof name === 'string' && isUsableId(name)) return name;
  throw invalidMember('name', 'name must be null or a string of 1 to 256 printable characters.');
}

/** A text out of a few; null for none. */
export function readWord<Word extends string>(name: string, value: unknown, words: readonly Word[]): Word | null {
  if (value === null) return null;
  const word = words.find((candidate) => candidate === value);
  if (word !== undefined) return word;
  throw invalidMember(name, `${name} must be null or one of ${words.join(', ')}.`);
}

/** The members of a JSON object; null for any other value. */
export function membersOf(value: unknown): Map<string, unknown> | null {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? new Map(Object.entries(value)) : null;
}

export function invalidMember(param: string, message: string): MetertapError {
  return new MetertapError('invalid_parameter', message, { param });
}
