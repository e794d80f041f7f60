import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { AT, textAt } from './ended-call.ts';
import { type ColumnValue, RECORD_COLUMNS } from './record-columns.ts';

/** Those that have a column of their own in `open_calls`. */
const OWN_COLUMNS: ReadonlySet<string> = new Set(['id', 'team', 'run_id']);

/** Calls in flight with the columns of `records`, as a table of a SELECT. It is small: no index is needed but the two. */
export const OPEN_CALLS_SQL = `(SELECT instance_id, ${RECORD_COLUMNS.map((name, position) =>
  OWN_COLUMNS.has(name) ? name : `json_extract("values", '$[${position}]') AS "${name}"`,
).join(', ')} FROM open_calls)`;

/** The row of a call that has begun. */
export interface Opening {
  readonly columns: readonly ColumnValue[];
  /** The process that has it. */
  readonly instanceId: string;
  /** The same columns as they came (`row-lines.ts`). */
  readonly line: string;
}

/** Writes `open_calls` (`schema-open-calls.ts`) through prepared statements, within the transaction of a batch. */
export class OpenCallWriter {
  readonly #open: StatementSync;
  readonly #close: StatementSync;

  constructor(database: DatabaseSync) {
    this.#open = database.prepare(
      `INSERT INTO open_calls (id, team, run_id, instance_id, "values") SELECT ?1, ?2, ?3, ?4, ?5
        WHERE NOT EXISTS (SELECT 1 FROM records WHERE id = ?1) ON CONFLICT (id) DO NOTHING`,
    );
    this.#close = database.prepare('DELETE FROM open_calls WHERE id IN (SELECT value FROM json_each(?))');
  }

  /** Opens a call, but for one that is open or has a record already. Gives whether it did. */
  open({ columns, instanceId, line }: Opening): boolean {
    const [id, team] = [textAt(columns, AT.id), textAt(columns, AT.team)];
    return this.#open.run(id, team, textAt(columns, AT.runId) || null, instanceId, line.slice(1)).changes !== 0;
  }

  /** Takes out calls that have a record now. */
  close(ids: readonly string[]): void {
    if (ids.length > 0) this.#close.run(JSON.stringify(ids));
  }
}
