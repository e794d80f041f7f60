import type { PostedRows } from './journal-messages.ts';
import { type PendingRow, PendingRows } from './pending-rows.ts';

const ROWS_PER_MESSAGE = 2_000;

interface JudgedRow extends PendingRow {
  readonly line: string;
  /** How many rows of the segments must be durable before it. */
  readonly after: number;
}

export interface JudgedRowsOptions {
  /** Whether there is a thread to post to. */
  readonly isOpen: () => boolean;
  readonly post: (message: PostedRows) => void;
  /** How many rows of the segments are durable. */
  readonly durable: () => number;
}

/**
 * The way of the rows that are acknowledged only when they are in the books: those of which the books must say whether
 * they are known already, and all while booking stands still. They are posted to the thread once per turn of the event
 * loop and kept until it has acknowledged them; whatever happens to it in between, they are posted again.
 */
export class JudgedRows {
  readonly pending = new PendingRows<JudgedRow>();
  readonly #options: JudgedRowsOptions;
  #lastSequence = 0;
  #postedSequence = 0;
  #willFlush = false;

  constructor(options: JudgedRowsOptions) {
    this.#options = options;
  }

  /** @param after that many rows of the segments came before it */
  add(row: Omit<PendingRow, 'sequence'>, { line, after }: Pick<JudgedRow, 'line' | 'after'>): void {
    this.#lastSequence += 1;
    this.pending.add({ ...row, sequence: this.#lastSequence, line, after });
    this.flushSoon();
  }

  /** Posts what can be posted, after this turn of the event loop. */
  flushSoon(): void {
    if (this.#willFlush || this.pending.size === 0) return;
    this.#willFlush = true;
    setImmediate(() => {
      this.#willFlush = false;
      if (this.#postSome(this.#options.durable()) === ROWS_PER_MESSAGE) this.flushSoon();
    });
  }

  /** A new thread has none of the rows that the one before it had not acknowledged. */
  postAgain(): void {
    this.#postedSequence = 0;
    this.flushSoon();
  }

  /** Posts everything now, also what the segments will not have. */
  postAll(): void {
    while (this.#postSome(Infinity) > 0);
  }

  /** Gives how many rows were posted. */
  #postSome(durable: number): number {
    if (!this.#options.isOpen()) return 0;
    const waiting = this.pending.after(this.#postedSequence, ROWS_PER_MESSAGE);
    const end = waiting.findIndex((row) => row.after > durable);
    const rows = end === -1 ? waiting : waiting.slice(0, end);
    const [first] = rows;
    if (first === undefined) return 0;
    const lines = rows.map((row) => row.line).join('\n');
    this.#options.post({ kind: 'rows', firstSequence: first.sequence, lines });
    this.#postedSequence = first.sequence + rows.length - 1;
    return rows.length;
  }
}
