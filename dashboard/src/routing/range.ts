import { query } from './location.ts';

export type Bucket = '1m' | '1h' | '1d';

/** A span of time that a view shows. */
export interface TimeRange {
  /** The name of a range that ends now; null for one with a fixed start and end. */
  readonly preset: string | null;
  readonly startMs: number;
  readonly endMs: number;
  readonly bucket: Bucket;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
export const BUCKET_MS: Readonly<Record<Bucket, number>> = { '1m': MINUTE, '1h': HOUR, '1d': DAY };

export const PRESETS: readonly { readonly id: string; readonly label: string; readonly ms: number }[] = [
  { id: '1h', label: '1 hour', ms: HOUR },
  { id: '24h', label: '24 hours', ms: DAY },
  { id: '7d', label: '7 days', ms: 7 * DAY },
  { id: '30d', label: '30 days', ms: 30 * DAY },
  { id: '90d', label: '90 days', ms: 90 * DAY },
];
const DEFAULT_PRESET = '24h';

/**
 * The range that the address names: `?range=7d`, or `?start=…&end=…` in Unix seconds. A range up to now ends with the
 * bucket that is being filled, so that the question stays the same until the next bucket begins.
 */
export function readRange(nowMs: number): TimeRange {
  const start = Number(query.value.get('start'));
  const end = Number(query.value.get('end'));
  if (start > 0 && end > start) {
    return { preset: null, startMs: start * 1000, endMs: end * 1000, bucket: bucketFor((end - start) * 1000) };
  }
  const named = PRESETS.find(({ id }) => id === query.value.get('range'));
  const preset = named ?? PRESETS.find(({ id }) => id === DEFAULT_PRESET) ?? { id: '24h', ms: DAY };
  const bucket = bucketFor(preset.ms);
  const endMs = Math.ceil((nowMs + 1) / BUCKET_MS[bucket]) * BUCKET_MS[bucket];
  return { preset: preset.id, startMs: endMs - preset.ms, endMs, bucket };
}

/** Minutes are kept for eight days and hours for 400 (docs/operations.md); a chart has room for some 200 bars. */
export function bucketFor(lengthMs: number): Bucket {
  if (lengthMs <= 3 * HOUR) return '1m';
  return lengthMs <= 8 * DAY ? '1h' : '1d';
}

/** The range of the same length that ends where this one begins. */
export function previousRange(range: TimeRange): TimeRange {
  return { ...range, preset: null, startMs: range.startMs - (range.endMs - range.startMs), endMs: range.startMs };
}

/** As the management API takes it. */
export function rangeQuery({ startMs, endMs }: TimeRange): { start_time: string; end_time: string } {
  return { start_time: String(Math.floor(startMs / 1000)), end_time: String(Math.floor(endMs / 1000)) };
}

/** The same for usage: a range of hours is within the days that its sums are asked for by. */
export function usageRange(range: TimeRange): { start_time: string; end_time: string; partial_buckets: string } {
  return { ...rangeQuery(range), partial_buckets: 'true' };
}
