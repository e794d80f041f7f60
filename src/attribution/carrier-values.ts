import type { IncomingHttpHeaders } from 'node:http';
import { MetertapError } from '../core/errors.ts';
import { isUsableId } from '../core/ids.ts';
import { percentDecoded } from './baggage.ts';
import type { CallSources } from './call-sources.ts';
import type { Carrier } from './carrier-table.ts';
import { decodeHeader, headerText, singleValue } from './header-text.ts';
import { idMember } from './json-object.ts';

/** Reads an id of a call; null where it has none. */
export type IdReader = (call: CallSources) => string | null;

/**
 * Makes a reader that gives the first usable id among `carriers`. It is made once, so that a call need not go through
 * what each of them is; and most calls have none of the many headers that others use, so that those are asked only where
 * there is one at all.
 *
 * The reader throws MetertapError `invalid_attribution` when one of our own carriers is reached and holds a bad value.
 */
export function firstUsable(carriers: readonly Carrier[]): IdReader {
  const all = carriers.map(readerOf);
  const withoutHeaders = carriers.filter((carrier) => !isForeignHeader(carrier)).map(readerOf);
  return (call) => {
    for (const read of call.hasForeignHeaders ? all : withoutHeaders) {
      const value = read(call);
      if (value !== null && namesSomething(value)) return value;
    }
    return null;
  };
}

/** Whether a carrier stands in a header that is not ours, so that `hasForeignHeaders` tells whether it can be there. */
function isForeignHeader({ place }: Carrier): boolean {
  return place === 'header' || place === 'header_pattern' || place === 'json_header' || place === 'baggage';
}

function readerOf(carrier: Carrier): IdReader {
  switch (carrier.place) {
    case 'own_header': {
      const { name, repeats } = carrier;
      return ({ headers }) => ownHeader(headers, name, repeats);
    }
    case 'path':
      return ({ pathRunId }) => checkedPathRunId(pathRunId);
    case 'header': {
      const { name } = carrier;
      return ({ headers }) => foreignHeader(headers, name);
    }
    case 'header_pattern': {
      const { name } = carrier;
      return ({ headers }) => headerLike(headers, name);
    }
    case 'json_header': {
      const { name, member } = carrier;
      return (call) => idMember(call.jsonHeader(name), member);
    }
    case 'baggage': {
      const { name, plus } = carrier;
      return (call) => {
        const encoded = call.baggage(name);
        if (encoded === null) return null;
        return percentDecoded(plus === 'space' ? encoded.replaceAll('+', ' ') : encoded);
      };
    }
    case 'body': {
      const { read } = carrier;
      return ({ body }) => (body === null ? null : read(body));
    }
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
