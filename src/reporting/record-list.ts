import type { LedgerReader, RecordFilter } from '../ledger/ledger-reader.ts';
import { badCursor, type ListPage, type PageRequest, pageOf } from './list-page.ts';
import { type RecordView, viewRecord } from './record-view.ts';

/** Lists ledger rows, newest first. */
export async function listRecords(
  reader: LedgerReader,
  filter: RecordFilter,
  page: PageRequest,
): Promise<ListPage<RecordView>> {
  const beforeId = page.position === null ? null : page.position[0];
  if (beforeId === undefined) throw badCursor();
  const rows = await reader.records(filter, { limit: page.limit + 1, beforeId });
  const { data, next_cursor } = pageOf(rows, page, (row) => [row.id]);
  return { data: data.map(viewRecord), next_cursor };
}
