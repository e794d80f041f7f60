import { Worker } from 'node:worker_threads';
import type { Clock } from '../core/clock.ts';
import { MetertapError } from '../core/errors.ts';
import type { ChangeAuthor } from './access-book.ts';
import { bringUpToDate } from './booked-reads.ts';
import { endWorker } from './end-worker.ts';
import type { JournalCalls } from './journal-messages.ts';
import { LedgerError } from './ledger-error.ts';
import type {
  ActivitySum,
  LedgerReader,
  RecordFilter,
  RunDeclaration,
  RunFilter,
  RunKey,
  RunRow,
  SettledEntries,
  SettledPage,
  UsageQuery,
  UsageRow,
  UsageSpan,
} from './ledger-reader.ts';
import type { OutboxPage, SinkRegistration, SinkStanding } from './outbox.ts';
import type { RecordPage } from './queries/records.ts';
import type { RunPage } from './queries/runs.ts';
import type { ReaderCalls, ReaderStart } from './reader-messages.ts';
import type { CallRecord } from './record.ts';
import { type Answer, WorkerCalls } from './worker-calls.ts';

export interface ReaderOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  /** Asked every few seconds: the journal answers, whose thread is there in any case. */
  readonly hasRunLimits: () => Promise<boolean>;
  /** Has the books brought up to date before each read of them (`booked-reads.ts`). */
  readonly book: () => Promise<unknown>;
  /** Declaring a run is a write: the journal does it. */
  readonly declareRun: (input: JournalCalls['declareRun']['input']) => Promise<RunRow>;
  /** A thread that has had nothing to read for so long is ended. */
  readonly idleMs?: number;
}

/** Teams, keys and documents are written at once. */
const NOT_IN_BOOKS: ReadonlySet<keyof ReaderCalls> = new Set([
  'team',
  'teams',
  'key',
  'keys',
  'audit',
  'statementDocument',
]);

/** A thread at rest holds some 15 MB, and starting one takes about a tenth of a second. */
const DEFAULT_IDLE_MS = 10_000;

/**
 * Reads of the SQLite ledger. Every read rejects with `ledger_unavailable` where the database cannot be read. The
 * thread is started with the first read, is ended when nobody has read for a while, and is started again with the next
 * read after that or after it has died. No proxied call waits for it.
 */
