import { errorFields } from './error-fields.ts';

/**
 * The one list of what never reaches a log: secrets, and the text of prompts and completions. Compared without regard
 * to case, so that `Authorization` and `authorization` are the same.
 *
 * Names are looked for at every depth by one walk. pino's own redaction takes paths: it would need each name once per
 * depth and spelling, and costs more per line.
 */
const REDACTED_NAMES: ReadonlySet<string> = new Set([
  // credentials in headers
  'authorization',
  'proxy-authorization',
  'api-key',
  'x-api-key',
  'cookie',
  'set-cookie',
  // credentials in settings
  'key',
  'api_key',
  'apikey',
  'admin_key',
  'token',
  'secret',
  'password',
  'pepper',
  // what was said to a model and by it
  'body',
  'content',
  'completion',
  'input',
  'instructions',
  'messages',
  'output',
  'prompt',
]);

export const REDACTED = '[redacted]';

/** Deeper than this nothing that is logged reaches; what does is left out, because it cannot be judged. */
const MAX_DEPTH = 8;

/**
 * Gives `fields` with everything on the list replaced. Where nothing is on it, `fields` itself: the line of a call is
 * flat and is not copied. Errors become what `error-fields.ts` lets through.
 */
export function redactFields(fields: Record<string, unknown>): Record<string, unknown> {
  return redactMembers(fields, 0);
}

function redactMembers(fields: Record<string, unknown>, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | null = null;
  for (const name in fields) {
    const value = fields[name];
    const replacement =
      REDACTED_NAMES.has(name) || REDACTED_NAMES.has(name.toLowerCase()) ? REDACTED : redactValue(value, depth);
    if (replacement !== value) {
      copy ??= { ...fields };
      copy[name] = replacement;
    }
  }
  return copy ?? fields;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return errorFields(value);
  if (depth >= MAX_DEPTH) return REDACTED;
  if (Array.isArray(value)) return value.map((item: unknown) => redactValue(item, depth + 1));
  return isPlain(value) ? redactMembers(value, depth + 1) : describe(value);
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Requests, sockets, buffers and the like are named, not opened: they hold headers and bodies. Dates are kept. */
function describe(value: object): unknown {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof URL) return value.origin + value.pathname;
  return `[${value.constructor?.name ?? 'object'}]`;
}
