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

/** A call that is being served, and who waits for its end. */
interface OpenCall {
  readonly call: Cancellation;
  /** Its place in the list; -1 once it is over. */
  place: number;
  readonly waiters: Waiter[];
}

interface Waiter {
  open: number;
  readonly resolve: () => void;
}

/**
 * Calls that are being served now, so that a shutdown can wait for them and then end the rest.
 *
 * Kept as a list and not as a Set: a Set that much is put into and taken out of leaves behind tables that point to each
 * other and to the calls, and the young generation's collector lets all of them grow old (docs/performance.md).
 */
export class OpenCalls {
  readonly #open: OpenCall[] = [];
  #closing = false;

  /** True once no further call may begin. */
  get closing(): boolean {
    return this.#closing;
  }

  get count(): number {
    return this.#open.length;
  }

  /** Notes a call. Gives a function to be called when it is over. */
  enter(call: Cancellation): () => void {
    const entry: OpenCall = { call, place: this.#open.length, waiters: [] };
    this.#open.push(entry);
    return () => this.#leave(entry);
  }

  /** Admits no further call. */
  stopAdmitting(): void {
    this.#closing = true;
  }

  /** Resolves when the calls that are open now are over, whatever has begun since. */
  whenPresentOver(): Promise<void> {
    if (this.#open.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter: Waiter = { open: this.#open.length, resolve };
      for (const entry of this.#open) entry.waiters.push(waiter);
    });
  }

  /** Ends every open call. */
  abortAll(reason: Error): void {
    for (const { call } of [...this.#open]) call.cancel(reason);
  }

  #leave(entry: OpenCall): void {
    if (entry.place < 0) return;
    const last = this.#open.pop();
    if (last !== undefined && last !== entry) {
      this.#open[entry.place] = last;
      last.place = entry.place;
    }
    entry.place = -1;
    for (const waiter of entry.waiters) {
      waiter.open -= 1;
      if (waiter.open === 0) waiter.resolve();
    }
  }
}
