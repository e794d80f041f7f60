import { type CursorParameter, Cursors, type PageRequest } from './list-page.ts';
import type { QueryParameters } from './query-parameters.ts';

const LIST_LIMIT = { fallback: 20, max: 100 };

export interface PageLimits {
  readonly fallback: number;
  readonly max: number;
  /** What the cursor is called; `cursor` unless told otherwise. */
  readonly parameter?: CursorParameter;
}

/**
 * Reads `limit` and `cursor` of a list.
 *
 * @param query what the list is and all that narrows or orders it, for the cursors' fingerprint
 */
export function pageRequest(parameters: QueryParameters, query: unknown, limits: PageLimits = LIST_LIMIT): PageRequest {
  const parameter = limits.parameter ?? 'cursor';
  const cursors = new Cursors(query, parameter);
  const cursor = parameters.text(parameter);
  return {
    limit: parameters.limit(limits),
    position: cursor === null ? null : cursors.read(cursor),
    cursors,
  };
}
