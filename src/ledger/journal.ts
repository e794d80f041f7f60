import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ChurningMap } from '../core/churning-map.ts';
import type { Clock } from '../core/clock.ts';
import { MetertapError } from '../core/errors.ts';
import type { AccessBook } from './access-book.ts';
import type { CorrectionBook } from './correction.ts';
import { makeFolder } from './database.ts';
import { FiledRows } from './filed-rows.ts';
import { JournalLink } from './journal-link.ts';
import type { FromJournal, JournalStart, PruneResult, UnwrittenRow } from './journal-messages.ts';
import { JudgedRows } from './judged-rows.ts';
import type { Ledger, LedgerState } from './ledger.ts';
import { LedgerError } from './ledger-error.ts';
import type { LedgerReader } from './ledger-reader.ts';
import { type LedgerPart, LedgerStanding } from './ledger-standing.ts';
import { ListeningTime } from './listening-time.ts';
import type { Outbox } from './outbox.ts';
import type { PendingRow } from './pending-rows.ts';
import { isResponsesRecord } from './queries/records.ts';
import { SqliteReader } from './reader.ts';
import { RecentResponses } from './recent-responses.ts';
import type { CallRecord } from './record.ts';
import { keepableLineOf } from './row-lines.ts';
import { openSegmentFile, type SegmentFile } from './segment-file.ts';
import { newLife, segmentFileName, segmentsFolder } from './segment-name.ts';
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
  /** Told of what has no caller: a listener that threw, a row that cannot be kept. */
  readonly onError?: (error: unknown) => void;
  /** Told of each commit: how long each finished record that it holds has waited for it. */
  readonly onCommit?: (recordWaitsMs: readonly number[]) => void;
  /** A quota for the database file. Without it the disk decides. */
  readonly maxDatabaseBytes?: number;
  /** How long `finish` waits for its commit at most, in time in which the event loop could hear of it. */
  readonly commitTimeoutMs?: number;
  /** How many rows may wait for their commit; beyond it new ones are refused. */
  readonly maxPendingRows?: number;
  /** From this length on the next file of the journal is begun. */
  readonly segmentBytes?: number;
  /** Starts the worker thread; tests put themselves in between. */
  readonly startWorker?: (url: URL, start: JournalStart) => Worker;
  /** Makes a file of the journal; tests put themselves in between. */
  readonly openSegment?: (path: string) => Promise<SegmentFile>;
}

const DEFAULT_COMMIT_TIMEOUT_MS = 5_000;
const DEFAULT_MAX_PENDING_ROWS = 100_000;
const CLOSE_TIMEOUT_MS = 15_000;
/** A wait is given up only after the event loop has come round so many times, and has heard nothing. */
const TURNS_OF_A_WAIT = 10;
/** Where booking does not keep up, rows wait for it from here on. */
const MOST_UNBOOKED_ROWS = 20_000;
const SEGMENT_BYTES = 32 * 1024 * 1024;
const RECENT_RESPONSES = 10_000;

const TOO_MANY = 'Too many records wait to be written.';
const NO_ANSWER = 'The ledger does not answer.';
const SLOW_DISK = 'The disk of the data folder is too slow, or stands still. Writing goes on by itself.';
const NO_PROBLEMS: ReadonlyMap<number, UnwrittenRow> = new Map();

