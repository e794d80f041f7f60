import { areColumns, misfit } from './column-kinds.ts';
import { AT, assertEnded, type EndedCall, endedCallOf, hasEnd, textAt } from './ended-call.ts';
import type { CallRecord } from './record.ts';
import { type ColumnValue, columnsOfRecord, RECORD_COLUMNS } from './record-columns.ts';

/**
 * A row on its way to the books is one line of text, in a segment of the journal or in a message to its thread: a letter
 * for the step, and the values of its columns as a JSON array. `usage_raw` of an end, which is JSON itself, comes behind
 * that and a separator, so that it is neither escaped nor read; earlier versions had it in the array.
 *
 * Values are known by their position, also to a later version that finds the lines of one that was killed: a new
 * column comes at the end of `RECORD_COLUMNS`.
 */
export type RowStep = 'open' | 'finish';

/** Whose lines these are, and the sequence of the first. */
export interface LineOrigin {
  readonly instanceId: string;
  readonly sequence: number;
}

/** A row as it was read from its line. */
export interface ReadRow extends LineOrigin {
  readonly step: RowStep;
  readonly line: string;
  readonly columns: readonly ColumnValue[];
  /** What the roll-ups take from it, where it has an end. */
  readonly call: EndedCall | null;
  /** Why the ledger cannot keep the row; null where it can. */
  readonly fault: string | null;
}

const LETTERS: Readonly<Record<RowStep, string>> = { open: 'o', finish: 'f' };
/** What a line has before its id, after its letter: `id` is the first of `RECORD_COLUMNS`. */
const ID_BEGINS = '["';

/** Stands nowhere in JSON: it writes it as an escape. */
const RAW_SEPARATOR = '\x1f';

/** The line of a record. @throws TypeError where `usage_raw` is nothing that JSON can hold */
export function lineOf(step: RowStep, record: CallRecord): string {
  return lineOfColumns(step, columnsOfRecord(record));
}

/** The line of a record that the books will take. @throws TypeError or RangeError where they would not */
export function keepableLineOf(step: RowStep, record: CallRecord): string {
  const columns = columnsOfRecord(record);
  assertColumns(columns);
  if (hasEnd(step, columns)) assertEnded(columns);
  return lineOfColumns(step, columns);
}

/** Nulls at the end are left out. */
function lineOfColumns(step: RowStep, columns: ColumnValue[]): string {
  const raw = step === 'finish' ? textAt(columns, AT.usageRaw) : '';
  if (raw !== '') columns[AT.usageRaw] = null;
  let length = columns.length;
  while (length > 0 && columns[length - 1] === null) length--;
  columns.length = length;
  const line = LETTERS[step] + JSON.stringify(columns);
  return raw === '' ? line : line + RAW_SEPARATOR + raw;
}

/** Reads lines, each ended by a line break but the last. A line that says nothing that can be kept is a fault. */
export function rowsOfLines(lines: string, { instanceId, sequence }: LineOrigin): ReadRow[] {
  return lines.split('\n').map((line, at) => rowOfLine(line, { instanceId, sequence: sequence + at }));
}

/**
 * Reads lines that are booked together. Openings of calls whose end is among them are left out unread: the row with the
 * end has all that they have.
 */
export function rowsBookedTogether(lines: readonly string[], instanceId: string): ReadRow[] {
  const origin = { instanceId, sequence: 0 };
  const finishes = lines.map((line) => (stepOf(line) === 'finish' ? rowOfLine(line, origin) : null));
  const ended = new Set<unknown>();
  for (const row of finishes) if (row !== null && row.fault === null) ended.add(row.columns[0]);
  const rows: ReadRow[] = [];
  for (const [at, line] of lines.entries()) {
    const finish = finishes[at] ?? null;
    if (finish !== null) rows.push(finish);
    else if (!ended.has(plainIdOf(line))) rows.push(rowOfLine(line, origin));
  }
  return rows;
}

function stepOf(line: string): RowStep {
  return line.startsWith(LETTERS.open) ? 'open' : 'finish';
}

/** The id of a line that is not read otherwise, its first value; null where it is written with an escape. */
function plainIdOf(line: string): string | null {
  if (!line.startsWith(ID_BEGINS, 1)) return null;
  const begin = 1 + ID_BEGINS.length;
  const id = line.slice(begin, line.indexOf('"', begin));
  return id.includes('\\') ? null : id;
}

/** Reads one line. */
function rowOfLine(line: string, { instanceId, sequence }: LineOrigin): ReadRow {
  const step = stepOf(line);
  try {
    const columns = columnsOfLine(line);
    const call = hasEnd(step, columns) ? endedCallOf(columns) : null;
    return { instanceId, sequence, step, line, columns, call, fault: null };
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return { instanceId, sequence, step, line, columns: [], call: null, fault };
  }
}

function columnsOfLine(line: string): ColumnValue[] {
  const rawAt = line.indexOf(RAW_SEPARATOR);
  const values: unknown = JSON.parse(rawAt === -1 ? line.slice(1) : line.slice(1, rawAt));
  if (!Array.isArray(values)) throw new TypeError('A line of the journal is no array.');
  const columns: unknown[] = values;
  while (columns.length < RECORD_COLUMNS.length) columns.push(null);
  if (rawAt !== -1) columns[AT.usageRaw] = line.slice(rawAt + 1);
  return assertColumns(columns);
}

/** The values of a row of `records`. @throws TypeError where one is nothing that its column can keep */
export function assertColumns(values: readonly unknown[]): ColumnValue[] {
  if (areColumns(values)) return values;
  throw new TypeError(`${misfit(values) ?? 'A value'} is nothing that its column can keep.`);
}
