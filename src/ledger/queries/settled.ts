import type { DatabaseSync } from 'node:sqlite';
import type { RecordFilter, SettledEntries, SettledEntry, SettledPage } from '../ledger-reader.ts';
import { RECORD_COLUMNS_SQL, recordOfRow } from '../record-columns.ts';
import { integer, integerOrNull, type Row, text } from '../row-values.ts';
import { correctionConditions, correctionsOf, SETTLED_CORRECTION_SQL, settledCorrectionsOf } from './corrections.ts';
import { recordConditions } from './records.ts';

/** So many settlement numbers are looked through for one answer, so that a rare team's export keeps nobody waiting. */
const NUMBERS_PER_ANSWER = 20_000;

/**
 * The settlement number of a record that has an end, or of a correction, where it fits the filter; null where there is
 * none of this id.
 */
export function settlementOf(database: DatabaseSync, filter: RecordFilter, id: string): number | null {
  for (const { table, conditions, values } of [records(filter), corrections(filter)]) {
    const where = ['id = ?', ...conditions].join(' AND ');
    const row = database.prepare(`SELECT settlement FROM ${table} WHERE ${where}`).get(id, ...values);
    if (row !== undefined) return integerOrNull(row, 'settlement');
  }
  return null;
}

/** Lists records in the order in which they got their end, with the corrections that were made in between. */
export function settledEntries(database: DatabaseSync, filter: RecordFilter, page: SettledPage): SettledEntries {
  const first = firstSettlement(database, page.after);
  if (first === null || first > page.through) return { entries: [], readThrough: page.through };
  const last = Math.min(page.through, first + NUMBERS_PER_ANSWER - 1);
  const read = (columns: string, { table, index, conditions, values }: Source): Row[] =>
    database
      .prepare(
        `SELECT ${columns}, settlement FROM ${table} INDEXED BY ${index}
          WHERE ${['settlement >= ?', 'settlement <= ?', ...conditions].join(' AND ')} ORDER BY settlement LIMIT ?`,
      )
      .all(first, last, ...values, page.limit);
  const calls = read(RECORD_COLUMNS_SQL, records(filter));
  const corrected = read(SETTLED_CORRECTION_SQL, corrections(filter));
  const entries = inOrder(callEntries(database, calls), correctionEntries(database, corrected)).slice(0, page.limit);
  const lastEntry = entries.at(-1);
  const isCut = lastEntry !== undefined && entries.length === page.limit;
  return { entries: entries.map(({ entry }) => entry), readThrough: isCut ? lastEntry.settlement : last };
}

interface Source {
  readonly table: string;
  readonly index: string;
  readonly conditions: readonly string[];
  readonly values: readonly string[];
}

function records(filter: RecordFilter): Source {
  return { table: 'records', index: 'records_by_settlement', ...recordConditions(filter) };
}

function corrections(filter: RecordFilter): Source {
  return { table: 'corrections', index: 'corrections_by_settlement', ...correctionConditions(filter) };
}

interface Numbered {
  readonly settlement: number;
  readonly entry: SettledEntry;
}

function callEntries(database: DatabaseSync, rows: readonly Row[]): Numbered[] {
  const made = correctionsOf(
    database,
    rows.map((row) => text(row, 'id')),
  );
  const latest = new Map(made.map((correction) => [correction.record_id, correction]));
  return rows.map((row) => {
    const record = recordOfRow(row);
    const entry = { kind: 'call', record, corrected: latest.get(record.id) ?? null } as const;
    return { settlement: integer(row, 'settlement'), entry };
  });
}

function correctionEntries(database: DatabaseSync, rows: readonly Row[]): Numbered[] {
  return settledCorrectionsOf(database, rows).map((correction, index) => {
    const row = rows[index];
    return { settlement: row ? integer(row, 'settlement') : 0, entry: { kind: 'correction', correction } };
  });
}

/** Numbers are of one row, so no two are the same. */
function inOrder(calls: readonly Numbered[], made: readonly Numbered[]): Numbered[] {
  return made.length === 0 ? [...calls] : [...calls, ...made].sort((a, b) => a.settlement - b.settlement);
}

/** Steps over the numbers of records that have been deleted. */
function firstSettlement(database: DatabaseSync, after: number): number | null {
  const row = database
    .prepare(
      `SELECT min(first) AS first FROM (
        SELECT min(settlement) AS first FROM records INDEXED BY records_by_settlement WHERE settlement > ?
        UNION ALL SELECT min(settlement) FROM corrections INDEXED BY corrections_by_settlement WHERE settlement > ?)`,
    )
    .get(after, after);
  return row ? integerOrNull(row, 'first') : null;
}
