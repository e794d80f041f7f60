import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { text } from './row-values.ts';

/** What one commit of an earlier version has left. */
export interface UnbookedCommit {
  readonly instanceId: string;
  /** One row each. */
  readonly lines: string;
}

/** The table `unbooked` (`schema-unbooked.ts`), which earlier versions wrote to. */
export class UnbookedRows {
  readonly #any: StatementSync;
  readonly #all: StatementSync;
  readonly #clear: StatementSync;

  constructor(database: DatabaseSync) {
    this.#any = database.prepare('SELECT 1 FROM unbooked LIMIT 1');
    this.#all = database.prepare('SELECT instance_id, lines FROM unbooked ORDER BY position');
    this.#clear = database.prepare('DELETE FROM unbooked');
  }

  hasAny(): boolean {
    return this.#any.get() !== undefined;
  }

  /** Takes out everything, in the order of the commits. */
  takeAll(): UnbookedCommit[] {
    const rows = this.#all.all();
    if (rows.length > 0) this.#clear.run();
    return rows.map((row) => ({ instanceId: text(row, 'instance_id'), lines: text(row, 'lines') }));
  }
}
