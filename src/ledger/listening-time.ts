/**
 * Time as the event loop has lived it. Each look at the clock adds what has passed since the one before, but no more than
 * `maxStepMs`: what a turn of the loop takes beyond that, or a process that was not run at all, is no time in which an
 * answer could have been heard.
 *
 * Whoever waits on it for a multiple of `maxStepMs` has let the loop come round at least so many times.
 */
export class ListeningTime {
  readonly #maxStepMs: number;
  #lookedAtMs: number;
  #ms = 0;

  /** @param nowMs on the monotonic clock */
  constructor(nowMs: number, maxStepMs: number) {
    this.#lookedAtMs = nowMs;
    this.#maxStepMs = maxStepMs;
  }

  /** The loop has come round. Gives the time listened so far, in milliseconds. */
  look(nowMs: number): number {
    this.#ms = this.at(nowMs);
    this.#lookedAtMs = nowMs;
    return this.#ms;
  }

  /** The time listened so far, in milliseconds, within a turn of the loop. */
  at(nowMs: number): number {
    return this.#ms + Math.min(nowMs - this.#lookedAtMs, this.#maxStepMs);
  }
}
