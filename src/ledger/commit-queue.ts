import { performance } from 'node:perf_hooks';
import type { BatchWriter } from './batch-writer.ts';
import type { FromJournal, JournalRow } from './journal-messages.ts';
import { ledgerErrorData } from './ledger-error.ts';
import { toLedgerError } from './sqlite-error.ts';

/**
 * Group commit: everything that has come in goes into one transaction. A row that comes after a pause is committed at
 * once; under load transactions begin at least `PACE_MS` apart, because each one writes the same index and roll-up
 * pages again, however few rows it has. So a row waits for its commit for about a millisecond, and the journal's share
 * of a core stays bounded.
 *
 * A transaction that fails is tried again, later and later; new rows queue behind its own. Each time it is cut in half,
 * so that on a disk that is nearly full what still fits is written.
 */
const PACE_MS = 2;
/** One transaction is not to hold the database, or a worker thread, for longer than some tens of milliseconds. */
const MAX_BATCH_ROWS = 2_000;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;

export class CommitQueue {
  readonly #writer: BatchWriter;
  readonly #post: (message: FromJournal) => void;
  #rows: JournalRow[] = [];
  #scheduled = false;
  #nextAtMs = 0;
  #retryMs = 0;
  #batchRows = MAX_BATCH_ROWS;
  #isStopped = false;

  constructor(writer: BatchWriter, post: (message: FromJournal) => void) {
    this.#writer = writer;
    this.#post = post;
  }

  push(rows: readonly JournalRow[]): void {
    for (const row of rows) this.#rows.push(row);
    this.#schedule();
  }

  /** Commits all that is there now. Gives whether it went. */
  commitAll(): 'committed' | 'stalled' {
    while (this.#rows.length > 0) {
      if (this.#commit() === 'stalled') return 'stalled';
    }
    return 'committed';
  }

  /** The database is about to be closed: what is left is not tried again. */
  stop(): void {
    this.#isStopped = true;
  }

  #schedule(): void {
    if (this.#scheduled || this.#isStopped || this.#rows.length === 0) return;
    this.#scheduled = true;
    const waitMs = this.#nextAtMs - performance.now();
    const run = (): void => {
      this.#scheduled = false;
      if (this.#isStopped) return;
      this.#commit();
      this.#schedule();
    };
    // setImmediate comes after all messages that have arrived by now, so that they are in the same transaction.
    if (waitMs <= 0) setImmediate(run);
    else setTimeout(run, Math.ceil(waitMs)).unref(); // a thread that is told to end does not wait for it
  }

  #commit(): 'committed' | 'stalled' {
    const batch = this.#rows.slice(0, this.#batchRows);
    const last = batch.at(-1);
    if (last === undefined) return 'committed';
    this.#nextAtMs = performance.now() + PACE_MS;
    try {
      const unwritten = this.#writer.write(batch);
      this.#rows = this.#rows.slice(batch.length);
      this.#retryMs = 0;
      this.#batchRows = Math.min(this.#batchRows * 2, MAX_BATCH_ROWS);
      this.#post({ kind: 'committed', throughSequence: last.sequence, unwritten });
      return 'committed';
    } catch (error) {
      this.#retryMs = Math.min(Math.max(FIRST_RETRY_MS, this.#retryMs * 2), LAST_RETRY_MS);
      this.#nextAtMs = performance.now() + this.#retryMs;
      this.#batchRows = Math.max(1, Math.ceil(batch.length / 2));
      this.#post({ kind: 'stalled', error: ledgerErrorData(toLedgerError(error)) });
      return 'stalled';
    }
  }
}
