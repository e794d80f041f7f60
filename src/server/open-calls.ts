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
  #waiters: (() => void)[] = [];
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
      if (this.#open.size > 0) return;
      for (const resolve of this.#waiters) resolve();
      this.#waiters = [];
    };
  }

  /** Admits no further call. */
  stopAdmitting(): void {
    this.#closing = true;
  }

  /** Resolves when no call is open. */
  whenIdle(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Ends every open call. */
  abortAll(reason: Error): void {
    for (const call of [...this.#open]) call.cancel(reason);
  }
}
