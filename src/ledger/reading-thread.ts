import type { Worker } from 'node:worker_threads';
import { MetertapError } from '../core/errors.ts';
import { endWorker } from './end-worker.ts';
import { LedgerError } from './ledger-error.ts';
import { type Answer, type CallTable, WorkerCalls } from './worker-calls.ts';

export interface ReadingThreadOptions<Table> {
  readonly start: () => Worker;
  /** Comes before each read, while the thread starts. */
  readonly prepare: (name: keyof Table) => Promise<void>;
  /** A thread that has had nothing to read for so long is ended. */
  readonly idleMs?: number;
}

/** A thread at rest holds some 15 MB, and starting one takes about a tenth of a second. */
const DEFAULT_IDLE_MS = 10_000;

/**
 * A thread that reads the ledger. It is started with the first read, is ended when nobody has read for a while, and is
 * started again with the next read after that or after it has died. Every read rejects with `ledger_unavailable` where
 * the ledger cannot be read.
 */
export class ReadingThread<Table extends CallTable<Table>> {
  readonly #options: ReadingThreadOptions<Table>;
  #thread: { worker: Worker; calls: WorkerCalls<Table> } | null = null;
  #isClosed = false;
  #reads = 0;
  #idleTimer: NodeJS.Timeout | null = null;

  constructor(options: ReadingThreadOptions<Table>) {
    this.#options = options;
  }

  async ask<Name extends keyof Table>(name: Name, input: Table[Name]['input']): Promise<Table[Name]['output']> {
    if (this.#isClosed) throw unreadable(ended());
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#thread ??= this.#start();
    this.#reads += 1;
    try {
      await this.#options.prepare(name);
      if (this.#isClosed) throw ended();
      this.#thread ??= this.#start();
      return await this.#thread.calls.call(name, input);
    } catch (cause) {
      throw unreadable(cause);
    } finally {
      this.#reads -= 1;
      if (this.#reads === 0 && !this.#isClosed) this.#endWhenIdle();
    }
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

  #endWhenIdle(): void {
    const idleMs = this.#options.idleMs ?? DEFAULT_IDLE_MS;
    this.#idleTimer = setTimeout(() => void this.#stop(), idleMs).unref();
  }

  #start(): { worker: Worker; calls: WorkerCalls<Table> } {
    const worker = this.#options.start();
    const calls = new WorkerCalls<Table>((request) => worker.postMessage(request));
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
