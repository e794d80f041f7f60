import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import { MetertapError } from '../core/errors.ts';
import { FiledRows } from './filed-rows.ts';
import type { JournalLink } from './journal-link.ts';
import type { FromJournal, UnwrittenRow } from './journal-messages.ts';
import { JudgedRows } from './judged-rows.ts';
import type { LedgerState } from './ledger.ts';
import { LedgerError } from './ledger-error.ts';
import { type LedgerPart, LedgerStanding } from './ledger-standing.ts';
import { ListeningTime } from './listening-time.ts';
import type { PendingRow } from './pending-rows.ts';
import type { CallRecord } from './record.ts';
import { keepableLineOf } from './row-lines.ts';
import type { SegmentFile } from './segment-file.ts';

export interface JournalRowsOptions {
  readonly clock: Clock;
  readonly link: Pick<JournalLink, 'isOpen' | 'post'>;
  /** As for `SegmentWriter`. */
  readonly openSegment: (number: number) => Promise<SegmentFile>;
  readonly synchronous: 'normal' | 'full';
  readonly segmentBytes: number;
  /** How long a row is waited for at most, in time in which the event loop could hear of it. */
  readonly commitTimeoutMs: number;
  readonly maxPendingRows: number;
  /** Told of each finished record that is durable and was not known. */
  readonly onFinished: (record: CallRecord) => void;
  /** As in `JournalOptions`. */
  readonly onStateChange: (state: LedgerState) => void;
  readonly onError: (error: unknown) => void;
  readonly onCommit: (recordWaitsMs: readonly number[]) => void;
}

/** A wait is given up only after the event loop has come round so many times, and has heard nothing. */
const TURNS_OF_A_WAIT = 10;
/** Where booking does not keep up, rows wait for it from here on. */
const MOST_UNBOOKED_ROWS = 20_000;

const TOO_MANY = 'Too many records wait to be written.';
const NO_ANSWER = 'The ledger does not answer.';
const SLOW_DISK = 'The disk of the data folder is too slow, or stands still. Writing goes on by itself.';
const NO_PROBLEMS: ReadonlyMap<number, UnwrittenRow> = new Map();

export interface NewRow extends Pick<PendingRow, 'record' | 'step' | 'waiter'> {
  /** Whether the books must say first whether it is known. */
  readonly isJudged: boolean;
}

/**
 * The rows between the calls and the ledger: which way each one goes (`filed-rows.ts`, `judged-rows.ts`), who waits for
 * it, and for how long. A row is kept here until it is durable.
 */
export class JournalRows {
  readonly #options: JournalRowsOptions;
  readonly #filed: FiledRows;
  readonly #judged: JudgedRows;
  readonly #standing: LedgerStanding;
  readonly #listened: ListeningTime;
  /** The thread cannot write, or there is none. */
  #isBehind = false;
  #sweeper: NodeJS.Timeout | null = null;

