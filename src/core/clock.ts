/** Time, handed in rather than read, so that tests can set it. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. May step. For what is written down. */
  nowMs(): number;
  /** Milliseconds that never step back. For durations. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
