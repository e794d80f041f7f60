import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { integerOrNull } from './row-values.ts';

/** The tables in which bookings leave rows to be moved (`schema-spread.ts`, `schema-named-recent.ts`). */
export type RecentTable = 'usage_recent' | 'user_recent' | 'agent_recent' | 'activity_recent' | 'runs_recent';

/** What waits in one of them. */
export class RecentRows {
  readonly #count: StatementSync;
  readonly #clear: StatementSync;

  constructor(database: DatabaseSync, table: RecentTable) {
    this.#count = database.prepare(`SELECT max(rowid) AS rows FROM ${table}`);
    this.#clear = database.prepare(`DELETE FROM ${table}`);
  }

  /** How many rows, of all processes: they are numbered from one on since the table was empty. */
  get count(): number {
    const row = this.#count.get();
    return row === undefined ? 0 : (integerOrNull(row, 'rows') ?? 0);
  }

  clear(): void {
    this.#clear.run();
  }
}
