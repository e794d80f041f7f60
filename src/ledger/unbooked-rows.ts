import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { integer, text, textOrNull } from './row-values.ts';

/** What one commit has left. */
export interface UnbookedCommit {
  readonly position: number;
  readonly instanceId: string;
  /** Null where this thread wrote them: it knows them by their position. */
  readonly lines: string | null;
}

/** The table `unbooked` (`schema-unbooked.ts`), as one thread uses it. */
export class UnbookedRows {
  readonly #instanceId: string;
  readonly #thread: string;
  readonly #any: StatementSync;
  readonly #append: StatementSync;
  readonly #all: StatementSync;
  readonly #clear: StatementSync;
  readonly #refuse: StatementSync;

  /** @param thread a name that no other thread bears, of this process or another, nor one of its earlier lives */
  constructor(database: DatabaseSync, writtenBy: { readonly instanceId: string; readonly thread: string }) {
    this.#instanceId = writtenBy.instanceId;
    this.#thread = writtenBy.thread;
    this.#any = database.prepare('SELECT 1 FROM unbooked LIMIT 1');
    this.#append = database.prepare('INSERT INTO unbooked (instance_id, thread, lines) VALUES (?, ?, ?)');
    this.#all = database.prepare(
      'SELECT position, instance_id, iif(thread = ?, NULL, lines) AS lines FROM unbooked ORDER BY position',
    );
    this.#clear = database.prepare('DELETE FROM unbooked');
    this.#refuse = database.prepare('INSERT INTO refused_rows (line, instance_id, reason) VALUES (?, ?, ?)');
  }

  /** Whether there is anything, of whomever. */
  hasAny(): boolean {
    return this.#any.get() !== undefined;
  }

  /** Adds the lines of one commit. Gives its position, which is free again once everything was taken out. */
  append(lines: string): number {
    return Number(this.#append.run(this.#instanceId, this.#thread, lines).lastInsertRowid);
  }

  /** Takes out everything, in the order of the commits. */
  takeAll(): UnbookedCommit[] {
    const rows = this.#all.all(this.#thread);
    this.#clear.run();
    return rows.map((row) => ({
      position: integer(row, 'position'),
      instanceId: text(row, 'instance_id'),
      lines: textOrNull(row, 'lines'),
    }));
  }

  /** Keeps a line that the books would not take. */
  refuse(line: string, instanceId: string, reason: string): void {
    this.#refuse.run(line, instanceId, reason);
  }
}
