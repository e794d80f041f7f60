import type { LedgerReader, RunCursor, RunFilter, RunRow } from '../ledger/ledger-reader.ts';
import { badCursor, type ListPage, type PageRequest, pageOf } from './list-page.ts';
import { type RunReport, reportRunRow } from './run-report.ts';

/** Lists runs with their totals: each as `reportRun` gives it, without entries. */
export async function listRuns(
  reader: LedgerReader,
  filter: RunFilter,
  page: PageRequest,
): Promise<ListPage<RunReport>> {
  const after = runCursor(page);
  const rows = await reader.runs(filter, { limit: page.limit + 1, after });
  const { data, next_cursor } = pageOf(rows, page, (row) => [cursorValue(row, filter), row.team, row.run_id]);
  const reports = data.map((row) => reportRunRow(reader, row, { includeChildren: false, withEntries: false }));
  return { data: await Promise.all(reports), next_cursor };
}

function runCursor(page: PageRequest): RunCursor | null {
  if (page.position === null) return null;
  const [value, team, runId] = page.position;
  if (value === undefined || team === undefined || runId === undefined) throw badCursor();
  return { value, team, runId };
}

function cursorValue(row: RunRow, filter: RunFilter): string {
  return filter.order === '-cost' ? row.cost_nano_usd.toString() : row.last_activity_at;
}
