import { MetertapError } from '../core/errors.ts';
import type { ListPage } from './list-page.ts';

/** A list as OpenAI's admin endpoints give it. */
export interface OrganizationList<Item> {
  readonly object: 'list';
  readonly data: readonly Item[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

export interface OrganizationListRequest {
  readonly limit: number;
  /** The id that the page before ended with; null for the first page. */
  readonly after: string | null;
}

/**
 * Cuts a page from a whole list.
 *
 * @throws MetertapError `invalid_parameter` where `after` is no id of the list
 */
export function organizationList<Item extends { readonly id: string }>(
  items: readonly Item[],
  { limit, after }: OrganizationListRequest,
): OrganizationList<Item> {
  const start = after === null ? 0 : items.findIndex((item) => item.id === after) + 1;
  if (after !== null && start === 0) {
    throw new MetertapError('invalid_parameter', 'after must be the last_id of the page before, of this same list.', {
      param: 'after',
    });
  }
  return listOf(items.slice(start, start + limit), start + limit < items.length);
}

/** Writes a page of one of our own lists in OpenAI's shape. */
export function organizationPageOf<View, Item extends { readonly id: string }>(
  page: ListPage<View>,
  itemOf: (view: View) => Item,
): OrganizationList<Item> {
  return listOf(page.data.map(itemOf), page.next_cursor !== null);
}

function listOf<Item extends { readonly id: string }>(data: readonly Item[], goesOn: boolean): OrganizationList<Item> {
  return { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: goesOn };
}
