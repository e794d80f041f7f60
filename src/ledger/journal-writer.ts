import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { BatchWriter } from './batch-writer.ts';
import { inTransaction } from './database.ts';
import { AT, isOpenEnding, textAt } from './ended-call.ts';
import { type JournalRow, KNOWN, type UnwrittenRow } from './journal-messages.ts';
import { type ReadRow, rowsOfLines } from './row-lines.ts';
import { text } from './row-values.ts';
import { UnbookedRows } from './unbooked-rows.ts';

type Standing = 'open' | 'queued' | 'ended';

/**
 * Writing in two steps. `commit` makes a few rows durable, in a transaction that touches one table: that is what a call
 * waits for. `book` enters what many commits have left in the books, later and together. Whoever reads the books has
 * them brought up to date first, so nobody sees the difference.
 *
 * What is committed is entered once, whatever dies in between: rows leave `unbooked` in the transaction that enters
 * them, and whoever comes next, in this process or another, enters what it finds there. Entering a row twice gives what
 * entering it once gives.
 */
export class JournalWriter {
  /** Of this process. */
  readonly instanceId: string;
  readonly #database: DatabaseSync;
  readonly #books: BatchWriter;
  readonly #unbooked: UnbookedRows;
  readonly #ending: StatementSync;
  /** What this thread has committed since it last entered everything, by position: its lines are read once. */
  #own = new Map<number, readonly ReadRow[]>();
  #ownRows = 0;
  /** How far the calls of `#own` have come. */
  #standings = new Map<string, Standing>();

  /** @param writtenBy as for `UnbookedRows` */
  constructor(
    database: DatabaseSync,
    books: BatchWriter,
    writtenBy: { readonly instanceId: string; readonly thread: string },
  ) {
    this.instanceId = writtenBy.instanceId;
    this.#database = database;
    this.#books = books;
    this.#unbooked = new UnbookedRows(database, writtenBy);
    this.#ending = database.prepare('SELECT ending FROM records WHERE id = ?');
  }

  /** How many rows of this thread are durable and not in the books. */
  get unbookedRows(): number {
    return this.#ownRows;
  }

  /**
   * Makes all of the rows durable but those that are given back, which are known already or cannot be kept.
   *
   * @throws what SQLite throws when the transaction fails; then nothing of the batch is written
   */
  commit(batch: readonly ReadRow[]): UnwrittenRow[] {
    const accepted: ReadRow[] = [];
    const unwritten: UnwrittenRow[] = [];
    let position = 0;
    try {
      inTransaction(this.#database, () => {
        for (const row of batch) {
          const problem = row.fault === null ? this.#judge(row) : faulty(row, row.fault);
          if (problem === null) accepted.push(row);
          else unwritten.push(problem);
        }
        if (accepted.length > 0) position = this.#unbooked.append(accepted.map((row) => row.line).join('\n'));
      });
    } catch (error) {
      this.#standings = standingsOf(this.#own);
      throw error;
    }
    this.#own.set(position, accepted);
    this.#ownRows += accepted.length;
    return unwritten;
  }

  /** Enters everything that is durable in the books, of this thread and of others. @throws what SQLite throws */
  book(): void {
    if (this.#ownRows === 0 && !this.#unbooked.hasAny()) return;
    inTransaction(this.#database, () => this.#bookAll());
    this.#forgetOwn();
  }

  /** Both steps at once, after what is there already: for a disk that is nearly full. As `commit`. */
  writeThrough(batch: readonly ReadRow[]): UnwrittenRow[] {
    const unwritten = inTransaction(this.#database, () => {
      this.#bookAll();
      const faults = batch.flatMap((row) => (row.fault === null ? [] : [faulty(row, row.fault)]));
      const unentered = this.#books.enter(batch.filter((row) => row.fault === null));
      return [...faults, ...unentered.map(({ row: { sequence }, why, message }) => ({ sequence, why, message }))];
    });
    this.#forgetOwn();
    return unwritten;
  }

  /** Enters rows in the books that have no line. @throws what SQLite throws */
  write(rows: readonly JournalRow[]): UnwrittenRow[] {
    return this.#books.write(rows);
  }

  #judge(row: ReadRow): UnwrittenRow | null {
    const id = textAt(row.columns, AT.id);
    const standing = this.#standings.get(id);
    if (row.step === 'open') {
      if (standing === undefined) this.#standings.set(id, 'open');
      return null;
    }
    if (standing !== 'open' && this.#hasEnded(id, standing)) return { sequence: row.sequence, ...KNOWN };
    this.#standings.set(id, row.call === null ? 'queued' : 'ended');
    return null;
  }

  /** A queued response may be settled by several processes: what they have committed is entered before it is judged. */
  #hasEnded(id: string, standing: Standing | undefined): boolean {
    if (standing === 'ended') return true;
    let ending = this.#endingInBooks(id);
    if (standing === 'queued' || ending === 'queued') {
      this.#bookAll();
      ending = this.#endingInBooks(id);
    }
    return ending !== null && !isOpenEnding(ending);
  }

  #endingInBooks(id: string): string | null {
    const row = this.#ending.get(id);
    return row === undefined ? null : text(row, 'ending');
  }

  /** Within a transaction. If it fails, everything is still in `unbooked`. */
  #bookAll(): void {
    const rows: ReadRow[] = [];
    for (const { position, instanceId, lines } of this.#unbooked.takeAll()) {
      const read = lines === null ? (this.#own.get(position) ?? []) : rowsOfLines(lines, { instanceId, sequence: 0 });
      for (const row of read) {
        if (row.fault === null) rows.push(row);
        else this.#unbooked.refuse(row.line, instanceId, row.fault);
      }
    }
    for (const { row, why, message } of this.#books.enter(rows)) {
      if (why === 'fault') this.#unbooked.refuse(row.line, row.instanceId, message);
    }
  }

  #forgetOwn(): void {
    this.#own = new Map();
    this.#ownRows = 0;
    this.#standings = new Map();
  }
}

function faulty(row: ReadRow, message: string): UnwrittenRow {
  return { sequence: row.sequence, why: 'fault', message };
}

function standingsOf(commits: ReadonlyMap<number, readonly ReadRow[]>): Map<string, Standing> {
  const standings = new Map<string, Standing>();
  for (const row of [...commits.values()].flat()) {
    const id = textAt(row.columns, AT.id);
    if (row.step === 'open') standings.set(id, standings.get(id) ?? 'open');
    else standings.set(id, row.call === null ? 'queued' : 'ended');
  }
  return standings;
}
