import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ChurningMap } from '../core/churning-map.ts';
import type { Clock } from '../core/clock.ts';
import { MetertapError } from '../core/errors.ts';
import type { AccessBook } from './access-book.ts';
import type { CorrectionBook } from './correction.ts';
import { makeFolder } from './database.ts';
import { JournalLink } from './journal-link.ts';
import type { JournalStart, PruneResult } from './journal-messages.ts';
import { JournalRows } from './journal-rows.ts';
import type { Ledger, LedgerState } from './ledger.ts';
import { LedgerError } from './ledger-error.ts';
import type { LedgerReader } from './ledger-reader.ts';
import type { Outbox } from './outbox.ts';
import { isResponsesRecord } from './queries/records.ts';
import { SqliteReader } from './reader.ts';
import { RecentResponses } from './recent-responses.ts';
import type { CallRecord } from './record.ts';
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
  /** Told how many rows could not be entered in the books, where some could not; `onError` is told of each. */
  readonly onRefusedRows?: (rows: number) => void;
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
const SEGMENT_BYTES = 32 * 1024 * 1024;
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
 * The ledger, as the main thread sees it. A row is durable when it is appended to a file (`journal-rows.ts`), and a thread
 * enters it in the books, which are SQLite. Nothing here touches the database, or waits for the disk.
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
  readonly #rows: JournalRows;
  readonly #recent = new RecentResponses(RECENT_RESPONSES);
  readonly #listeners = new Set<(record: CallRecord) => void>();
  /** The ids of calls that were opened here and have not been finished. */
  readonly #openIds = new ChurningMap<true>();
  #isClosed = false;
  #recoveredCalls = 0;

  /** Use `openJournal`. */
  constructor(options: JournalOptions) {
    this.#options = options;
    this.#link = new JournalLink((life) => this.#startWorker(life), {
      opened: () => this.#rows.threadOpened(),
      committed: (message) => this.#rows.committed(message),
      booked: ({ rows }) => this.#rows.booked(rows),
      refused: (reasons) => this.#tellRefused(reasons),
      failed: (error) => this.#rows.threadFailed(error),
    });
    this.#rows = new JournalRows({
      clock: options.clock,
      link: this.#link,
      openSegment: this.#segmentOpener(),
      synchronous: options.synchronous,
      segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
      commitTimeoutMs: options.commitTimeoutMs ?? DEFAULT_COMMIT_TIMEOUT_MS,
      maxPendingRows: options.maxPendingRows ?? DEFAULT_MAX_PENDING_ROWS,
      onFinished: (record) => this.#announce(record),
      onStateChange: (state) => options.onStateChange?.(state),
      onError: (error) => options.onError?.(error),
      onCommit: (recordWaitsMs) => options.onCommit?.(recordWaitsMs),
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
      await this.#rows.start();
    } catch (error) {
      await this.#link.call('close', { isComplete: true }).catch(() => null); // what is wrong is told by the error
      await this.#link.stop();
      throw error;
    }
  }

  get state(): LedgerState {
    return this.#rows.state;
  }

  /** How many calls of processes that had died were closed as `interrupted` when this one started. */
  get recoveredCalls(): number {
    return this.#recoveredCalls;
  }

  /** Rows that are not known to be durable yet. */
  get pendingRows(): number {
    return this.#rows.size;
  }

  open(record: CallRecord): void {
    if (this.#isClosed || this.#rows.isFull()) return; // told by `state`; the finished record brings all that is in it
    try {
      this.#rows.accept({ record, step: 'open', waiter: null, isJudged: false });
      this.#openIds.set(record.id, true);
    } catch (error) {
      this.#options.onError?.(error); // a record that no row can hold: `finish` will say so to its caller
    }
  }

  finish(record: CallRecord): Promise<void> {
    if (this.#isClosed) return Promise.reject(unavailable('The ledger is closed.'));
    // Nobody else can give a call its end that was opened here. Of others, such as background responses that several
    // processes see, the books say whether they have one.
    const isJudged = this.#openIds.take(record.id) === undefined;
    if (this.#rows.isFull()) return Promise.reject(unavailable('Too many records wait to be written.'));
    return new Promise((resolve, reject) => {
      this.#rows.accept({ record, step: 'finish', waiter: { resolve, reject }, isJudged }); // what it throws rejects
      this.#recent.remember(record);
    });
  }

  async findByUpstreamId(upstreamId: string, team: string | null): Promise<CallRecord | null> {
    const fits = (record: CallRecord): boolean =>
      record.upstream_id === upstreamId && isResponsesRecord(record) && (team === null || record.team === team);
    const known = this.#recent.find(upstreamId, team) ?? this.#rows.findLast(fits);
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
   * Open calls, day roll-ups, runs and sessions stay. With millions of records it takes minutes.
   *
   * @param stop ends all deleting early; the result says what was deleted until then
   * @throws LedgerError
   */
  async prune(beforeMs: number | null, stop?: AbortSignal): Promise<PruneResult> {
    const end = (): void => void this.#link.call('stopPruning', null).catch(() => null); // without a thread nothing is deleted
    if (stop?.aborted) return { records: 0, undelivered: 0, minuteRows: 0, hourRows: 0 };
    stop?.addEventListener('abort', end, { once: true });
    try {
      return await this.#link.call('prune', { beforeMs, nowMs: this.#options.clock.nowMs() });
    } finally {
      stop?.removeEventListener('abort', end);
    }
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
    await this.#reader.close();
    const isComplete = await this.#rows.finish();
    const answer = this.#link.call('close', { isComplete });
    await Promise.race([answer, timeoutAfter(CLOSE_TIMEOUT_MS)]).catch(() => null); // the rows left over tell the rest
    await this.#link.stop();
    this.#rows.close();
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

  #tellRefused(reasons: readonly string[]): void {
    this.#options.onRefusedRows?.(reasons.length);
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
}

function unavailable(message: string, cause?: unknown): MetertapError {
  return new MetertapError('ledger_unavailable', message, { cause });
}

async function timeoutAfter(ms: number): Promise<never> {
  await sleep(ms, null, { ref: false });
  throw new LedgerError('failed', 'The journal took too long.', { hint: 'The disk of the data folder stands still.' });
}