interface NewRow extends Pick<PendingRow, 'record' | 'step' | 'waiter'> {
  /** Whether the books must say first whether it is known. */
  readonly isJudged: boolean;
}

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
 * The ledger, as the main thread sees it. A row is durable when it is appended to a file (`filed-rows.ts`), and a thread
 * enters it in the books, which are SQLite; nothing here touches the database, or waits for the disk. A row is kept here
 * until it is durable.
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
  readonly #filed: FiledRows;
  readonly #judged: JudgedRows;
  readonly #standing: LedgerStanding;
  readonly #commitTimeoutMs: number;
  readonly #listened: ListeningTime;
  readonly #recent = new RecentResponses(RECENT_RESPONSES);
  readonly #listeners = new Set<(record: CallRecord) => void>();
  /** The ids of calls that were opened here and have not been finished. */
  readonly #openIds = new ChurningMap<true>();
  /** The thread cannot write, or there is none. */
  #isBehind = false;
  #isClosed = false;
  #sweeper: NodeJS.Timeout | null = null;
  #recoveredCalls = 0;

  /** Use `openJournal`. */
  constructor(options: JournalOptions) {
    this.#options = options;
    this.#commitTimeoutMs = options.commitTimeoutMs ?? DEFAULT_COMMIT_TIMEOUT_MS;
    this.#listened = new ListeningTime(options.clock.monotonicMs(), this.#commitTimeoutMs / TURNS_OF_A_WAIT);
    this.#standing = new LedgerStanding((state) => options.onStateChange?.(state));
    this.#link = new JournalLink((life) => this.#startWorker(life), {
      opened: () => this.#goOn(),
      committed: (message) => this.#acknowledge(message),
      booked: ({ rows }) => {
        this.#threadWrites();
        this.#filed.booked(rows);
      },
      refused: (reasons) => this.#tellRefused(reasons),
      failed: (error) => this.#threadFails(error),
    });
    this.#filed = new FiledRows({
      openSegment: this.#segmentOpener(),
      synchronous: options.synchronous,
      segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
      onDurable: (rows) => this.#durable(rows),
      onFault: (error) => this.#standing.report('files', problemOf(error)),
      tellThread: (rows) => this.#link.post({ kind: 'appended', rows }),
    });
    this.#judged = new JudgedRows({
      isOpen: () => this.#link.isOpen,
      post: (message) => this.#link.post(message),
      durable: () => this.#filed.durable,
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

  /** Starts the thread and makes the first file. @throws LedgerError */
  async start(): Promise<void> {
    this.#recoveredCalls = await this.#link.open();
    try {
      makeFolder(segmentsFolder(this.#options.dataDir));
      await this.#filed.start();
    } catch (error) {
      await this.#link.call('close', { isComplete: true }).catch(() => null); // what is wrong is told by the error
      await this.#link.stop();
      throw error;
    }
    this.#sweeper = setInterval(() => this.#giveUpOverdue(), this.#commitTimeoutMs / TURNS_OF_A_WAIT / 2).unref();
  }

  get state(): LedgerState {
    return this.#standing.state;
  }

  /** How many calls of processes that had died were closed as `interrupted` when this one started. */
  get recoveredCalls(): number {
    return this.#recoveredCalls;
  }

  /** Rows that are not known to be durable yet. */
  get pendingRows(): number {
    return this.#filed.pending.size + this.#judged.pending.size;
  }

  open(record: CallRecord): void {
    if (this.#isClosed || this.#isFull()) return; // told by `state`; the finished record brings all that is in it
    try {
      this.#accept({ record, step: 'open', waiter: null, isJudged: false });
      this.#openIds.set(record.id, true);
    } catch (error) {
      this.#options.onError?.(unkeepable(error)); // `finish` will say so to its caller
    }
  }

  finish(record: CallRecord): Promise<void> {
    if (this.#isClosed) return Promise.reject(unavailable('The ledger is closed.'));
    if (this.#isFull()) return Promise.reject(unavailable(TOO_MANY));
    // Nobody else can give a call its end that was opened here. Of others, such as background responses that several
    // processes see, the books say whether they have one.
    const isJudged = this.#openIds.take(record.id) === undefined;
    return new Promise((resolve, reject) => {
      try {
        this.#accept({ record, step: 'finish', waiter: { resolve, reject }, isJudged });
        this.#recent.remember(record);
      } catch (error) {
        reject(unkeepable(error));
      }
    });
  }

  async findByUpstreamId(upstreamId: string, team: string | null): Promise<CallRecord | null> {
    const fits = (record: CallRecord): boolean =>
      record.upstream_id === upstreamId && isResponsesRecord(record) && (team === null || record.team === team);
    const known =
      this.#recent.find(upstreamId, team) ?? this.#filed.pending.findLast(fits) ?? this.#judged.pending.findLast(fits);
    if (known !== null) return known;
    try {
      return await this.#link.call('findByUpstreamId', { upstreamId, team });
    } catch (cause) {
      throw unavailable('The ledger cannot be asked now.', cause);
    }
  }

  /** Has everything that is durable entered in the books, for who reads them beside `reader`. */
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
    await Promise.race([this.#filed.drain(), timeoutAfter(this.#commitTimeoutMs)]).catch(() => null); // rows left over tell it
    const isComplete = this.#filed.close();
    this.#judged.postAll();
    const answer = this.#link.call('close', { isComplete });
    await Promise.race([answer, timeoutAfter(CLOSE_TIMEOUT_MS)]).catch(() => null);
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

  #segmentOpener(): (number: number) => Promise<SegmentFile> {
    const { dataDir, instanceId, synchronous } = this.#options;
    const life = newLife();
    const open = this.#options.openSegment ?? ((path: string) => openSegmentFile(path, synchronous));
    return (number) => open(join(segmentsFolder(dataDir), segmentFileName({ instanceId, life, number })));
  }

  #isFull(): boolean {
    const isFull = this.pendingRows >= (this.#options.maxPendingRows ?? DEFAULT_MAX_PENDING_ROWS);
    if (isFull && this.state.kind === 'ready') this.#standing.report('queue', { reason: TOO_MANY, hint: SLOW_DISK });
    return isFull;
  }

  /** @throws TypeError or RangeError where the books would not take the row */
  #accept({ record, step, waiter, isJudged }: NewRow): void {
    const line = keepableLineOf(step, record);
    const acceptedAtMs = this.#options.clock.monotonicMs();
    const deadlineMs = this.#listened.at(acceptedAtMs) + this.#commitTimeoutMs;
    const row = { step, record, waiter, acceptedAtMs, deadlineMs };
    if (isJudged || this.#isBehind || this.#filed.unbooked >= MOST_UNBOOKED_ROWS) {
      this.#judged.add(row, { line, after: this.#filed.accepted });
    } else this.#filed.add(row, line);
  }

  #durable(rows: readonly PendingRow[]): void {
    this.#settle(rows, NO_PROBLEMS);
    this.#standing.report('files', null);
    this.#judged.flushSoon();
  }

  #acknowledge(message: Extract<FromJournal, { kind: 'committed' }>): void {
    const problems = new Map(message.unwritten.map((row) => [row.sequence, row]));
    this.#settle(this.#judged.pending.takeThrough(message.throughSequence), problems);
    this.#threadWrites();
  }

  #settle(rows: readonly PendingRow[], problems: ReadonlyMap<number, UnwrittenRow>): void {
    const nowMs = this.#options.clock.monotonicMs();
    const waitsMs: number[] = [];
    for (const pending of rows) {
      if (pending.step === 'finish') waitsMs.push(nowMs - pending.acceptedAtMs);
      const problem = problems.get(pending.sequence);
      if (problem?.why === 'fault') {
        const error = unkeepable(problem);
        if (pending.waiter === null) this.#options.onError?.(error);
        else pending.waiter.reject(error);
        continue;
      }
      if (problem === undefined && pending.step === 'finish') this.#announce(pending.record);
      pending.waiter?.resolve();
    }
    this.#options.onCommit?.(waitsMs);
    this.#standing.report('queue', null);
  }

  /** There is a new thread. */
  #goOn(): void {
    this.#filed.tellAgain();
    if (this.#judged.pending.size === 0) this.#threadWrites();
    else this.#judged.postAgain();
  }

  #threadWrites(): void {
    this.#isBehind = false;
    this.#standing.report('thread', null);
  }

  #threadFails(error: LedgerError): void {
    this.#isBehind = true;
    this.#standing.report('thread', problemOf(error));
  }

  #tellRefused(reasons: readonly string[]): void {
    for (const reason of reasons) {
      this.#options.onError?.(
        new LedgerError('failed', `A row could not be entered in the books: ${reason}`, {
          hint: 'It is kept in the table refused_rows of the ledger. Please report it.',
        }),
      );
    }
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
   * that lets a turn of the event loop last for seconds, rows are sent and answers heard only between turns: by the clock
   * alone they would seem late while they have long been written.
   */
  #giveUpOverdue(): void {
    const listenedMs = this.#listened.look(this.#options.clock.monotonicMs());
    this.#giveUp('files', this.#filed.pending.overdue(listenedMs));
    this.#giveUp('thread', this.#judged.pending.overdue(listenedMs));
  }

  #giveUp(part: LedgerPart, overdue: readonly PendingRow[]): void {
    if (overdue.length === 0) return;
    if (this.state.kind === 'ready') this.#standing.report(part, { reason: NO_ANSWER, hint: SLOW_DISK });
    for (const pending of overdue) {
      pending.waiter?.reject(unavailable('The record could not be written in time.'));
      pending.waiter = null;
    }
  }

  #refuseLeftOver(): void {
    const leftOver: PendingRow[] = [
      ...this.#filed.pending.takeThrough(Infinity),
      ...this.#judged.pending.takeThrough(Infinity),
    ];
    if (leftOver.length === 0) return;
    for (const { waiter } of leftOver)
      waiter?.reject(unavailable('The ledger was closed before the record was written.'));
    const { state } = this;
    throw new LedgerError('unwritten_rows', `${leftOver.length} rows of the ledger could not be written.`, {
      hint: state.kind === 'unavailable' ? `${state.reason} ${state.hint}` : 'See the log.',
    });
  }
}

function problemOf({ message, hint }: LedgerError): { readonly reason: string; readonly hint: string } {
  return { reason: message, hint };
}

function unkeepable(cause: unknown): MetertapError {
  const reason = typeof cause === 'object' && cause !== null && 'message' in cause ? cause.message : cause;
  return new MetertapError('internal_error', `The ledger cannot keep this record: ${reason}`);
}

function unavailable(message: string, cause?: unknown): MetertapError {
  return new MetertapError('ledger_unavailable', message, { cause });
}

async function timeoutAfter(ms: number): Promise<never> {
  await sleep(ms, null, { ref: false });
  throw new LedgerError('failed', 'The journal took too long.', { hint: 'The disk of the data folder stands still.' });
}
