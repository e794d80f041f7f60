import type { TSchema } from 'typebox';
import { isMapping } from './mapping.ts';
import { annotation, childSchema, holdsSecret } from './schema-node.ts';

export const REDACTED = '[redacted]';

/** Gives a copy of `value` in which everything that `schema` calls a secret is replaced. */
export function redact(schema: TSchema | null, value: unknown): unknown {
  if (schema === null) return REDACTED;
  const secret = annotation(schema, 'secret');
  if (secret === 'url') return redactUrl(value);
  if (secret === 'whole') return value === undefined ? value : REDACTED;
  if (Array.isArray(value)) return value.map((item: unknown, index) => redact(childSchema(schema, index), item));
  if (!isMapping(value)) return holdsSecret(schema) ? REDACTED : value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, redact(childSchema(schema, name), item)]),
  );
}

const SECRET_PARAMETER = /pass|secret|token|key/i;
const MAY_HOLD_SECRET = /@|sk-|pass|secret|token|key/i;

/** Takes passwords out of a URL. What cannot be read as one is replaced whole where it may hold a secret. */
function redactUrl(value: unknown): unknown {
  if (value === undefined) return value;
  if (typeof value !== 'string') return REDACTED;
  const url = URL.parse(value);
  if (url === null || url.host === '') return MAY_HOLD_SECRET.test(value) ? REDACTED : value;
  const names = [...url.searchParams.keys()].filter((name) => SECRET_PARAMETER.test(name));
  if (url.username === '' && url.password === '' && names.length === 0) return value;
  if (url.password !== '') url.password = 'redacted';
  else if (url.username !== '') url.username = 'redacted';
  for (const name of names) url.searchParams.set(name, 'redacted');
  return url.href.replace(':redacted@', `:${REDACTED}@`).replace('//redacted@', `//${REDACTED}@`);
}
