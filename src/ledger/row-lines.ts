import { areColumns, misfit } from './column-kinds.ts';
import { assertEnded, type EndedCall, endedCallOf, hasEnd } from './ended-call.ts';
import type { CallRecord } from './record.ts';
import { type ColumnValue, columnsOfRecord, RECORD_COLUMNS } from './record-columns.ts';

/**
 * A row on its way to the books is one line of text, in a segment of the journal or in a message to its thread: a letter
 * for the step, and the values of its columns as a JSON array.
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
  let length = columns.length;
  while (length > 0 && columns[length - 1] === null) length--;
  columns.length = length;
  return LETTERS[step] + JSON.stringify(columns);
}

/** Reads lines, each ended by a line break but the last. A line that says nothing that can be kept is a fault. */
export function rowsOfLines(lines: string, { instanceId, sequence }: LineOrigin): ReadRow[] {
  return lines.split('\n').map((line, at) => rowOfLine(line, { instanceId, sequence: sequence + at }));
}

/** Reads one line. */
export function rowOfLine(line: string, { instanceId, sequence }: LineOrigin): ReadRow {
  const step = line.startsWith(LETTERS.open) ? 'open' : 'finish';
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
  const values: unknown = JSON.parse(line.slice(1));
  if (!Array.isArray(values)) throw new TypeError('A line of the journal is no array.');
  const columns: unknown[] = values;
  while (columns.length < RECORD_COLUMNS.length) columns.push(null);
  return assertColumns(columns);
}

function assertColumns(values: readonly unknown[]): ColumnValue[] {
  if (areColumns(values)) return values;
  throw new TypeError(`${misfit(values) ?? 'A value'} is nothing that its column can keep.`);
}
