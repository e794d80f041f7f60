import type { IncomingHttpHeaders } from 'node:http';
import { MetertapError } from '../core/errors.ts';
import { isUsableId } from '../core/ids.ts';
import type { BodyCarriers } from './attribution.ts';
import { percentDecoded } from './baggage.ts';
import type { Carrier } from './carrier-table.ts';
import type { HeadSources } from './head-sources.ts';
import { decodeHeader, headerText, singleValue } from './header-text.ts';
import { idMember } from './json-object.ts';

/** An id that the head of a call names, and where its carrier stands among all that may name it. */
export interface HeadId {
  readonly value: string;
  readonly place: number;
}

interface Placed<Source> {
  readonly place: number;
  readonly read: (source: Source) => string | null;
}

/**
 * Finds one of the ids of a call: the first usable one among its carriers. What those in the head say is found by itself,
 * so that it can be remembered, then what those in the body say that come before. It is made once, so that a call need not
 * go through what each carrier is; and most calls have none of the many headers that others use, so that those are asked
 * only where there is one at all.
 */
export class IdFinder {
  readonly #inHead: readonly Placed<HeadSources>[];
  readonly #inOwnHead: readonly Placed<HeadSources>[];
  readonly #inBody: readonly Placed<BodyCarriers>[];

  constructor(carriers: readonly Carrier[]) {
    const inHead: Placed<HeadSources>[] = [];
    const inOwnHead: Placed<HeadSources>[] = [];
    const inBody: Placed<BodyCarriers>[] = [];
    for (const [place, carrier] of carriers.entries()) {
      if (carrier.place === 'body') {
        inBody.push({ place, read: carrier.read });
        continue;
      }
      const read = readerOf(carrier);
      inHead.push({ place, read });
      if (carrier.place === 'own_header' || carrier.place === 'path') inOwnHead.push({ place, read });
    }
    this.#inHead = inHead;
    this.#inOwnHead = inOwnHead;
    this.#inBody = inBody;
  }

  /** @throws MetertapError `invalid_attribution` when one of our own carriers is reached and holds a bad value */
  inHead(sources: HeadSources): HeadId | null {
    for (const { place, read } of sources.hasForeignHeaders ? this.#inHead : this.#inOwnHead) {
      const value = read(sources);
      if (value !== null && namesSomething(value)) return { value, place };
    }
    return null;
  }

  /** @param found what {@link inHead} has found */
  withBody(found: HeadId | null, body: BodyCarriers | null): string | null {
    if (body !== null) {
      for (const { place, read } of this.#inBody) {
        if (found !== null && found.place < place) break;
        const value = read(body);
        if (value !== null && namesSomething(value)) return value;
      }
    }
    return found === null ? null : found.value;
  }
}

function readerOf(carrier: Exclude<Carrier, { readonly place: 'body' }>): Placed<HeadSources>['read'] {
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
