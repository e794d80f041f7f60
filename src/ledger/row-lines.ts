import { areColumns, misfit } from './column-kinds.ts';
import { type EndedCall, endedCallOf, hasEnd } from './ended-call.ts';
import type { CallRecord } from './record.ts';
import { type ColumnValue, columnsOfRecord, RECORD_COLUMNS } from './record-columns.ts';

/**
 * A row on its way to the journal is one line of text: a letter for the step, and the values of its columns as a JSON
 * array. A text is handed to another thread in a third of the time of an array, and is written to the journal as it is.
 *
 * Values are known by their position, also to a later version that finds the lines of one that was killed: a new
 * column comes at the end of `RECORD_COLUMNS`. Nulls at the end are left out.
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
  const columns = columnsOfRecord(record);
  while (columns.at(-1) === null) columns.pop();
  return LETTERS[step] + JSON.stringify(columns);
}

/** Reads lines, each ended by a line break but the last. A line that says nothing that can be kept is a fault. */
export function rowsOfLines(lines: string, { instanceId, sequence }: LineOrigin): ReadRow[] {
  return lines.split('\n').map((line, at) => rowOfLine(line, instanceId, sequence + at));
}

function rowOfLine(line: string, instanceId: string, sequence: number): ReadRow {
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
  if (!areColumns(columns)) throw new TypeError(`${misfit(columns) ?? 'A value'} is nothing that its column can keep.`);
  return columns;
}
