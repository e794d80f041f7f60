import type { IncomingHttpHeaders } from 'node:http';
import { MetertapError } from '../core/errors.ts';
import { isUsableId } from '../core/ids.ts';
import { percentDecoded } from './baggage.ts';
import type { CallSources } from './call-sources.ts';
import type { Carrier } from './carrier-table.ts';
import { decodeHeader, headerText, singleValue } from './header-text.ts';
import { idMember } from './json-object.ts';

/**
 * Gives the first usable id among `carriers`; null where none holds one.
 *
 * @throws MetertapError `invalid_attribution` when one of our own carriers is reached and holds a bad value
 */
export function firstUsable(carriers: readonly Carrier[], call: CallSources): string | null {
  for (const carrier of carriers) {
    const value = valueAt(carrier, call);
    if (value !== null && namesSomething(value)) return value;
  }
  return null;
}

function valueAt(carrier: Carrier, call: CallSources): string | null {
  switch (carrier.place) {
    case 'own_header':
      return ownHeader(call.headers, carrier.name, carrier.repeats);
    case 'path':
      return checkedPathRunId(call.pathRunId);
    case 'header':
      return foreignHeader(call.headers, carrier.name);
    case 'header_pattern':
      return headerLike(call.headers, carrier.name);
    case 'json_header':
      return idMember(call.jsonHeader(carrier.name), carrier.member);
    case 'baggage': {
      const encoded = call.baggage(carrier.name);
      if (encoded === null) return null;
      return percentDecoded(carrier.plus === 'space' ? encoded.replaceAll('+', ' ') : encoded);
    }
    case 'body':
      return call.body === null ? null : carrier.read(call.body);
  }
}

/** The Agents SDK gives the trace id `no-op` when tracing is off (wire.md 4.3): it names nothing. */
function namesSomething(value: string): boolean {
  return isUsableId(value) && value.toLowerCase() !== 'no-op';
}

function foreignHeader(headers: IncomingHttpHeaders, name: string): string | null {
  const text = headerText(headers, name);
  return text === null ? null : (singleValue(text) ?? text);
}

function headerLike(headers: IncomingHttpHeaders, pattern: RegExp): string | null {
  for (const name in headers) {
    if (!name.endsWith('-session-id') || !pattern.test(name)) continue;
    const value = foreignHeader(headers, name);
    if (value !== null && namesSomething(value)) return value;
  }
  return null;
}

/**
 * Gives the id in a header of our own; null where the header is absent.
 *
 * @throws MetertapError `invalid_attribution`
 */
export function ownHeader(headers: IncomingHttpHeaders, name: string, repeats: 'refused' | 'unseen'): string | null {
  const raw = headers[name];
  if (raw === undefined) return null;
  const text = decodeHeader(raw);
  const value = text === null ? null : singleValue(text);
  if (value === null && text !== null && repeats === 'refused') {
    throw invalidAttribution(
      name,
      `The header ${name} must be sent once, and must not hold a comma followed by a space.`,
    );
  }
  const id = value ?? text;
  if (id === null || !namesSomething(id))
    throw invalidAttribution(name, `The header ${name} ${ID_RULE}, or be left out.`);
  return id;
}

/**
 * Gives the run id of the path as it is.
 *
 * @throws MetertapError `invalid_attribution`
 */
export function checkedPathRunId(pathRunId: string | null): string | null {
  if (pathRunId === null || namesSomething(pathRunId)) return pathRunId;
  throw invalidAttribution('run_id', `The run id in the path /run/{run_id}/v1 ${ID_RULE}.`);
}

const ID_RULE = 'must be 1 to 256 printable characters in UTF-8, not only blanks and not "no-op"';

/** The refusal of a bad value of our own carriers. It never quotes the value. */
export function invalidAttribution(param: string, message: string): MetertapError {
  return new MetertapError('invalid_attribution', message, { param });
}
