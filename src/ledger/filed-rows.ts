import { BOOK_ROWS } from './commit-queue.ts';
import type { LedgerError } from './ledger-error.ts';
import { type PendingRow, PendingRows } from './pending-rows.ts';
import type { SegmentFile } from './segment-file.ts';
import { SegmentWriter } from './segment-writer.ts';

export interface FiledRowsOptions {
  /** As for `SegmentWriter`. */
  readonly openSegment: (number: number) => Promise<SegmentFile>;
  readonly synchronous: 'normal' | 'full';
  readonly segmentBytes: number;
  /** The file has these; they survive the end of the process. */
  readonly onDurable: (rows: readonly PendingRow[]) => void;
  /** They cannot be written now. It is tried again by itself. */
  readonly onFault: (error: LedgerError) => void;
  /** Tells the thread that books how many rows the segments have by now. */
  readonly tellThread: (rows: number) => void;
}

/**
 * The way of nearly every row: it is appended to a segment, and durable then. The thread books it later; it is told at
 * the first row after a booking and at each so many more.
 */
export class FiledRows {
  readonly pending = new PendingRows();
  readonly #options: FiledRowsOptions;
  readonly #writer: SegmentWriter;
  #accepted = 0;
  #durable = 0;
  #booked = 0;
  /** What the thread was told and has not booked. */
  #told: number | null = null;

  constructor(options: FiledRowsOptions) {
    this.#options = options;
    this.#writer = new SegmentWriter({ ...options, onWritten: (rows) => this.#written(rows) });
  }

  /** Makes the first segment. @throws LedgerError with a hint */
  start(): Promise<void> {
    return this.#writer.start();
  }

  /** How many rows have come. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many of them are durable. */
  get durable(): number {
    return this.#durable;
  }

  /** How many are durable and not known to be in the books. */
  get unbooked(): number {
    return this.#durable - this.#booked;
  }

  add(row: Omit<PendingRow, 'sequence'>, line: string): void {
    this.#accepted += 1;
    const { step, record, waiter, acceptedAtMs, deadlineMs } = row;
    this.pending.add({ sequence: this.#accepted, step, record, waiter, acceptedAtMs, deadlineMs });
    this.#writer.append(line);
  }

  /** The books have so many of the rows. */
  booked(rows: number): void {
    this.#booked = rows;
    this.#told = null;
    this.#tell();
  }

  /** There is a new thread, which was told nothing. */
  tellAgain(): void {
    this.#told = null;
    this.#tell();
  }

  /** Settles when everything has been written, or cannot be now. */
  drain(): Promise<void> {
    return this.#writer.drain();
  }

  /** Gives whether everything that was accepted is in the file, and nothing more comes to it. */
  close(): boolean {
    return this.#writer.close();
  }

  #written(written: number): void {
    this.#durable += written;
    const rows = this.pending.takeThrough(this.#durable);
    this.#tell();
    this.#options.onDurable(rows);
  }

  #tell(): void {
    if (this.unbooked === 0) return;
    if (this.#told !== null && this.#durable - this.#told < BOOK_ROWS) return;
    this.#told = this.#durable;
    this.#options.tellThread(this.#durable);
  }
}
