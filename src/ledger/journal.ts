import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../core/clock.ts';
import { MetertapError } from '../core/errors.ts';
import type { AccessBook } from './access-book.ts';
import type { CorrectionBook } from './correction.ts';
import { JournalLink } from './journal-link.ts';
import type { FromJournal, JournalStart, PruneResult } from './journal-messages.ts';
import type { Ledger, LedgerState } from './ledger.ts';
import { LedgerError } from './ledger-error.ts';
import type { LedgerReader } from './ledger-reader.ts';
import { ListeningTime } from './listening-time.ts';
import type { Outbox } from './outbox.ts';
import { type PendingRow, PendingRows } from './pending-rows.ts';
import { isResponsesRecord } from './queries/records.ts';
import { SqliteReader } from './reader.ts';
import { RecentResponses } from './recent-responses.ts';
import type { CallRecord } from './record.ts';
import { lineOf } from './row-lines.ts';
import { SqliteAccessBook } from './sqlite-access-book.ts';
import { SqliteCorrections } from './sqlite-corrections.ts';
import { SqliteOutbox } from './sqlite-outbox.ts';
import { SqliteStatements } from './sqlite-statements.ts';
import type { StatementBook } from './statement.ts';

export interface JournalOptions {
  /** Folder of the database and of what belongs to it; made if it is not there. */
  readonly dataDir: string;
  /** `normal`: a commit survives the end of the process. `full`: it survives the loss of power too. */
  readonly synchronous: 'normal' | 'full';
  /** Name of this process among those that share the folder: letters, digits, "-", "_". */
  readonly instanceId: string;
  readonly clock: Clock;
  readonly onStateChange?: (state: LedgerState) => void;
  /** Told of what has no caller: a listener that threw, an opened row that cannot be kept. */
  readonly onError?: (error: unknown) => void;
  /** Told of each transaction: how many finished records it holds, and how long each of them has waited for it. */
  readonly onCommit?: (recordWaitsMs: readonly number[]) => void;
  /** A quota for the database file. Without it the disk decides. */
  readonly maxDatabaseBytes?: number;
  /** How long `finish` waits for its commit at most, in time in which the event loop could hear of it. */
  readonly commitTimeoutMs?: number;
  /** How many rows may wait for their commit; beyond it new ones are refused. */
  readonly maxPendingRows?: number;
  /** Starts the worker thread; tests put themselves in between. */
  readonly startWorker?: (url: URL, start: JournalStart) => Worker;
}

const DEFAULT_COMMIT_TIMEOUT_MS = 5_000;
const DEFAULT_MAX_PENDING_ROWS = 100_000;
const CLOSE_TIMEOUT_MS = 15_000;
/** A wait is given up only after the event loop has come round so many times, and has heard nothing. */
const TURNS_OF_A_WAIT = 10;
const ROWS_PER_MESSAGE = 2_000;
const RECENT_RESPONSES = 10_000;

/**
 * Opens the embedded ledger in a data folder.
 *
 * @throws LedgerError with a hint, where the folder cannot be written, the file is damaged, or its schema is newer
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const journal = new Journal(options);
  await journal.start();
  return journal;
}

/**
 * The ledger over SQLite, as the main thread sees it. Nothing here touches the database: rows go to the journal's
 * thread once per turn of the event loop, and a row is kept here until its commit is acknowledged. Whatever happens to
 * the thread or to the disk in between, the rows are posted again; writing them twice does no harm.
 */
export class Journal implements Ledger {
  readonly reader: LedgerReader;
  /** Teams, keys and the audit of their changes. */
  readonly access: AccessBook;
  /** What has been delivered to the sinks. */
  readonly outbox: Outbox;
  readonly corrections: CorrectionBook;
  readonly statements: StatementBook;
  readonly #options: JournalOptions;
  readonly #link: JournalLink;
  readonly #reader: SqliteReader;
  readonly #pending = new PendingRows();
  readonly #commitTimeoutMs: number;
  readonly #listened: ListeningTime;
  readonly #recent = new RecentResponses(RECENT_RESPONSES);
  readonly #listeners = new Set<(record: CallRecord) => void>();
  #state: LedgerState = { kind: 'ready' };
  #lastSequence = 0;
  #postedSequence = 0;
  #willFlush = false;
  #isClosed = false;
  #sweeper: NodeJS.Timeout | null = null;
  #recoveredCalls = 0;

