import { MetertapError } from '../core/errors.ts';
import type { LedgerReader, UsageQuery } from '../ledger/ledger-reader.ts';
import type { QueryParameters } from './query-parameters.ts';
import { BUCKETS, type BucketWidth, bucketStart } from './usage-report.ts';

const UNITS: Readonly<Record<BucketWidth, string>> = { '1m': 'minute', '1h': 'hour', '1d': 'day' };
const ENDS = ['start_time', 'end_time'] as const;
type End = (typeof ENDS)[number];

/**
 * Refuses a `start_time` or `end_time` that lies within a bucket: the sums of whole buckets would be those of more than
 * was asked for, and the sums of a part would pass for those of a whole one. Buckets are those of UTC.
 *
 * @throws MetertapError `invalid_parameter`, which names the two nearest times that can be asked for
 */
export function refuseCutBuckets(parameters: QueryParameters, bucket: BucketWidth): void {
  for (const name of ENDS) {
    const ms = parameters.moment(name);
    if (ms === null || bucketStart(ms, bucket) === ms) continue;
    throw invalid(
      name,
      `${given(parameters, name)} is within a bucket: with bucket=${bucket} it must be a whole ${UNITS[bucket]} of UTC. ` +
        `Send ${nearest(ms, bucket)}; or partial_buckets=true, and the ${EDGES[name]} bucket holds only what is in the range.`,
    );
  }
}

const EDGES: Readonly<Record<End, string>> = { start_time: 'first', end_time: 'last' };

/**
 * Refuses a range that the books cannot tell any more: minutes, hours and records are kept for a time only, and sums of
 * whole days would be those of more than was asked for.
 *
 * @throws MetertapError `invalid_parameter`, which names the two nearest times that can be asked for
 */
export async function refuseForgottenTimes(
  reader: Pick<LedgerReader, 'usageSpan'>,
  parameters: QueryParameters,
  query: UsageQuery,
): Promise<void> {
  const span = await reader.usageSpan(query);
  const widened = { start_time: span.startMs < query.startMs, end_time: span.endMs > query.endMs };
  for (const name of ENDS) {
    const ms = parameters.moment(name);
    if (ms === null || !widened[name]) continue;
    const bucket = span[name === 'start_time' ? 'startUnit' : 'endUnit'];
    throw invalid(
      name,
      `${given(parameters, name)}: of that time only whole ${UNITS[bucket]}s of these sums are kept. Send ${nearest(ms, bucket)}.`,
    );
  }
}

function given(parameters: QueryParameters, name: End): string {
  return `${name} ${JSON.stringify(parameters.text(name))}`;
}

function nearest(ms: number, bucket: BucketWidth): string {
  const before = bucketStart(ms, bucket);
  return `${timeText(before)} or ${timeText(before + BUCKETS[bucket].widthMs)}`;
}

/** Without milliseconds: buckets begin with whole minutes at least. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

function invalid(param: End, message: string): MetertapError {
  return new MetertapError('invalid_parameter', message, { param });
}
