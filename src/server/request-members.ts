import { MetertapError } from '../core/errors.ts';
import type { Skimmer } from './json-skim/json-skimmer.ts';

/** Where contexts, texts and schemas stand, of which nothing is read here. */
const UNREAD_MEMBERS: ReadonlySet<string> = new Set([
  'messages',
  'input',
  'instructions',
  'tools',
  'functions',
  'response_format',
  'text',
]);
/** To parse a shorter body whole is as quick. */
const MIN_SKIMMED_BYTES = 2048;

/** The members of a body that is one JSON object, with null in the place of long ones that nobody reads; else null. */
export function readMembers(body: Buffer, skimmer: Skimmer): Readonly<Record<string, unknown>> | null {
  const skimmed = body.length < MIN_SKIMMED_BYTES ? undefined : skimmer.parse(body, UNREAD_MEMBERS);
  return isObject(skimmed) ? skimmed : parseMembers(body);
}

/** The members of a body that is one JSON object, else null. */
export function parseMembers(body: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return isObject(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Says what is wrong with a body, in words that help and that quote nothing of it. */
export function malformed(body: Buffer): MetertapError {
  if (body.length === 0) return new MetertapError('malformed_body', 'The request has no body. Send a JSON object.');
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) {
    return new MetertapError('malformed_body', 'The JSON body begins with a byte order mark. Send it without.');
  }
  try {
    JSON.parse(body.toString('utf8'));
    return new MetertapError('malformed_body', 'The JSON body must be an object.');
  } catch (error) {
    const position = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined;
    const where = position === undefined ? 'at its end' : `at character ${position}`;
    return new MetertapError('malformed_body', `The body is not valid JSON: it cannot be read ${where}.`);
  }
}
