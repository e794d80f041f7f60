import type { CorrectionBook } from '../ledger/correction.ts';
import type { LedgerReader, RecordFilter } from '../ledger/ledger-reader.ts';
import { badCursor, type ListPage, type PageRequest, pageOf } from './list-page.ts';
import { type RecordView, viewRecord } from './record-view.ts';

/** Lists ledger rows, newest first. */
export async function listRecords(
  { reader, corrections }: { readonly reader: LedgerReader; readonly corrections: CorrectionBook },
  filter: RecordFilter,
  page: PageRequest,
): Promise<ListPage<RecordView>> {
  const beforeId = page.position === null ? null : page.position[0];
  if (beforeId === undefined) throw badCursor();
  const rows = await reader.records(filter, { limit: page.limit + 1, beforeId });
  const { data, next_cursor } = pageOf(rows, page, (row) => [row.id]);
  const made = await corrections.correctionsOf(data.map((row) => row.id));
  const latest = new Map(made.map((correction) => [correction.record_id, correction]));
  return { data: data.map((row) => viewRecord(row, latest.get(row.id))), next_cursor };
}
