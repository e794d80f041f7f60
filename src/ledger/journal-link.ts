import type { Worker } from 'node:worker_threads';
import { endWorker } from './end-worker.ts';
import type { FromJournal, JournalCalls, ToJournal } from './journal-messages.ts';
import { LedgerError, ledgerErrorOf } from './ledger-error.ts';
import { WorkerCalls } from './worker-calls.ts';

export interface JournalEvents {
  /** The thread is there and has an open database; rows that were not acknowledged must be posted again. */
  opened(): void;
  committed(message: Extract<FromJournal, { kind: 'committed' }>): void;
  booked(message: Extract<FromJournal, { kind: 'booked' }>): void;
  refused(reasons: readonly string[]): void;
  /** A transaction failed and will be tried again, or the thread ended and will be started again. */
  failed(error: LedgerError): void;
}

const MAX_RESTARTS = 6;
const FIRST_RESTART_MS = 100;

/**
 * The main thread's end of the journal's worker thread. If the thread dies it is started again, a bounded number of
 * times without a commit or a booking between them, later and later.
 */
export class JournalLink {
  readonly #startWorker: (life: 'first' | 'restart') => Worker;
  readonly #events: JournalEvents;
  readonly #calls = new WorkerCalls<JournalCalls>((request) => this.#post(request));
  #worker: Worker | null = null;
  #isOpen = false;
  #isStopped = false;
  #restarts = 0;
  #lastError: LedgerError | null = null;

  constructor(startWorker: (life: 'first' | 'restart') => Worker, events: JournalEvents) {
    this.#startWorker = startWorker;
    this.#events = events;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Starts the thread. Gives how many calls of dead instances were closed. @throws LedgerError */
  async open(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const worker = this.#startWorker('first');
    worker.once('message', (message: FromJournal) => {
      if (message.kind === 'opened') resolve(message.recovered);
      else reject(message.kind === 'not_opened' ? ledgerErrorOf(message.error) : threadEnded());
    });
    worker.once('error', (cause) => reject(threadEnded(cause)));
    worker.once('exit', () => reject(threadEnded()));
    const recovered = await promise;
    this.#isOpen = true;
    this.#listen(worker);
    return recovered;
  }

  /** Posts rows; does nothing while there is no open thread. */
  post(message: ToJournal): void {
    if (this.#isOpen) this.#worker?.postMessage(message);
  }

  /** Calls the thread. Rejects with a LedgerError, at once where there is no open thread. */
  call<Name extends keyof JournalCalls>(
    name: Name,
    input: JournalCalls[Name]['input'],
  ): Promise<JournalCalls[Name]['output']> {
    if (!this.#isOpen) return Promise.reject(this.#lastError ?? threadEnded());
    return this.#calls.call(name, input);
  }

  /** Ends the thread, whatever it does. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#isOpen = false;
    this.#calls.failAll(threadEnded());
    if (this.#worker !== null) await endWorker(this.#worker);
  }

  #post(message: ToJournal): void {
    this.#worker?.postMessage(message);
  }

  #listen(worker: Worker): void {
    this.#worker = worker;
    worker.on('message', (message: FromJournal<never>) => this.#receive(message));
    worker.on('error', (cause) => {
      this.#lastError = threadEnded(cause);
    });
    worker.on('exit', () => this.#restart());
  }

  #receive(message: FromJournal<never>): void {
    switch (message.kind) {
      case 'opened':
        this.#isOpen = true;
        this.#events.opened();
        return;
      case 'not_opened':
        this.#lastError = ledgerErrorOf(message.error);
        return;
      case 'committed':
        this.#restarts = 0;
        this.#events.committed(message);
        return;
      case 'booked':
        this.#restarts = 0;
        this.#events.booked(message);
        return;
      case 'refused':
        this.#events.refused(message.reasons);
        return;
      case 'stalled':
        this.#events.failed(ledgerErrorOf(message.error));
        return;
      case 'answer':
        this.#calls.answered(message);
    }
  }

  #restart(): void {
    if (this.#isStopped) return;
    const error = this.#lastError ?? threadEnded();
    this.#isOpen = false;
    this.#worker = null;
    this.#calls.failAll(error);
    this.#events.failed(error);
    if (this.#restarts >= MAX_RESTARTS) return;
    const waitMs = FIRST_RESTART_MS * 2 ** this.#restarts;
    this.#restarts += 1;
    setTimeout(() => {
      if (!this.#isStopped) this.#listen(this.#startWorker('restart'));
    }, waitMs);
  }
}

function threadEnded(cause?: unknown): LedgerError {
  const detail = cause instanceof Error ? ` (${cause.message})` : '';
  return new LedgerError('failed', `The thread of the journal has ended${detail}.`, {
    hint: 'It is started again by itself. If this stays, start Metertap again and report it with the log.',
    cause,
  });
}
