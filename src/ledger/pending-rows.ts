import type { CallRecord } from './record.ts';
import type { RowStep } from './row-lines.ts';

/** A row that is not known to be durable. */
export interface PendingRow {
  /** Rises by one with each row that goes the same way. */
  readonly sequence: number;
  readonly step: RowStep;
  readonly record: CallRecord;
  /** Who waits for that, until it has come or the wait was given up; the row is kept in any case. */
  waiter: { resolve: () => void; reject: (error: Error) => void } | null;
  /** When it was given to the journal, on the monotonic clock. */
  readonly acceptedAtMs: number;
  /** When its wait is over, in the journal's `ListeningTime`. */
  readonly deadlineMs: number;
}

/** The rows that go one way, in order. Their sequences rise by one, so each is found by its own. */
export class PendingRows<Row extends PendingRow = PendingRow> {
  #rows: Row[] = [];
  #first = 0;

  get size(): number {
    return this.#rows.length - this.#first;
  }

  add(row: Row): void {
    this.#rows.push(row);
  }

  /** Up to `limit` rows that come after `sequence`. */
  after(sequence: number, limit: number): Row[] {
    const oldest = this.#rows[this.#first];
    if (oldest === undefined) return [];
    const from = this.#first + Math.max(0, sequence + 1 - oldest.sequence);
    return this.#rows.slice(from, from + limit);
  }

  /** Takes out the rows up to and with `sequence`. */
  takeThrough(sequence: number): Row[] {
    const begin = this.#first;
    for (let row = this.#rows[begin]; row !== undefined && row.sequence <= sequence; row = this.#rows[this.#first]) {
      this.#first += 1;
    }
    const taken = this.#rows.slice(begin, this.#first);
    if (this.#first * 2 > this.#rows.length) {
      this.#rows = this.#rows.slice(this.#first);
      this.#first = 0;
    }
    return taken;
  }

  /** The rows that somebody still waits for at `listenedMs`, past their deadline. */
  overdue(listenedMs: number): Row[] {
    const overdue: Row[] = [];
    for (let at = this.#first; at < this.#rows.length; at++) {
      const row = this.#rows[at];
      if (row === undefined || row.deadlineMs > listenedMs) break;
      if (row.waiter !== null) overdue.push(row);
    }
    return overdue;
  }

  /** The newest finished record that fits. */
  findLast(fits: (record: CallRecord) => boolean): CallRecord | null {
    for (let at = this.#rows.length - 1; at >= this.#first; at--) {
      const pending = this.#rows[at];
      if (pending?.step === 'finish' && fits(pending.record)) return pending.record;
    }
    return null;
  }
}
