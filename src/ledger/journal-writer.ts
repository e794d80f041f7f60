import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type BatchWriter, type Moving, moveAll } from './batch-writer.ts';
import { inTransaction } from './database.ts';
import type { JournalRow, UnwrittenRow } from './journal-messages.ts';
import { type ReadRow, rowsOfLines } from './row-lines.ts';
import { RunCalls } from './run-calls.ts';
import type { FaultyLine, SegmentReader } from './segment-reader.ts';
import { UnbookedRows } from './unbooked-rows.ts';

/** So much is entered by one transaction, some thousands of rows, so that others who write wait for it briefly. */
const BATCH_BYTES = 2 * 1024 * 1024;

export interface JournalWriterOptions {
  readonly database: DatabaseSync;
  readonly books: BatchWriter;
  readonly segments: SegmentReader;
  /** Of this process. */
  readonly instanceId: string;
  /** Told why rows that were durable could not be entered; they are kept in `refused_rows`. */
  readonly onRefused: (reasons: readonly string[]) => void;
}

/**
 * So many rows at most wait to be moved to one table. Of calls in many runs each row has a page of its own to write, as
 * long as there are more pages than rows. A move holds the database for some tenths of a second; all tables together,
 * which a reader waits for, take less than two seconds also where there are a million runs.
 */
const MOST_RECENT_ROWS = 75_000;
/** So few are moved as soon as it is time; more wait, so that pages are shared. */
const FEW_RECENT_ROWS = 10_000;
/** But none longer than that many times. */
const MOST_POSTPONED = 2;

const everyone = (): boolean => true;

/**
 * Enters rows in the books. Most are durable already, as lines of a segment (`segment-writer.ts`), and are entered by
 * `book`, later and together. Whoever reads the books has that done first, so nobody sees the difference.
 *
 * Each is entered once, whatever dies in between, because the transaction that enters it also says so. Whoever comes
 * next, in this process or another, enters what it finds. Entering a row twice gives what entering it once gives.
 */
export class JournalWriter {
  readonly #options: JournalWriterOptions;
  readonly #database: DatabaseSync;
  readonly #books: BatchWriter;
  readonly #segments: SegmentReader;
  readonly #unbooked: UnbookedRows;
  readonly #refuse: StatementSync;
  readonly #runCalls: RunCalls;
  /** How often it was time to move rows that went on waiting. */
  readonly #postponed = new Map<Moving, number>();

  constructor(options: JournalWriterOptions) {
    const { database, books, segments } = options;
    this.#options = options;
    this.#database = database;
    this.#books = books;
    this.#segments = segments;
    this.#unbooked = new UnbookedRows(database);
    this.#runCalls = new RunCalls(database);
    this.#refuse = database.prepare('INSERT INTO refused_rows (line, instance_id, reason) VALUES (?, ?, ?)');
  }

  /**
   * Enters everything that is durable, of this process and of others, in all tables.
   *
   * @param mayGrow as for `SegmentReader.take`
   * @throws what SQLite throws, or an error of the file system; what is not entered then is still durable
   */
  book(mayGrow: (instanceId: string) => boolean = everyone): void {
    this.#enterDurable(mayGrow, 'and move');
    this.#moveRest();
  }

