/** The way to end a call from outside, whichever upstream connection it has at the moment. */
export class Cancellation {
  #abort: ((reason: Error) => void) | null = null;
  #reason: Error | null = null;

  /** From now on `abort` is what ends the call; at once, if it has been cancelled already. */
  use(abort: (reason: Error) => void): void {
    this.#abort = abort;
    if (this.#reason !== null) abort(this.#reason);
  }

  cancel(reason: Error): void {
    this.#reason ??= reason;
    this.#abort?.(reason);
  }
}

/** Calls that are being served now, so that a shutdown can wait for them and then end the rest. */
export class OpenCalls {
  readonly #open = new Set<Cancellation>();
  readonly #waiters = new Set<{ readonly calls: Set<Cancellation>; readonly resolve: () => void }>();
  #closing = false;

  /** True once no further call may begin. */
  get closing(): boolean {
    return this.#closing;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Notes a call. Gives a function to be called when it is over. */
  enter(call: Cancellation): () => void {
    this.#open.add(call);
    return () => {
      this.#open.delete(call);
      for (const waiter of this.#waiters) {
        waiter.calls.delete(call);
        if (waiter.calls.size > 0) continue;
        this.#waiters.delete(waiter);
        waiter.resolve();
      }
    };
  }

  /** Admits no further call. */
  stopAdmitting(): void {
    this.#closing = true;
  }

  /** Resolves when the calls that are open now are over, whatever has begun since. */
  whenPresentOver(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.add({ calls: new Set(this.#open), resolve }));
  }

  /** Ends every open call. */
  abortAll(reason: Error): void {
    for (const call of [...this.#open]) call.cancel(reason);
  }
}
