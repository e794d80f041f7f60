export interface PauseBounds {
  readonly firstMs: number;
  readonly lastMs: number;
}

/**
 * How long to wait after `failures` in a row: twice as long each time up to a bound, and somewhere in the upper half of
 * it, so that several who failed together do not come back together. What the receiver asked for is the least.
 *
 * @param random a number from 0 to 1
 */
export function pauseAfter(
  failures: number,
  { bounds, retryAfterMs, random }: { bounds: PauseBounds; retryAfterMs: number | null; random: number },
): number {
  const full = Math.min(bounds.lastMs, bounds.firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.max(retryAfterMs ?? 0, full / 2 + (full / 2) * random);
}