export class SqliteReader implements LedgerReader {
  readonly #options: ReaderOptions;
  #thread: { worker: Worker; calls: WorkerCalls<ReaderCalls> } | null = null;
  #isClosed = false;
  #reads = 0;
  #idleTimer: NodeJS.Timeout | null = null;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  record(id: string, team: string | null): Promise<CallRecord | null> {
    return this.#ask('record', { id, team });
  }

  records(filter: RecordFilter, page: RecordPage): Promise<CallRecord[]> {
    return this.#ask('records', { filter, page });
  }

  lastSettlement(): Promise<number> {
    return this.#ask('lastSettlement', null);
  }

  settlementOf(filter: RecordFilter, id: string): Promise<number | null> {
    return this.#ask('settlementOf', { filter, id });
  }

  settledEntries(filter: RecordFilter, page: SettledPage): Promise<SettledEntries> {
    return this.#ask('settledEntries', { filter, page });
  }

  recordsOfRun(run: RunKey): Promise<CallRecord[]> {
    return this.#ask('recordsOfRun', run);
  }

  run(run: RunKey): Promise<RunRow | null> {
    return this.#ask('run', run);
  }

  teamsOfRun(runId: string): Promise<string[]> {
    return this.#ask('teamsOfRun', runId);
  }

  async runs(filter: RunFilter, page: RunPage): Promise<RunRow[]> {
    if (filter.order === '-cost' && page.after !== null && !/^-?\d{1,19}$/.test(page.after.value)) {
      throw new MetertapError('invalid_parameter', 'The cursor is not one of this list.', { param: 'cursor' });
    }
    return this.#ask('runs', { filter, page });
  }

  childrenOf(run: RunKey): Promise<RunRow[]> {
    return this.#ask('childrenOf', run);
  }

  async hasRunLimits(): Promise<boolean> {
    try {
      return await this.#options.hasRunLimits();
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  async declareRun(run: RunKey, declared: RunDeclaration, author: ChangeAuthor): Promise<RunRow> {
    if (declared.parentRunId === run.runId) {
      throw new MetertapError('invalid_parameter', 'A run cannot be its own parent.', { param: 'parent_run_id' });
    }
    try {
      return await this.#options.declareRun({
        run,
        declared,
        moment: { ...author, nowMs: this.#options.clock.nowMs() },
      });
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  sumsOfRun(run: RunKey): Promise<ActivitySum[]> {
    return this.#ask('sumsOfRun', run);
  }

  sumsOfSession(team: string | null, sessionId: string): Promise<ActivitySum[]> {
    return this.#ask('sumsOfSession', { team, sessionId });
  }

  usage(query: UsageQuery): Promise<UsageRow[]> {
    return this.#ask('usage', { query, nowMs: this.#options.clock.nowMs() });
  }

  usageSpan(query: UsageQuery): Promise<UsageSpan> {
    return this.#ask('usageSpan', { query, nowMs: this.#options.clock.nowMs() });
  }

  /** Asks the thread that reads. Rejects with `ledger_unavailable`. */
  ask<Name extends keyof ReaderCalls>(
    name: Name,
    input: ReaderCalls[Name]['input'],
  ): Promise<ReaderCalls[Name]['output']> {
    return this.#ask(name, input);
  }

  /** As `Outbox.nextPage`. */
  outboxPage(sink: SinkRegistration, limit: number): Promise<OutboxPage> {
    return this.#ask('outboxPage', { sink, limit });
  }

  /** As `Outbox.standings`. */
  sinkStandings(): Promise<readonly SinkStanding[]> {
    return this.#ask('sinkStandings', { nowMs: this.#options.clock.nowMs() });
  }

  /** Ends the thread; reads that are waiting reject. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#stop();
  }

  async #stop(): Promise<void> {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    const thread = this.#thread;
    this.#thread = null;
    thread?.calls.failAll(ended());
    if (thread !== null) await endWorker(thread.worker);
  }

  async #ask<Name extends keyof ReaderCalls>(
    name: Name,
    input: ReaderCalls[Name]['input'],
  ): Promise<ReaderCalls[Name]['output']> {
    if (this.#isClosed) throw unreadable(ended());
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#thread ??= this.#start();
    this.#reads += 1;
    try {
      if (!NOT_IN_BOOKS.has(name)) await bringUpToDate(this.#options.book);
      this.#thread ??= this.#start();
      return await this.#thread.calls.call(name, input);
    } catch (cause) {
      throw unreadable(cause);
    } finally {
      this.#reads -= 1;
      if (this.#reads === 0 && !this.#isClosed) this.#endWhenIdle();
    }
  }

  #endWhenIdle(): void {
    const idleMs = this.#options.idleMs ?? DEFAULT_IDLE_MS;
    this.#idleTimer = setTimeout(() => void this.#stop(), idleMs).unref();
  }

  #start(): { worker: Worker; calls: WorkerCalls<ReaderCalls> } {
    const workerData: ReaderStart = { dataDir: this.#options.dataDir };
    const worker = new Worker(new URL('./reader-worker.ts', import.meta.url), { workerData, name: 'metertap-reader' });
    const calls = new WorkerCalls<ReaderCalls>((request) => worker.postMessage(request));
    const end = (cause?: unknown): void => {
      if (this.#thread?.worker === worker) this.#thread = null;
      calls.failAll(ended(cause));
    };
    worker.on('message', (answer: Answer<never>) => calls.answered(answer));
    worker.on('error', end);
    worker.on('exit', () => end());
    return { worker, calls };
  }
}

/** The error for a caller whose question or change the ledger did not take. */
export function unreadable(cause: unknown): MetertapError {
  if (cause instanceof MetertapError) return cause;
  const reason = cause instanceof LedgerError ? ` ${cause.message}` : '';
  return new MetertapError('ledger_unavailable', `The ledger cannot be read now.${reason}`, { cause });
}

function ended(cause?: unknown): LedgerError {
  return new LedgerError('failed', 'The thread that reads the ledger has ended.', { hint: 'Try again.', cause });
}
