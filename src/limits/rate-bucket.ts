/** A bucket that fills with what is used and leaks its limit in `lengthMs` (GCRA; standards.md 8.4). */
export interface Bucket {
  readonly level: number;
  readonly atMs: number;
}

/** Floats leak; a billionth of a unit is no reason to refuse. */
const TOLERANCE = 1e-6;

/** The bucket's level at a later moment. */
export function levelAt(bucket: Bucket, limit: number, lengthMs: number, nowMs: number): number {
  const leaked = (Math.max(0, nowMs - bucket.atMs) * limit) / lengthMs;
  return Math.max(0, bucket.level - leaked);
}

/** A level as a count. */
export function wholeLevel(level: number): number {
  return Math.max(0, Math.ceil(level - TOLERANCE));
}

export function fitsBucket(level: number, amount: number, limit: number): boolean {
  return level + amount <= limit + TOLERANCE;
}

/** How long until so much has leaked that `amount` fits, or, for 0, until it is empty; null where it never will. */
export function waitFor(level: number, amount: number, rate: { limit: number; lengthMs: number }): number | null {
  if (amount > rate.limit) return null;
  if (amount === 0) return Math.ceil((level * rate.lengthMs) / rate.limit);
  return Math.max(0, Math.ceil(((level + amount - rate.limit) * rate.lengthMs) / rate.limit));
}
