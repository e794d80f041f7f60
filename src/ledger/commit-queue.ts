import { performance } from 'node:perf_hooks';
import type { FromJournal, PostedRows } from './journal-messages.ts';
import type { JournalWriter } from './journal-writer.ts';
import { ledgerErrorData } from './ledger-error.ts';
import { type ReadRow, rowsOfLines } from './row-lines.ts';
import { toLedgerError } from './sqlite-error.ts';

/**
 * Group commit: everything that has come in goes into one transaction. A row that comes after a pause is committed at
 * once; under load transactions begin at least `PACE_MS` apart, because each one has its price, however few rows it
 * has. So a row waits for its commit for about a millisecond, and the journal's share of a core stays bounded.
 *
 * What is committed is entered in the books after so many rows or so long, between two commits.
 *
 * A transaction that fails is tried again, later and later; new rows queue behind its own, and go into the books at once
 * from then on. Each time the batch is cut in half, so that on a disk that is nearly full what still fits is written.
 */
const PACE_MS = 2;
/** One transaction is not to hold the database, or a worker thread, for longer than some tens of milliseconds. */
const MAX_BATCH_ROWS = 2_000;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;
/** So few that a row that comes meanwhile hardly waits longer than for the pace. */
const BOOK_ROWS = 500;
const BOOK_MS = 100;

export class CommitQueue {
  readonly #writer: JournalWriter;
  readonly #post: (message: FromJournal) => void;
  #rows: ReadRow[] = [];
  #scheduled = false;
  #nextAtMs = 0;
  #retryMs = 0;
  #batchRows = MAX_BATCH_ROWS;
  #committedSequence = 0;
  #booking: NodeJS.Timeout | null = null;
  /** Something could not be written: until it can, rows are not acknowledged before they are in the books. */
  #isBehind = false;
  #isStopped = false;

  constructor(writer: JournalWriter, post: (message: FromJournal) => void) {
    this.#writer = writer;
    this.#post = post;
  }

  push({ firstSequence, lines }: PostedRows): void {
    const origin = { instanceId: this.#writer.instanceId, sequence: firstSequence };
    for (const row of rowsOfLines(lines, origin)) this.#rows.push(row);
    this.#schedule();
  }

  /** Commits all that is there now. Gives whether it went. */
  commitAll(): 'committed' | 'stalled' {
    while (this.#rows.length > 0) {
      if (this.#commit() === 'stalled') return 'stalled';
    }
    return 'committed';
  }

  /** Brings the books up to date with what is committed. Where that fails it is tried again by itself. */
  book(): void {
    if (this.#booking !== null) clearTimeout(this.#booking);
    this.#booking = null;
    if (this.#isBehind) return; // the next try does it
    try {
      this.#writer.book();
    } catch (error) {
      this.#stall(error);
      this.#schedule();
    }
  }

  /** The database is about to be closed: what is left is not tried again. */
  stop(): void {
    this.#isStopped = true;
    if (this.#booking !== null) clearTimeout(this.#booking);
  }

  #schedule(): void {
    if (this.#scheduled || this.#isStopped) return;
    if (this.#rows.length === 0 && !this.#isBehind) return;
    this.#scheduled = true;
    const waitMs = this.#nextAtMs - performance.now();
    const run = (): void => {
      this.#scheduled = false;
      if (this.#isStopped) return;
      this.#commit();
      this.#bookSoon();
      this.#schedule();
    };
    // setImmediate comes after all messages that have arrived by now, so that they are in the same transaction.
    if (waitMs <= 0) setImmediate(run);
    else setTimeout(run, Math.ceil(waitMs)).unref(); // a thread that is told to end does not wait for it
  }

  #commit(): 'committed' | 'stalled' {
    const batch = this.#rows.slice(0, this.#batchRows);
    this.#nextAtMs = performance.now() + PACE_MS;
    try {
      const unwritten = this.#isBehind ? this.#writer.writeThrough(batch) : this.#writer.commit(batch);
      this.#isBehind = false;
      this.#rows = this.#rows.slice(batch.length);
      this.#retryMs = 0;
      this.#batchRows = Math.min(this.#batchRows * 2, MAX_BATCH_ROWS);
      this.#committedSequence = batch.at(-1)?.sequence ?? this.#committedSequence;
      this.#post({ kind: 'committed', throughSequence: this.#committedSequence, unwritten });
      return 'committed';
    } catch (error) {
      this.#batchRows = Math.max(1, Math.ceil(batch.length / 2));
      this.#stall(error);
      return 'stalled';
    }
  }

  #stall(error: unknown): void {
    this.#isBehind = true;
    this.#retryMs = Math.min(Math.max(FIRST_RETRY_MS, this.#retryMs * 2), LAST_RETRY_MS);
    this.#nextAtMs = performance.now() + this.#retryMs;
    this.#post({ kind: 'stalled', error: ledgerErrorData(toLedgerError(error)) });
  }

  #bookSoon(): void {
    if (this.#isBehind || this.#writer.unbookedRows === 0) return;
    if (this.#writer.unbookedRows >= BOOK_ROWS) this.book();
    else this.#booking ??= setTimeout(() => this.book(), BOOK_MS).unref();
  }
}
