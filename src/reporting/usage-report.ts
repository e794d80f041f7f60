import { formatUsd } from '../core/money.ts';
import type {
  LedgerReader,
  NamedDimension,
  SumName,
  UsageDimension,
  UsageQuery,
  UsageRow,
} from '../ledger/ledger-reader.ts';
import { COUNT_NAMES, type TokenCounts } from '../metering/usage.ts';
import { countsFrom } from './counts.ts';
import { badCursor, type ListPage, type PageRequest } from './list-page.ts';
import type { NotCounted } from './totals.ts';

/** The sums of one bucket, or of one combination of the dimensions asked for within it. */
export interface UsageResult
  extends TokenCounts,
    Partial<Record<UsageDimension, string | null>>,
    Readonly<Record<NamedDimension, string | null>> {
  readonly requests: number;
  readonly cost_usd: string;
  readonly cost_complete: boolean;
  readonly corrections_usd: string;
  readonly corrected_cost_usd: string;
  readonly corrected_cost_complete: boolean;
  /** Calls whose usage is known and whose price is not; their cost is not in `cost_usd`. */
  readonly unpriced: number;
  readonly not_counted: NotCounted;
}

export interface UsageBucket {
  /** ISO 8601, inclusive. */
  readonly start_time: string;
  /** ISO 8601, exclusive. */
  readonly end_time: string;
  /** Empty where nothing was called. */
  readonly results: readonly UsageResult[];
}

export type BucketWidth = UsageQuery['bucket'];

interface BucketKind {
  readonly widthMs: number;
  /** The range where the query gives no start, counted back from its end. */
  readonly defaultRangeMs: number;
  readonly maxBuckets: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A page holds a day of minutes, a month of hours, a year of days. Defaults are those of OpenAI (standards.md 1.2). */
export const BUCKETS = {
  '1m': { widthMs: 60_000, defaultRangeMs: HOUR_MS, maxBuckets: 1_440 },
  '1h': { widthMs: HOUR_MS, defaultRangeMs: DAY_MS, maxBuckets: 744 },
  '1d': { widthMs: DAY_MS, defaultRangeMs: 7 * DAY_MS, maxBuckets: 400 },
} as const satisfies Record<BucketWidth, BucketKind>;

const SHOWN_SUMS: readonly SumName[] = [
  'requests',
  ...COUNT_NAMES,
  'failed',
  'missing_usage',
  'estimated',
  'client_retries',
  'unpriced',
  'priced_later',
  'cost_nano_usd',
  'corrections_nano_usd',
];

/**
 * Gives one page of buckets, in order of time, those without calls too. Buckets lie on whole minutes, hours or days of
 * UTC; the first and the last hold no calls from outside the range. `page.limit` is a number of buckets.
 */
export async function reportUsage(
  reader: Pick<LedgerReader, 'usage'>,
  query: UsageQuery,
  page: PageRequest,
): Promise<ListPage<UsageBucket>> {
  const { widthMs } = BUCKETS[query.bucket];
  const { startMs, endMs } = page.position === null ? query : positionOf(page.position);
  const firstMs = bucketStart(startMs, query.bucket);
  const pageEndMs = Math.min(endMs, firstMs + page.limit * widthMs);
  const rows = await reader.usage({ ...query, startMs, endMs: pageEndMs, sums: SHOWN_SUMS });

  const rowsByBucket = Map.groupBy(rows, (row) => row.bucketStartMs);
  const data: UsageBucket[] = [];
  for (let atMs = firstMs; atMs < pageEndMs; atMs += widthMs) {
    data.push({
      start_time: new Date(atMs).toISOString(),
      end_time: new Date(atMs + widthMs).toISOString(),
      results: (rowsByBucket.get(atMs) ?? []).map((row) => resultOf(row, query.groupBy)),
    });
  }
  return { data, next_cursor: pageEndMs < endMs ? page.cursors.write([`${pageEndMs}`, `${endMs}`]) : null };
}

/** The start of the bucket that a moment lies in. */
export function bucketStart(ms: number, bucket: BucketWidth): number {
  const { widthMs } = BUCKETS[bucket];
  return Math.floor(ms / widthMs) * widthMs;
}

interface Range {
  readonly startMs: number;
  readonly endMs: number;
}

/** The end is in the cursor too, so that "until now" means the same on every page. */
function positionOf(position: readonly string[]): Range {
  const [startMs, endMs] = position.map((text) => (/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN));
  if (startMs === undefined || endMs === undefined || !(startMs < endMs)) throw badCursor();
  return { startMs, endMs };
}

function resultOf(row: UsageRow, groupBy: readonly UsageDimension[]): UsageResult {
  const dimensions = Object.fromEntries(groupBy.map((dimension) => [dimension, row.dimensions[dimension] ?? null]));
  return {
    ...dimensions,
    ...row.named,
    requests: row.requests,
    ...countsFrom((name) => row[name]),
    cost_usd: formatUsd(row.cost_nano_usd),
    cost_complete: row.unpriced === 0 && row.missing_usage === 0 && row.estimated === 0,
    corrections_usd: formatUsd(row.corrections_nano_usd),
    corrected_cost_usd: formatUsd(row.cost_nano_usd + row.corrections_nano_usd),
    corrected_cost_complete: row.unpriced === row.priced_later && row.missing_usage === 0 && row.estimated === 0,
    unpriced: row.unpriced,
    not_counted: {
      missing_usage: row.missing_usage,
      estimated: row.estimated,
      failed: row.failed,
      client_retries: row.client_retries,
    },
  };
}
