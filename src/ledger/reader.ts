import { Worker } from 'node:worker_threads';
import type { Clock } from '../core/clock.ts';
import { MetertapError } from '../core/errors.ts';
import type { ChangeAuthor } from './access-book.ts';
import { bringUpToDate } from './booked-reads.ts';
import type { JournalCalls } from './journal-messages.ts';
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
import { ReadingThread, unreadable } from './reading-thread.ts';
import type { CallRecord } from './record.ts';

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

/**
 * Reads of the SQLite ledger, on a thread of their own. Every read rejects with `ledger_unavailable` where the database
 * cannot be read. Long reports have another thread (`reporting/report-thread.ts`), so that what limits ask of the books
 * does not wait for them.
 */
export class SqliteReader implements LedgerReader {
  readonly #options: ReaderOptions;
  readonly #thread: ReadingThread<ReaderCalls>;

  constructor(options: ReaderOptions) {
    this.#options = options;
    const workerData: ReaderStart = { dataDir: options.dataDir };
    this.#thread = new ReadingThread({
      start: () => new Worker(new URL('./reader-worker.ts', import.meta.url), { workerData, name: 'metertap-reader' }),
      prepare: async (name) => {
        if (!NOT_IN_BOOKS.has(name)) await bringUpToDate(options.book);
      },
      ...(options.idleMs === undefined ? {} : { idleMs: options.idleMs }),
    });
  }

  record(id: string, team: string | null): Promise<CallRecord | null> {
    return this.#thread.ask('record', { id, team });
  }

  records(filter: RecordFilter, page: RecordPage): Promise<CallRecord[]> {
    return this.#thread.ask('records', { filter, page });
  }

  lastSettlement(): Promise<number> {
    return this.#thread.ask('lastSettlement', null);
  }

  settlementOf(filter: RecordFilter, id: string): Promise<number | null> {
    return this.#thread.ask('settlementOf', { filter, id });
  }

  settledEntries(filter: RecordFilter, page: SettledPage): Promise<SettledEntries> {
    return this.#thread.ask('settledEntries', { filter, page });
  }

  recordsOfRun(run: RunKey): Promise<CallRecord[]> {
    return this.#thread.ask('recordsOfRun', run);
  }

  run(run: RunKey): Promise<RunRow | null> {
    return this.#thread.ask('run', run);
  }

  teamsOfRun(runId: string): Promise<string[]> {
    return this.#thread.ask('teamsOfRun', runId);
  }

  async runs(filter: RunFilter, page: RunPage): Promise<RunRow[]> {
    if (filter.order === '-cost' && page.after !== null && !/^-?\d{1,19}$/.test(page.after.value)) {
      throw new MetertapError('invalid_parameter', 'The cursor is not one of this list.', { param: 'cursor' });
    }
    return this.#thread.ask('runs', { filter, page });
  }

  childrenOf(run: RunKey): Promise<RunRow[]> {
    return this.#thread.ask('childrenOf', run);
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
    return this.#thread.ask('sumsOfRun', run);
  }

  sumsOfSession(team: string | null, sessionId: string): Promise<ActivitySum[]> {
    return this.#thread.ask('sumsOfSession', { team, sessionId });
  }

  usage(query: UsageQuery): Promise<UsageRow[]> {
    return this.#thread.ask('usage', { query, nowMs: this.#options.clock.nowMs() });
  }

  usageSpan(query: UsageQuery): Promise<UsageSpan> {
    return this.#thread.ask('usageSpan', { query, nowMs: this.#options.clock.nowMs() });
  }

  /** Asks the thread that reads. Rejects with `ledger_unavailable`. */
  ask<Name extends keyof ReaderCalls>(
    name: Name,
    input: ReaderCalls[Name]['input'],
  ): Promise<ReaderCalls[Name]['output']> {
    return this.#thread.ask(name, input);
  }

  /** As `Outbox.nextPage`. */
  outboxPage(sink: SinkRegistration, limit: number): Promise<OutboxPage> {
    return this.#thread.ask('outboxPage', { sink, limit });
  }

  /** As `Outbox.standings`. */
  sinkStandings(): Promise<readonly SinkStanding[]> {
    return this.#thread.ask('sinkStandings', { nowMs: this.#options.clock.nowMs() });
  }

  /** Ends the thread; reads that are waiting reject. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}
