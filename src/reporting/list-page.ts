import { createHash } from 'node:crypto';
import { MetertapError } from '../core/errors.ts';

/** A page of a list, as every list of the management API gives it. */
export interface ListPage<Item> {
  readonly data: readonly Item[];
  readonly next_cursor: string | null;
}

/** Where in a list a cursor stands; what the texts mean is the list's own affair. */
export type Position = readonly string[];

/**
 * Cursors of one query. They are opaque to clients and carry a fingerprint of the query, so that a cursor cannot go on
 * in another list, with other filters or for another team, where its position would silently skip rows.
 */
export class Cursors {
  #fingerprint: string;
  readonly #parameter: CursorParameter;

  /** @param query what the list is and all that narrows or orders it, in a JSON form; not the limit or the cursor */
  constructor(query: unknown, parameter: CursorParameter = 'cursor') {
    this.#parameter = parameter;
    this.#fingerprint = createHash('sha256').update(JSON.stringify(query)).digest('base64url').slice(0, 16);
  }

  /** The same cursors again, from their plain form. */
  static of({ fingerprint, parameter }: PlainCursors): Cursors {
    const cursors = new Cursors(null, parameter);
    cursors.#fingerprint = fingerprint;
    return cursors;
  }

  /** As data, which can be posted to another thread. */
  get plain(): PlainCursors {
    return { fingerprint: this.#fingerprint, parameter: this.#parameter };
  }

  write(position: Position): string {
    const text = Buffer.from(JSON.stringify([this.#fingerprint, ...position])).toString('base64url');
    return PREFIXES[this.#parameter] + text;
  }

  /** Gives the position that a cursor of this query holds. Throws `invalid_parameter` for any other text. */
  read(cursor: string): Position {
    const prefix = PREFIXES[this.#parameter];
    const [fingerprint, ...position] = (cursor.startsWith(prefix) ? textsOf(cursor.slice(prefix.length)) : null) ?? [];
    if (fingerprint !== this.#fingerprint) throw badCursor(null, this.#parameter);
    return position;
  }
}

/** How a cursor is called, and begins: `page` in OpenAI's organization API. */
export type CursorParameter = 'cursor' | 'page';
const PREFIXES: Readonly<Record<CursorParameter, string>> = { cursor: '', page: 'page_' };

export interface PlainCursors {
  readonly fingerprint: string;
  readonly parameter: CursorParameter;
}

/** What a list is asked for: at most `limit` rows after `position`. */
export interface PageRequest {
  readonly limit: number;
  readonly position: Position | null;
  readonly cursors: Cursors;
}

/** The error for a cursor that cannot be used. */
export function badCursor(message: string | null = null, parameter: CursorParameter = 'cursor'): MetertapError {
  const usual = `${parameter} must be the next_${parameter} of this same query's last page, with the same filters and order.`;
  return new MetertapError('invalid_parameter', message ?? usual, { param: parameter });
}

/**
 * Cuts a page from rows that were read one beyond the limit; the row too many says that there is a next page.
 *
 * @param positionOf the position after a row
 */
export function pageOf<Row>(
  rows: readonly Row[],
  page: PageRequest,
  positionOf: (row: Row) => Position,
): ListPage<Row> {
  const data = rows.slice(0, page.limit);
  const last = data.at(-1);
  const goesOn = last !== undefined && rows.length > page.limit;
  return { data, next_cursor: goesOn ? page.cursors.write(positionOf(last)) : null };
}

function textsOf(cursor: string): string[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return null; // not one of ours, which is what null says
  }
  return Array.isArray(parsed) && parsed.every((item) => typeof item === 'string') ? parsed : null;
}
