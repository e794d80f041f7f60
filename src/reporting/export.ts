import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LedgerReader, RecordFilter, SettledEntry } from '../ledger/ledger-reader.ts';
import type { ExportFormat } from './export-format.ts';
import { badCursor, Cursors } from './list-page.ts';

export interface ExportRequest {
  /** Which records; times mean when a call began, as in all reports. */
  readonly filter: RecordFilter;
  readonly format: ExportFormat;
  /** Go on after this: the id of a record or correction of this export, or the cursor of an earlier one; null from the beginning. */
  readonly cursor: string | null;
  /** At most so many records and corrections; null for all. */
  readonly limit: number | null;
  readonly withHeader: boolean;
}

export interface Export {
  /** Goes on where this export ends, once it has been read whole; null where a limit may end it before. */
  readonly nextCursor: string | null;
  /** The text of the file, in parts that are read from the ledger as they are asked for. Throws where it cannot. */
  readonly parts: AsyncGenerator<string>;
}

/** Records that are read at once: what an export holds in memory. */
const RECORDS_PER_PAGE = 500;
/** Records that are written in one turn of the event loop, which belongs to the calls. */
const RECORDS_PER_TURN = 50;
const RECORD_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;

type ExportReader = Pick<LedgerReader, 'lastSettlement' | 'settlementOf' | 'settledEntries'>;

/**
 * Opens an export: the records of a filter that have an end, in the order in which they got it, and the corrections of
 * such records where they were made, up to the newest one of now. In that order nothing can come in before what was
 * exported, so an export that goes on after another misses no call, however late it ended, and brings none twice.
 *
 * The first page is read before this resolves, so that a ledger that cannot be read is an error and no broken file.
 *
 * @throws MetertapError `invalid_parameter` for a cursor that is none of this export, `ledger_unavailable`
 */
export async function openExport(reader: ExportReader, request: ExportRequest): Promise<Export> {
  const cursors = new Cursors(['export', request.filter]);
  const after = request.cursor === null ? 0 : await positionOf(reader, request.cursor, request.filter);
  const through = Math.max(after, await reader.lastSettlement());
  const pages = readPages(reader, request, { after, through });
  const first = await pages.next();
  return {
    nextCursor: request.limit === null ? cursors.write([String(through)]) : null,
    parts: writeParts(request, first.done ? [] : first.value, pages),
  };

  async function positionOf(of: ExportReader, cursor: string, filter: RecordFilter): Promise<number> {
    const settlement = RECORD_ID.test(cursor) ? await of.settlementOf(filter, cursor) : numberOf(cursors.read(cursor));
    if (settlement === null) throw badCursor(CURSOR_MESSAGE);
    return settlement;
  }
}

const CURSOR_MESSAGE =
  'cursor must be the id of a record or correction of this same export, or the x-metertap-next-cursor of an earlier one with the same filters. A record that retention has removed cannot be gone on from; use start_time.';

function numberOf([text = '']: readonly string[]): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

async function* readPages(
  reader: ExportReader,
  { filter, limit }: ExportRequest,
  range: { readonly after: number; readonly through: number },
): AsyncGenerator<readonly SettledEntry[]> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  let { after } = range;
  while (after < range.through && left > 0) {
    const page = { after, through: range.through, limit: Math.min(left, RECORDS_PER_PAGE) };
    const { entries, readThrough } = await reader.settledEntries(filter, page);
    after = readThrough;
    left -= entries.length;
    if (entries.length > 0) yield entries;
  }
}

async function* writeParts(
  { format, withHeader }: ExportRequest,
  first: readonly SettledEntry[],
  rest: AsyncGenerator<readonly SettledEntry[]>,
): AsyncGenerator<string> {
  if (withHeader && format.header !== '') yield format.header;
  yield* writePage(format, first);
  for await (const entries of rest) yield* writePage(format, entries);
}

async function* writePage(format: ExportFormat, entries: readonly SettledEntry[]): AsyncGenerator<string> {
  for (let start = 0; start < entries.length; start += RECORDS_PER_TURN) {
    const some = entries.slice(start, start + RECORDS_PER_TURN);
    yield some.map((entry) => format.linesOf(entry)).join('');
    await nextTurn();
  }
}
