import type { LedgerReader, UsageQuery, UsageRow } from '../ledger/ledger-reader.ts';
import { badCursor, type PageRequest } from './list-page.ts';
import { BUCKETS, type BucketWidth, bucketStart } from './usage-report.ts';

/** A page as OpenAI's organization API gives it; times are Unix seconds (standards.md 1.2). */
export interface OrganizationPage<Result> {
  readonly object: 'page';
  readonly data: readonly OrganizationBucket<Result>[];
  readonly has_more: boolean;
  readonly next_page: string | null;
}

export interface OrganizationBucket<Result> {
  readonly object: 'bucket';
  readonly start_time: number;
  readonly end_time: number;
  /** Empty where nothing was called. */
  readonly results: readonly Result[];
}

export interface OrganizationRange {
  readonly startMs: number;
  /** Null: until now. */
  readonly endMs: number | null;
  readonly bucket: BucketWidth;
}

/** What is asked of the ledger; null where no record can be an answer. */
export type OrganizationQuestion = Omit<UsageQuery, 'startMs' | 'endMs' | 'bucket'> | null;

const MINUTE_MS = 60_000;

/**
 * Gives one page of buckets, those without results too. `page.limit` is a number of buckets, so that an answer is
 * bounded however long the range is; buckets that lie in the future are not given.
 *
 * Buckets lie on whole minutes, hours or days of UTC. As at OpenAI, the first begins with the minute of `start_time`,
 * and the last one ends with `end_time` where that is given.
 *
 * @param page what is on the page, and how the rows of one bucket become its results
 */
export async function organizationPage<Result>(
  reader: Pick<LedgerReader, 'usage'>,
  asked: { readonly range: OrganizationRange; readonly question: OrganizationQuestion; readonly nowMs: number },
  page: PageRequest & { readonly resultsOf: (rows: readonly UsageRow[]) => readonly Result[] },
): Promise<OrganizationPage<Result>> {
  const { bucket } = asked.range;
  const { widthMs } = BUCKETS[bucket];
  const { startMs, endMs } = page.position === null ? wholeRange(asked.range, asked.nowMs) : positionOf(page.position);
  const firstMs = bucketStart(startMs, bucket);
  const pageEndMs = Math.max(startMs, Math.min(endMs, firstMs + page.limit * widthMs));
  const rows =
    asked.question === null || pageEndMs === startMs
      ? []
      : await reader.usage({ ...asked.question, bucket, startMs, endMs: pageEndMs });

  const rowsByBucket = Map.groupBy(rows, (row) => row.bucketStartMs);
  const data: OrganizationBucket<Result>[] = [];
  for (let atMs = firstMs; atMs < pageEndMs; atMs += widthMs) {
    data.push({
      object: 'bucket',
      start_time: Math.max(atMs, startMs) / 1_000,
      end_time: Math.floor(Math.min(atMs + widthMs, endMs) / 1_000),
      results: page.resultsOf(rowsByBucket.get(atMs) ?? []),
    });
  }
  const goesOn = pageEndMs < endMs;
  const next_page = goesOn ? page.cursors.write([`${pageEndMs}`, `${endMs}`]) : null;
  return { object: 'page', data, has_more: goesOn, next_page };
}

interface Range {
  readonly startMs: number;
  readonly endMs: number;
}

/** Until the end of the bucket that is now, so that it is told whole although it still grows. */
function wholeRange({ startMs, endMs, bucket }: OrganizationRange, nowMs: number): Range {
  const endOfNowMs = bucketStart(nowMs, bucket) + BUCKETS[bucket].widthMs;
  return {
    startMs: Math.floor(startMs / MINUTE_MS) * MINUTE_MS,
    endMs: endMs === null ? endOfNowMs : Math.min(endMs, endOfNowMs),
  };
}

/** The end is in the cursor too, so that "until now" means the same on every page. */
function positionOf(position: readonly string[]): Range {
  const [startMs, endMs] = position.map((text) => (/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN));
  if (startMs === undefined || endMs === undefined || !(startMs < endMs)) throw badCursor(null, 'page');
  return { startMs, endMs };
}
