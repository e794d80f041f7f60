import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { integer } from './row-values.ts';

/**
 * The order in which calls got their end. Each ended record has a number, `settlement`, that is handed out within the
 * transaction that writes the end. SQLite has one writer at a time, also over several processes, so whoever has read
 * all records up to a number never misses one: later ends have higher numbers. No time has this quality: calls end in
 * another order than they begin, and clocks step. Exports go by it. Corrections have numbers of the same row.
 *
 * The numbers have gaps, and never repeat, also where the records themselves have been deleted since. The index holds
 * the id too, so that ranges of time are told without reading the rows.
 */
export const SETTLEMENT_SCHEMA = `
ALTER TABLE records ADD COLUMN settlement INTEGER;
UPDATE records SET settlement = numbered.number
  FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM records
    WHERE ending NOT IN ('in_flight', 'queued')) AS numbered
  WHERE numbered.id = records.id;
CREATE INDEX records_by_settlement ON records (settlement, id) WHERE settlement IS NOT NULL;
CREATE TABLE settlement_counter (last INTEGER NOT NULL) STRICT;
INSERT INTO settlement_counter (last) SELECT coalesce(max(settlement), 0) FROM records;
`;

/** The highest number that was handed out; 0 where no call has ended yet. */
export function lastSettlement(database: DatabaseSync): number {
  const row = database.prepare('SELECT last FROM settlement_counter').get();
  return row ? integer(row, 'last') : 0;
}

/** Hands out settlement numbers. Use it within one write transaction from `begin` to `end`. */
export class SettlementCounter {
  readonly #read: StatementSync;
  readonly #write: StatementSync;
  #last = 0;
  #isRead = false;

  constructor(database: DatabaseSync) {
    this.#read = database.prepare('SELECT last FROM settlement_counter');
    this.#write = database.prepare('UPDATE settlement_counter SET last = ?');
  }

  begin(): void {
    this.#isRead = false;
  }

  next(): number {
    if (!this.#isRead) {
      const row = this.#read.get();
      this.#last = row ? integer(row, 'last') : 0;
      this.#isRead = true;
    }
    this.#last += 1;
    return this.#last;
  }

  end(): void {
    if (this.#isRead) this.#write.run(this.#last);
  }
}
