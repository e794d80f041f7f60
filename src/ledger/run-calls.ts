import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { integer } from './row-values.ts';

/** In the order of the table, so that neighbours are written one after the other. One that is known had another end before. */
const MOVE = `
INSERT OR IGNORE INTO run_calls (team, run_id, id)
SELECT team, run_id, id FROM records INDEXED BY records_by_settlement
WHERE settlement > (SELECT settlement FROM run_calls_through) AND run_id IS NOT NULL ORDER BY team, run_id, id`;

/**
 * Brings `run_calls` up to date, by which the calls of a run are found. Nobody has to wait for that: records that are not
 * in it yet are found by their settlement numbers, which are handed out in the transaction that writes them.
 */
export class RunCalls {
  readonly #behind: StatementSync;
  readonly #move: StatementSync;
  readonly #moved: StatementSync;

  constructor(database: DatabaseSync) {
    this.#behind = database.prepare(
      'SELECT last - (SELECT settlement FROM run_calls_through) AS rows FROM settlement_counter',
    );
    this.#move = database.prepare(MOVE);
    this.#moved = database.prepare('UPDATE run_calls_through SET settlement = (SELECT last FROM settlement_counter)');
  }

  /** How many records at most are not in it, of all processes. */
  get rows(): number {
    const row = this.#behind.get();
    return row === undefined ? 0 : integer(row, 'rows');
  }

  /** Must be called inside a transaction. */
  move(): 'all' {
    this.#move.run();
    this.#moved.run();
    return 'all';
  }
}