  constructor(options: JournalRowsOptions) {
    this.#options = options;
    const { link, clock, commitTimeoutMs } = options;
    this.#listened = new ListeningTime(clock.monotonicMs(), commitTimeoutMs / TURNS_OF_A_WAIT);
    this.#standing = new LedgerStanding(options.onStateChange);
    this.#filed = new FiledRows({
      openSegment: options.openSegment,
      synchronous: options.synchronous,
      segmentBytes: options.segmentBytes,
      onDurable: (rows) => this.#durable(rows),
      onFault: (error) => this.#standing.report('files', problemOf(error)),
      tellThread: (rows) => link.post({ kind: 'appended', rows }),
    });
    this.#judged = new JudgedRows({
      isOpen: () => link.isOpen,
      post: (message) => link.post(message),
      durable: () => this.#filed.durable,
    });
  }

  /** Makes the first file. @throws LedgerError with a hint */
  async start(): Promise<void> {
    await this.#filed.start();
    const everyMs = this.#options.commitTimeoutMs / TURNS_OF_A_WAIT / 2;
    this.#sweeper = setInterval(() => this.#giveUpOverdue(), everyMs).unref();
  }

  get state(): LedgerState {
    return this.#standing.state;
  }

  /** How many are not known to be durable yet. */
  get size(): number {
    return this.#filed.pending.size + this.#judged.pending.size;
  }

  /** Whether no more are taken; then `state` says why. */
  isFull(): boolean {
    const isFull = this.size >= this.#options.maxPendingRows;
    if (isFull && this.state.kind === 'ready') this.#standing.report('queue', { reason: TOO_MANY, hint: SLOW_DISK });
    return isFull;
  }

  /** @throws MetertapError `internal_error` where the books would not take the row */
  accept({ record, step, waiter, isJudged }: NewRow): void {
    const line = lineToKeep(step, record);
    const acceptedAtMs = this.#options.clock.monotonicMs();
    const deadlineMs = this.#listened.at(acceptedAtMs) + this.#options.commitTimeoutMs;
    const row = { step, record, waiter, acceptedAtMs, deadlineMs };
    if (isJudged || this.#isBehind || this.#filed.unbooked >= MOST_UNBOOKED_ROWS) {
      this.#judged.add(row, { line, after: this.#filed.accepted });
    } else this.#filed.add(row, line);
  }

  /** The newest finished record that fits and is not known to be durable. */
  findLast(fits: (record: CallRecord) => boolean): CallRecord | null {
    return this.#filed.pending.findLast(fits) ?? this.#judged.pending.findLast(fits);
  }

  /** There is a new thread. */
  threadOpened(): void {
    this.#filed.tellAgain();
    if (this.#judged.pending.size === 0) this.#threadWrites();
    else this.#judged.postAgain();
  }

  /** The thread has written rows that were posted to it. */
  committed(message: Extract<FromJournal, { kind: 'committed' }>): void {
    const problems = new Map(message.unwritten.map((row) => [row.sequence, row]));
    this.#settle(this.#judged.pending.takeThrough(message.throughSequence), problems);
    this.#threadWrites();
  }

  /** The thread has booked so many of the rows in the files. */
  booked(rows: number): void {
    this.#threadWrites();
    this.#filed.booked(rows);
  }

  /** The thread cannot write, or has ended. */
  threadFailed(error: LedgerError): void {
    this.#isBehind = true;
    this.#standing.report('thread', problemOf(error));
  }

  /**
   * Writes what can be written, and sends the rest to the thread. Gives whether nothing more comes to the files.
   */
  async finish(): Promise<boolean> {
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    await Promise.race([this.#filed.drain(), sleep(this.#options.commitTimeoutMs, null, { ref: false })]);
    const isComplete = this.#filed.close();
    this.#judged.postAll();
    return isComplete;
  }

  /** The thread is gone. @throws LedgerError `unwritten_rows` where rows are left over; whoever waits for them is told */
  close(): void {
    const leftOver: PendingRow[] = [
      ...this.#filed.pending.takeThrough(Infinity),
      ...this.#judged.pending.takeThrough(Infinity),
    ];
    if (leftOver.length === 0) return;
    for (const { waiter } of leftOver) {
      waiter?.reject(unavailable('The ledger was closed before the record was written.'));
    }
    const { state } = this;
    throw new LedgerError('unwritten_rows', `${leftOver.length} rows of the ledger could not be written.`, {
      hint: state.kind === 'unavailable' ? `${state.reason} ${state.hint}` : 'See the log.',
    });
  }

  #durable(rows: readonly PendingRow[]): void {
    this.#settle(rows, NO_PROBLEMS);
    this.#standing.report('files', null);
    this.#judged.flushSoon();
  }

  #settle(rows: readonly PendingRow[], problems: ReadonlyMap<number, UnwrittenRow>): void {
    const nowMs = this.#options.clock.monotonicMs();
    const waitsMs: number[] = [];
    for (const pending of rows) {
      if (pending.step === 'finish') waitsMs.push(nowMs - pending.acceptedAtMs);
      const problem = problems.get(pending.sequence);
      if (problem?.why === 'fault') {
        const error = unkeepable(problem.message);
        if (pending.waiter === null) this.#options.onError(error);
        else pending.waiter.reject(error);
        continue;
      }
      if (problem === undefined && pending.step === 'finish') this.#options.onFinished(pending.record);
      pending.waiter?.resolve();
    }
    this.#options.onCommit(waitsMs);
    this.#standing.report('queue', null);
  }

  #threadWrites(): void {
    this.#isBehind = false;
    this.#standing.report('thread', null);
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
}

function problemOf({ message, hint }: LedgerError): { readonly reason: string; readonly hint: string } {
  return { reason: message, hint };
}

function lineToKeep(step: PendingRow['step'], record: CallRecord): string {
  try {
    return keepableLineOf(step, record);
  } catch (error) {
    throw unkeepable(error instanceof Error ? error.message : String(error));
  }
}

function unkeepable(reason: string): MetertapError {
  return new MetertapError('internal_error', `The ledger cannot keep this record: ${reason}`);
}

function unavailable(message: string): MetertapError {
  return new MetertapError('ledger_unavailable', message);
}
