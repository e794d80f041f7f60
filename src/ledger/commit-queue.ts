import { performance } from 'node:perf_hooks';
import type { FromJournal, PostedRows } from './journal-messages.ts';
import type { JournalWriter } from './journal-writer.ts';
import { ledgerErrorData } from './ledger-error.ts';
import { type ReadRow, rowsOfLines } from './row-lines.ts';
import { toLedgerError } from './sqlite-error.ts';

/**
 * When the thread of the journal writes: rows that were appended to a segment are booked together after so many or so
 * long, since nobody waits for it. Rows that were posted are written as soon as they come, all that have come in one
 * transaction, and acknowledged.
 *
 * What fails is tried again, later and later. Each time the batch is cut in half, so that on a disk that is nearly full
 * what still fits is written.
 */
const MAX_BATCH_ROWS = 2_000;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 2_000;
const BOOK_MS = 100;
/** After so long other programs that read the file have the roll-ups and runs, where they are not many. */
const ROLL_UP_MS = 5_000;
/** So many are booked at once, which holds the database for some ten milliseconds. */
export const BOOK_ROWS = 1_000;

export class CommitQueue {
  readonly #writer: JournalWriter;
  readonly #instanceId: string;
  readonly #post: (message: FromJournal) => void;
  #rows: ReadRow[] = [];
  #scheduled = false;
  #nextAtMs = 0;
  #retryMs = 0;
  #batchRows = MAX_BATCH_ROWS;
  #committedSequence = 0;
  #appendedRows = 0;
  #bookedRows = 0;
  #booking: NodeJS.Timeout | null = null;
  #rollingUp: NodeJS.Timeout | null = null;
  /** Something could not be written. */
  #isBehind = false;
  #isStopped = false;

  constructor(writer: JournalWriter, instanceId: string, post: (message: FromJournal) => void) {
    this.#writer = writer;
    this.#instanceId = instanceId;
    this.#post = post;
    this.#rollUpSoon(); // what the last process has left
  }

  push({ firstSequence, lines }: PostedRows): void {
    for (const row of rowsOfLines(lines, { instanceId: this.#instanceId, sequence: firstSequence })) {
      this.#rows.push(row);
    }
    this.#schedule();
  }

  /** So many rows of this process stand in its segments by now. */
  appended(rows: number): void {
    this.#appendedRows = rows;
    if (this.#isBehind || this.#isStopped) return;
    if (rows - this.#bookedRows >= BOOK_ROWS) this.#bookSome();
    else this.#booking ??= setTimeout(() => this.#bookSome(), BOOK_MS).unref(); // a thread that is told to end does not wait
  }

  /** Writes all that was posted. Gives whether it went. */
  commitAll(): 'committed' | 'stalled' {
    while (this.#rows.length > 0) {
      if (this.#commit() === 'stalled') return 'stalled';
    }
    return 'committed';
  }

  /** Brings all of the books up to date. Where that fails it is tried again by itself. Gives whether it went. */
  book(): 'booked' | 'stalled' {
    this.#rollUpSoon(); // the runs' calls, for which nobody waits
    return this.#tryBooking(() => this.#writer.book());
  }

  /** The same but for roll-ups and runs, which can wait. */
  #bookSome(): void {
    this.#tryBooking(() => this.#writer.bookSome());
    this.#rollUpSoon();
  }

  #rollUpSoon(): void {
    if (!this.#isStopped) this.#rollingUp ??= setTimeout(() => this.#rollUp(), ROLL_UP_MS).unref();
  }

  #rollUp(): void {
    this.#cancelRollingUp();
    let isLeft = true;
    this.#tryBooking(() => {
      isLeft = this.#writer.rollUp();
    });
    if (isLeft) this.#rollUpSoon();
  }

  #tryBooking(book: () => void): 'booked' | 'stalled' {
    if (this.#isBehind) return 'stalled'; // the next try does it
    try {
      book();
      this.#tellBooked();
      return 'booked';
    } catch (error) {
      this.#stall(error);
      this.#schedule();
      return 'stalled';
    }
  }

  /** The database is about to be closed: what is left is not tried again. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelBooking();
    this.#cancelRollingUp();
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
      this.#schedule();
    };
    // setImmediate comes after all messages that have arrived by now, so that they are in the same transaction.
    if (waitMs <= 0) setImmediate(run);
    else setTimeout(run, Math.ceil(waitMs)).unref();
  }

  #commit(): 'committed' | 'stalled' {
    const batch = this.#rows.slice(0, this.#batchRows);
    try {
      const unwritten = this.#writer.writeThrough(batch);
      this.#rollUpSoon();
      this.#isBehind = false;
      this.#rows = this.#rows.slice(batch.length);
      this.#retryMs = 0;
      this.#nextAtMs = 0;
      this.#batchRows = Math.min(this.#batchRows * 2, MAX_BATCH_ROWS);
      this.#committedSequence = batch.at(-1)?.sequence ?? this.#committedSequence;
      this.#post({ kind: 'committed', throughSequence: this.#committedSequence, unwritten });
      this.#tellBooked();
      return 'committed';
    } catch (error) {
      this.#batchRows = Math.max(1, Math.ceil(batch.length / 2));
      this.#stall(error);
      return 'stalled';
    }
  }

  #stall(error: unknown): void {
    this.#isBehind = true;
    this.#cancelBooking();
    this.#retryMs = Math.min(Math.max(FIRST_RETRY_MS, this.#retryMs * 2), LAST_RETRY_MS);
    this.#nextAtMs = performance.now() + this.#retryMs;
    this.#post({ kind: 'stalled', error: ledgerErrorData(toLedgerError(error)) });
  }

  #tellBooked(): void {
    this.#cancelBooking();
    if (this.#appendedRows === this.#bookedRows) return;
    this.#bookedRows = this.#appendedRows;
    this.#post({ kind: 'booked', rows: this.#bookedRows });
  }

  #cancelBooking(): void {
    if (this.#booking !== null) clearTimeout(this.#booking);
    this.#booking = null;
  }

  #cancelRollingUp(): void {
    if (this.#rollingUp !== null) clearTimeout(this.#rollingUp);
    this.#rollingUp = null;
  }
}
