import { Worker } from 'node:worker_threads';
import { type ErrorCode, MetertapError } from '../core/errors.ts';
import { bringUpToDate } from '../ledger/booked-reads.ts';
import { ReadingThread } from '../ledger/reading-thread.ts';
import type { ReportQuestion, Reports } from './report-question.ts';

/** What the thread is asked. */
export interface ReportCalls {
  answer: { input: ReportQuestion; output: ReportOutcome };
}

/** An error of ours is data here: classes do not survive the way between threads. */
export type ReportOutcome =
  | { readonly kind: 'answered'; readonly json: Uint8Array }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string; readonly param: string | null };

export interface ReportThreadStart {
  readonly dataDir: string;
}

export interface ReportThreadOptions {
  readonly dataDir: string;
  /** Has the books brought up to date before each report (`booked-reads.ts`). */
  readonly book: () => Promise<unknown>;
  readonly idleMs?: number;
}

/**
 * Answers reports on a thread of their own, from the rows to the JSON: an answer of many megabytes would keep the event
 * loop, and with it every call, waiting while it is read and written. The bytes are handed over, not copied. The thread
 * ends when nobody asks (`ReadingThread`).
 */
export class ReportThread implements Reports {
  readonly #thread: ReadingThread<ReportCalls>;

  constructor({ dataDir, book, idleMs }: ReportThreadOptions) {
    const workerData: ReportThreadStart = { dataDir };
    this.#thread = new ReadingThread({
      start: () => new Worker(new URL('./report-worker.ts', import.meta.url), { workerData, name: 'metertap-reports' }),
      prepare: () => bringUpToDate(book),
      ...(idleMs === undefined ? {} : { idleMs }),
    });
  }

  async answer(question: ReportQuestion): Promise<Uint8Array> {
    const outcome = await this.#thread.ask('answer', question);
    if (outcome.kind === 'answered') return outcome.json;
    const { code, message, param } = outcome;
    throw new MetertapError(code, message, param === null ? {} : { param });
  }

  /** Ends the thread; questions that are waiting reject. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}