  /** The same, but that roll-ups and runs may be left for the next `book` or `rollUp`. @throws as `book` */
  bookSome(): void {
    this.#enterDurable(everyone, 'only');
    for (const moving of this.#moved) if (moving.rows >= MOST_RECENT_ROWS) this.#move(moving);
  }

  /**
   * It is time to bring roll-ups and runs up to date, though nobody has asked for them: where there is much to move, that
   * is done the third time only. Gives whether anything is left.
   *
   * @throws as `book`
   */
  rollUp(): boolean {
    this.#enterDurable(everyone, 'only');
    for (const moving of this.#moved) {
      const { rows } = moving;
      if (rows === 0) continue;
      const postponed = this.#postponed.get(moving) ?? 0;
      if (rows < FEW_RECENT_ROWS || postponed >= MOST_POSTPONED) this.#move(moving);
      else this.#postponed.set(moving, postponed + 1);
    }
    return this.#moved.some(({ rows }) => rows > 0);
  }

  /** The runs' calls are found without that too, so that no reader waits for it. */
  get #moved(): readonly Moving[] {
    return [...this.#books.recent, this.#runCalls];
  }

  #move(moving: Moving): void {
    while (inTransaction(this.#database, () => moving.move()) === 'part');
    this.#postponed.delete(moving);
  }

  /** @param extent whether what can be moved in a moment goes with it */
  #enterDurable(mayGrow: (instanceId: string) => boolean, extent: 'only' | 'and move'): void {
    if (!this.#segments.hasNew() && !this.#unbooked.hasAny()) return;
    for (let isAll = false; !isAll; ) {
      const booked = inTransaction(this.#database, () => {
        const entered = this.#enterSome(BATCH_BYTES, mayGrow);
        if (entered.isAll && extent === 'and move') this.#moveFew();
        return entered;
      });
      this.#committed(booked.refused);
      isAll = booked.isAll;
    }
    this.#segments.removeSucceeded(this.#options.instanceId);
  }

  /** Within a transaction: moves what takes a moment. */
  #moveFew(): void {
    for (const moving of this.#books.recent) {
      const { rows } = moving;
      if (rows > 0 && rows < FEW_RECENT_ROWS) moveAll(moving);
    }
  }

  /** Moves what is left, in transactions of its own, so that others who write wait for it briefly. */
  #moveRest(): void {
    const waiting = this.#books.recent.filter(({ rows }) => rows > 0);
    if (waiting.every(({ rows }) => rows < FEW_RECENT_ROWS)) {
      // All of them, also where another process has made them many meanwhile: whoever reads next waits for no others.
      if (waiting.length > 0) inTransaction(this.#database, () => waiting.forEach(moveAll));
    } else for (const moving of waiting) this.#move(moving);
  }

  /**
   * Enters rows that are not durable yet, after all that are.
   *
   * @returns those that were not written: known already, or nothing that can be kept
   * @throws as `book`; then none of them is written
   */
  writeThrough(batch: readonly ReadRow[]): UnwrittenRow[] {
    this.book(); // all that may fail by itself comes first: a batch that is written is never tried again
    const { unwritten, refused } = inTransaction(this.#database, () => {
      const meanwhile = this.#enterSome(Infinity, everyone);
      const faults = batch.flatMap((row) => (row.fault === null ? [] : [faulty(row, row.fault)]));
      const unentered = this.#books.enter(batch.filter((row) => row.fault === null));
      const known = unentered.map(({ row: { sequence }, why, message }) => ({ sequence, why, message }));
      this.#moveFew();
      return { unwritten: [...faults, ...known], refused: meanwhile.refused };
    });
    this.#committed(refused);
    return unwritten;
  }

  /** Enters rows in the books that have no line. @throws what SQLite throws */
  write(rows: readonly JournalRow[]): UnwrittenRow[] {
    return this.#books.write(rows);
  }

  #committed(refused: readonly string[]): void {
    this.#segments.committed();
    if (refused.length > 0) this.#options.onRefused(refused);
  }

  /** Within a transaction. */
  #enterSome(
    maxBytes: number,
    mayGrow: (instanceId: string) => boolean,
  ): { readonly isAll: boolean; readonly refused: string[] } {
    const taken = this.#segments.take(maxBytes, mayGrow);
    const rows: ReadRow[] = [];
    const faults: FaultyLine[] = [...taken.faults];
    const earlier = this.#unbooked
      .takeAll()
      .flatMap(({ lines, instanceId }) => rowsOfLines(lines, { instanceId, sequence: 0 }));
    for (const row of [...earlier, ...taken.rows]) {
      if (row.fault === null) rows.push(row);
      else faults.push({ instanceId: row.instanceId, line: row.line, reason: row.fault });
    }
    for (const { row, why, message } of this.#books.enter(rows)) {
      if (why === 'fault') faults.push({ instanceId: row.instanceId, line: row.line, reason: message });
    }
    for (const { line, instanceId, reason } of faults) this.#refuse.run(line, instanceId, reason);
    return { isAll: taken.isAll, refused: faults.map(({ reason }) => reason) };
  }
}

function faulty(row: ReadRow, message: string): UnwrittenRow {
  return { sequence: row.sequence, why: 'fault', message };
}
