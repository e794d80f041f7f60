import type { DatabaseSync } from 'node:sqlite';
import type { RecordFilter, SettledPage, SettledRecords } from '../ledger-reader.ts';
import { RECORD_COLUMNS_SQL, recordOfRow } from '../record-columns.ts';
import { integer, integerOrNull } from '../row-values.ts';
import { recordConditions } from './records.ts';

/** So many settlement numbers are looked through for one answer, so that a rare team's export keeps nobody waiting. */
const NUMBERS_PER_ANSWER = 20_000;

/** The settlement number of a record that has an end and fits the filter; null where there is none of this id. */
export function settlementOf(database: DatabaseSync, filter: RecordFilter, id: string): number | null {
  const { conditions, values } = recordConditions(filter);
  const where = ['id = ?', ...conditions].join(' AND ');
  const row = database.prepare(`SELECT settlement FROM records WHERE ${where}`).get(id, ...values);
  return row ? integerOrNull(row, 'settlement') : null;
}

/** Lists records in the order in which they got their end. */
export function settledRecords(database: DatabaseSync, filter: RecordFilter, page: SettledPage): SettledRecords {
  const first = firstSettlement(database, page.after);
  if (first === null || first > page.through) return { records: [], readThrough: page.through };
  const last = Math.min(page.through, first + NUMBERS_PER_ANSWER - 1);
  const { conditions, values } = recordConditions(filter);
  const where = ['settlement >= ?', 'settlement <= ?', ...conditions].join(' AND ');
  const statement = database.prepare(
    `SELECT ${RECORD_COLUMNS_SQL}, settlement FROM records INDEXED BY records_by_settlement
      WHERE ${where} ORDER BY settlement LIMIT ?`,
  );
  const rows = statement.all(first, last, ...values, page.limit);
  const lastRow = rows.at(-1);
  const isCut = lastRow !== undefined && rows.length === page.limit;
  return { records: rows.map(recordOfRow), readThrough: isCut ? integer(lastRow, 'settlement') : last };
}

/** Steps over the numbers of records that have been deleted. */
function firstSettlement(database: DatabaseSync, after: number): number | null {
  const statement = database.prepare(
    'SELECT min(settlement) AS first FROM records INDEXED BY records_by_settlement WHERE settlement > ?',
  );
  const row = statement.get(after);
  return row ? integerOrNull(row, 'first') : null;
}
