import { Worker } from 'node:worker_threads';
import { roughTokens } from '../metering/estimate-tokens.ts';

/** One job on its way to the thread. */
export interface CountRequest {
  readonly id: number;
  readonly texts: readonly string[];
}

export interface CountAnswer {
  readonly id: number;
  /** Of each text; null where they could not be counted. */
  readonly tokens: readonly number[] | null;
}

/** What is used of a worker thread. */
export interface TokenWorker {
  postMessage(request: CountRequest): void;
  on(event: 'message', listener: (answer: CountAnswer) => void): unknown;
  on(event: 'error' | 'exit', listener: () => void): unknown;
  terminate(): Promise<unknown>;
}

export interface TokenEstimatorOptions {
  readonly startWorker: () => TokenWorker;
  /** How long a call waits for its tokens, in milliseconds. */
  readonly patienceMs: number;
  /** A thread that works at one job for so long hangs, and is ended. */
  readonly hungMs: number;
  /** A thread that has ended is started again after this time at the earliest. */
  readonly restartMs: number;
  /** How many jobs may wait for the thread. */
  readonly maxWaiting: number;
  readonly nowMs: () => number;
  /** The thread has died by itself, or was ended because it hung. */
  readonly onDeath: (reason: 'ended' | 'hung') => void;
}

interface Job extends CountRequest {
  settle(tokens: readonly number[]): void;
}

/**
 * Counts the tokens of texts on a thread of its own, which is started when it is first needed. Nobody waits long, and
 * nothing piles up: where the thread is late, busy, dead or not there, a rule of thumb gives the count at once.
 */
export class TokenEstimator {
  readonly #options: TokenEstimatorOptions;
  readonly #waiting: Job[] = [];
  #worker: TokenWorker | null = null;
  #running: Job | null = null;
  #hungTimer: NodeJS.Timeout | null = null;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #lastId = 0;
  #isClosed = false;

  constructor(options: TokenEstimatorOptions) {
    this.#options = options;
  }

  /** Gives the tokens of each text. Never rejects. */
  count(texts: readonly string[]): Promise<readonly number[]> {
    const isEmpty = texts.every((text) => text === '');
    if (isEmpty || this.#waiting.length >= this.#options.maxWaiting || !this.#canWork()) {
      return Promise.resolve(texts.map(roughTokens));
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#giveUp(job), this.#options.patienceMs);
      const settle = (tokens: readonly number[]): void => {
        clearTimeout(timer);
        resolve(tokens);
      };
      const job: Job = { id: ++this.#lastId, texts, settle };
      this.#waiting.push(job);
      this.#next();
    });
  }

  /** Ends the thread; who waits gets the rule of thumb. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#stopWorker();
  }

  #canWork(): boolean {
    if (this.#isClosed) return false;
    return this.#worker !== null || this.#options.nowMs() >= this.#notBeforeMs;
  }

  /** Jobs go to the thread one by one, so that one that nobody waits for any more never gets there. */
  #next(): void {
    if (this.#running !== null) return;
    const job = this.#waiting.shift();
    if (job === undefined) return;
    this.#running = job;
    try {
      this.#worker ??= this.#start();
      this.#worker.postMessage({ id: job.id, texts: job.texts });
    } catch {
      this.#died('ended'); // the thread could not be started
      return;
    }
    this.#hungTimer = setTimeout(() => this.#died('hung'), this.#options.hungMs);
    this.#hungTimer.unref();
  }

  #start(): TokenWorker {
    const worker = this.#options.startWorker();
    worker.on('message', (answer) => {
      if (this.#worker === worker) this.#answered(answer);
    });
    const ended = (): void => {
      if (this.#worker === worker) this.#died('ended');
    };
    worker.on('error', ended);
    worker.on('exit', ended);
    return worker;
  }

  #answered({ id, tokens }: CountAnswer): void {
    const job = this.#running;
    if (job?.id !== id) return;
    this.#clearRunning();
    job.settle(tokens ?? job.texts.map(roughTokens));
    this.#next();
  }

  #giveUp(job: Job): void {
    const position = this.#waiting.indexOf(job);
    if (position >= 0) this.#waiting.splice(position, 1);
    job.settle(job.texts.map(roughTokens));
  }

  #clearRunning(): void {
    if (this.#hungTimer !== null) clearTimeout(this.#hungTimer);
    this.#hungTimer = null;
    this.#running = null;
  }

  /** The next thread is started by whoever needs it, but not at once, should it die again. */
  #died(reason: 'ended' | 'hung'): void {
    this.#options.onDeath(reason);
    this.#notBeforeMs = this.#options.nowMs() + this.#options.restartMs;
    void this.#stopWorker();
  }

  async #stopWorker(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    const jobs = [...(this.#running === null ? [] : [this.#running]), ...this.#waiting.splice(0)];
    this.#clearRunning();
    for (const job of jobs) job.settle(job.texts.map(roughTokens));
    await worker?.terminate();
  }
}

const PATIENCE_MS = 250;
const HUNG_MS = 5_000;
const RESTART_MS = 1_000;
const MAX_WAITING = 64;
/** The tokeniser needs some 80 MB; a thread that wants much more dies alone. */
const MAX_HEAP_MB = 256;

/** Makes the estimator of a running Metertap; nothing is started or loaded before it is needed. */
export function createTokenEstimator(options: Pick<TokenEstimatorOptions, 'nowMs' | 'onDeath'>): TokenEstimator {
  return new TokenEstimator({
    startWorker: startTokenWorker,
    patienceMs: PATIENCE_MS,
    hungMs: HUNG_MS,
    restartMs: RESTART_MS,
    maxWaiting: MAX_WAITING,
    ...options,
  });
}

export function startTokenWorker(): Worker {
  const worker = new Worker(new URL('./token-estimator-worker.ts', import.meta.url), {
    name: 'metertap-tokens',
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  worker.unref();
  return worker;
}
