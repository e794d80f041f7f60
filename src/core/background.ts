/**
 * Work that goes on beside the calls: timers and promises that nobody awaits. Everything started here is known, so a
 * clean stop can wait for it and a test can see that nothing is left.
 */
export class BackgroundWork {
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #running = new Set<Promise<void>>();
  readonly #onError: (name: string, error: unknown) => void;
  readonly #stop = new AbortController();

  /** @param onError told of every failure; background work has no caller that could catch it */
  constructor(onError: (name: string, error: unknown) => void) {
    this.#onError = onError;
  }

  /** Tells work that may take minutes to come to an end. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  /** Runs `work` now, without the caller waiting for it. */
  run(name: string, work: () => Promise<void>): void {
    const running: Promise<void> = work()
      .catch((error: unknown) => this.#onError(name, error))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Runs `work` every `intervalMs` until the stop; a run that is still going is not overtaken by the next. */
  every(name: string, intervalMs: number, work: () => Promise<void>): void {
    let busy = false;
    const timer = setInterval(() => {
      if (busy) return;
      busy = true;
      this.run(name, () =>
        work().finally(() => {
          busy = false;
        }),
      );
    }, intervalMs);
    timer.unref();
    this.#timers.add(timer);
  }

  /** Ends all timers, tells work that is running (`stopping`) and waits for what is running. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers.clear();
    await Promise.all(this.#running);
  }
}
