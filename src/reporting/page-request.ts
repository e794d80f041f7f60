import { Cursors, type PageRequest } from './list-page.ts';
import type { QueryParameters } from './query-parameters.ts';

const LIST_LIMIT = { fallback: 20, max: 100 };

/**
 * Reads `limit` and `cursor` of a list.
 *
 * @param query what the list is and all that narrows or orders it, for the cursors' fingerprint
 */
export function pageRequest(
  parameters: QueryParameters,
  query: unknown,
  limits: { readonly fallback: number; readonly max: number } = LIST_LIMIT,
): PageRequest {
  const cursors = new Cursors(query);
  const cursor = parameters.text('cursor');
  return {
    limit: parameters.limit(limits),
    position: cursor === null ? null : cursors.read(cursor),
    cursors,
  };
}