  /** Use `openJournal`. */
  constructor(options: JournalOptions) {
    this.#options = options;
    this.#commitTimeoutMs = options.commitTimeoutMs ?? DEFAULT_COMMIT_TIMEOUT_MS;
    this.#listened = new ListeningTime(options.clock.monotonicMs(), this.#commitTimeoutMs / TURNS_OF_A_WAIT);
    this.#link = new JournalLink((life) => this.#startWorker(life), {
      opened: () => this.#postAgain(),
      committed: (message) => this.#acknowledge(message),
      failed: (error) => this.#setUnavailable(error),
    });
    this.#reader = new SqliteReader({
      dataDir: options.dataDir,
      clock: options.clock,
      declareRun: (declaration) => this.#link.call('declareRun', declaration),
      hasRunLimits: () => this.#link.call('hasRunLimits', null),
      book: () => this.book(),
    });
    this.reader = this.#reader;
    this.access = new SqliteAccessBook(this.#reader, this.#link, options.clock);
    this.outbox = new SqliteOutbox({ link: this.#link, reader: this.#reader, clock: options.clock });
    this.corrections = new SqliteCorrections(this.#reader, (batch) => this.#link.call('correct', batch));
    this.statements = new SqliteStatements(this.#reader, this.#link);
  }

  /** Starts the thread. @throws LedgerError */
  async start(): Promise<void> {
    this.#recoveredCalls = await this.#link.open();
    this.#sweeper = setInterval(() => this.#giveUpOverdue(), this.#commitTimeoutMs / TURNS_OF_A_WAIT / 2).unref();
  }

  get state(): LedgerState {
    return this.#state;
  }

  /** How many calls of processes that had died were closed as `interrupted` when this one started. */
  get recoveredCalls(): number {
    return this.#recoveredCalls;
  }

  /** Rows that are not known to be committed yet. */
  get pendingRows(): number {
    return this.#pending.size;
  }

  open(record: CallRecord): void {
    if (this.#isClosed || this.#isFull()) return; // told by `state`; the finished record brings all that is in it
    try {
      this.#accept(record, 'open', null);
    } catch (error) {
      this.#options.onError?.(error); // a record that no row can hold: `finish` will say so to its caller
    }
  }

  finish(record: CallRecord): Promise<void> {
    if (this.#isClosed) return Promise.reject(unavailable('The ledger is closed.'));
    if (this.#isFull()) return Promise.reject(unavailable('Too many records wait to be written.'));
    return new Promise((resolve, reject) => {
      this.#accept(record, 'finish', { resolve, reject });
      this.#recent.remember(record);
    });
  }

  async findByUpstreamId(upstreamId: string, team: string | null): Promise<CallRecord | null> {
    const fits = (record: CallRecord): boolean =>
      record.upstream_id === upstreamId && isResponsesRecord(record) && (team === null || record.team === team);
    const known = this.#recent.find(upstreamId, team) ?? this.#pending.findLast(fits);
    if (known !== null) return known;
    try {
      return await this.#link.call('findByUpstreamId', { upstreamId, team });
    } catch (cause) {
      throw unavailable('The ledger cannot be asked now.', cause);
    }
  }

  /** Has everything that is committed entered in the books, for who reads them beside `reader`. */
  async book(): Promise<void> {
    await this.#link.call('book', null);
  }

  onCommitted(listener: (record: CallRecord) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Deletes records that began before `beforeMs` (null: none), and minute and hour roll-ups that are past their time.
   * Open calls, day roll-ups, runs and sessions stay. @throws LedgerError
   */
  prune(beforeMs: number | null): Promise<PruneResult> {
    return this.#link.call('prune', { beforeMs, nowMs: this.#options.clock.nowMs() });
  }

  /** Closes the open calls of processes that have died since. Gives how many. @throws LedgerError */
  async recoverDeadInstances(): Promise<number> {
    const records = await this.#link.call('recover', { nowMs: this.#options.clock.nowMs() });
    for (const record of records) this.#announce(record);
    return records.length;
  }

  /**
   * Writes what is waiting, then closes.
   *
   * @throws LedgerError `unwritten_rows` where not all could be written; everything is closed then too
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    await this.#reader.close();
    while (this.#postSome() > 0);
    const answer = this.#link.call('close', null);
    await Promise.race([answer, timeoutAfter(CLOSE_TIMEOUT_MS)]).catch(() => null); // the rows left over tell the rest
    await this.#link.stop();
    this.#refuseLeftOver();
  }

  #startWorker(life: 'first' | 'restart'): Worker {
    const options = this.#options;
    const start: JournalStart = {
      dataDir: options.dataDir,
      synchronous: options.synchronous,
      instanceId: options.instanceId,
      maxDatabaseBytes: options.maxDatabaseBytes ?? null,
      nowMs: options.clock.nowMs(),
      recoverOwn: life === 'first',
    };
    const url = new URL('./journal-worker.ts', import.meta.url);
    if (options.startWorker) return options.startWorker(url, start);
    return new Worker(url, { workerData: start, name: 'metertap-journal' });
  }

  #isFull(): boolean {
    const isFull = this.#pending.size >= (this.#options.maxPendingRows ?? DEFAULT_MAX_PENDING_ROWS);
    if (isFull && this.#state.kind === 'ready') {
      this.#setState({
        kind: 'unavailable',
        reason: 'Too many records wait to be written.',
        hint: 'The disk of the data folder is too slow, or stands still. Writing goes on by itself.',
      });
    }
    return isFull;
  }

  #accept(record: CallRecord, step: 'open' | 'finish', waiter: PendingRow['waiter']): void {
    const line = lineOf(step, record);
    this.#lastSequence += 1;
    const acceptedAtMs = this.#options.clock.monotonicMs();
    this.#pending.add({
      row: { sequence: this.#lastSequence, step, line },
      record,
      waiter,
      acceptedAtMs,
      deadlineMs: this.#listened.at(acceptedAtMs) + this.#commitTimeoutMs,
    });
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#willFlush) return;
    this.#willFlush = true;
    setImmediate(() => {
      this.#willFlush = false;
      if (this.#postSome() === ROWS_PER_MESSAGE) this.#flushSoon();
    });
  }

  /** Posts the next rows. Gives how many. */
  #postSome(): number {
    if (!this.#link.isOpen) return 0;
    const rows = this.#pending.after(this.#postedSequence, ROWS_PER_MESSAGE);
    const [first] = rows;
    if (first === undefined) return 0;
    const firstSequence = first.row.sequence;
    this.#link.post({ kind: 'rows', firstSequence, lines: rows.map(({ row }) => row.line).join('\n') });
    this.#postedSequence = firstSequence + rows.length - 1;
    return rows.length;
  }

  /** A new thread has none of the rows that the one before it had not acknowledged. */
  #postAgain(): void {
    this.#postedSequence = 0;
    if (this.#pending.size === 0) this.#setState({ kind: 'ready' });
    else this.#flushSoon();
  }

  #acknowledge(message: Extract<FromJournal, { kind: 'committed' }>): void {
    const unwritten = new Map(message.unwritten.map((row) => [row.sequence, row]));
    const nowMs = this.#options.clock.monotonicMs();
    const waitsMs: number[] = [];
    for (const pending of this.#pending.takeThrough(message.throughSequence)) {
      if (pending.row.step === 'finish') waitsMs.push(nowMs - pending.acceptedAtMs);
      const problem = unwritten.get(pending.row.sequence);
      if (problem?.why === 'fault') {
        const error = new MetertapError('internal_error', `The ledger cannot keep this record: ${problem.message}`);
        if (pending.waiter === null) this.#options.onError?.(error);
        else pending.waiter.reject(error);
        continue;
      }
      if (problem === undefined && pending.row.step === 'finish') this.#announce(pending.record);
      pending.waiter?.resolve();
    }
    this.#options.onCommit?.(waitsMs);
    this.#setState({ kind: 'ready' });
  }

  #announce(record: CallRecord): void {
    for (const listener of this.#listeners) {
      try {
        listener(record);
      } catch (error) {
        this.#options.onError?.(error); // the record is written: other listeners and the caller must still be told
      }
    }
  }

  /**
   * A row whose wait is over is still written when writing works again; its caller need not stay for that. Under a load
   * that lets a turn of the event loop last for seconds, rows are posted and acknowledgements read only between turns:
   * by the clock alone they would seem late while the thread has long written them.
   */
  #giveUpOverdue(): void {
    const overdue = this.#pending.overdue(this.#listened.look(this.#options.clock.monotonicMs()));
    if (overdue.length === 0) return;
    if (this.#state.kind === 'ready') {
      this.#setState({
        kind: 'unavailable',
        reason: 'The ledger does not answer.',
        hint: 'The disk of the data folder is too slow, or stands still. Writing goes on by itself.',
      });
    }
    for (const pending of overdue) {
      pending.waiter?.reject(unavailable('The record could not be written in time.'));
      pending.waiter = null;
    }
  }

  #refuseLeftOver(): void {
    const leftOver = this.#pending.takeThrough(Infinity);
    if (leftOver.length === 0) return;
    for (const { waiter } of leftOver)
      waiter?.reject(unavailable('The ledger was closed before the record was written.'));
    throw new LedgerError('unwritten_rows', `${leftOver.length} rows of the ledger could not be written.`, {
      hint: this.#state.kind === 'unavailable' ? `${this.#state.reason} ${this.#state.hint}` : 'See the log.',
    });
  }

  #setUnavailable(error: LedgerError): void {
    this.#setState({ kind: 'unavailable', reason: error.message, hint: error.hint });
  }

  #setState(state: LedgerState): void {
    const before = this.#state;
    const isSame =
      before.kind === state.kind &&
      (state.kind === 'ready' || before.kind === 'ready' || before.reason === state.reason);
    if (isSame) return;
    this.#state = state;
    this.#options.onStateChange?.(state);
  }
}

function unavailable(message: string, cause?: unknown): MetertapError {
  return new MetertapError('ledger_unavailable', message, { cause });
}

async function timeoutAfter(ms: number): Promise<never> {
  await sleep(ms, null, { ref: false });
  throw new LedgerError('failed', 'The journal took too long.', { hint: 'The disk of the data folder stands still.' });
}
