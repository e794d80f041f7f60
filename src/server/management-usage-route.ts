import type { FastifyInstance } from 'fastify';
import { USAGE_DIMENSIONS, type UsageDimension, type UsageQuery } from '../ledger/ledger-reader.ts';
import { refuseCutBuckets, refuseForgottenTimes } from '../reporting/bucket-times.ts';
import { NAMED_PREFIXES, readNamedDimensions, refuseUnansweredNames } from '../reporting/named-dimensions.ts';
import { pageRequest } from '../reporting/page-request.ts';
import { checkRange, QueryParameters } from '../reporting/query-parameters.ts';
import { reportPage } from '../reporting/report-question.ts';
import { BUCKETS, bucketStart } from '../reporting/usage-report.ts';
import type { ManagementRooms, Reader } from './management-rooms.ts';
import { readerOf, visibleTeam } from './management-scope.ts';
import { sendReport } from './send-report.ts';

const WIDTHS = ['1m', '1h', '1d'] as const;
const SOURCES = ['reported', 'estimated', 'missing'] as const;
const PARAMETERS = [
  'start_time',
  'end_time',
  'bucket',
  'partial_buckets',
  'group_by',
  'include_estimated',
  ...USAGE_DIMENSIONS,
  'limit',
  'cursor',
];

/** `GET /usage`. */
export function registerUsageRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/usage', async (request, reply) => {
    const parameters = new QueryParameters(request.query, PARAMETERS, NAMED_PREFIXES);
    const bucket = parameters.choice('bucket', WIDTHS) ?? '1h';
    const { maxBuckets, defaultRangeMs } = BUCKETS[bucket];
    const asked = parameters.range();
    const mayCutBuckets = parameters.choice('partial_buckets', ['true', 'false']) === 'true';
    if (!mayCutBuckets) refuseCutBuckets(parameters, bucket);
    const groups = parameters.choicesOrPrefixed('group_by', USAGE_DIMENSIONS);
    const named = readNamedDimensions(parameters, groups.prefixed);
    const narrowed = {
      bucket,
      groupBy: groups.words,
      filters: readFilters(parameters, readerOf(request)),
      includeEstimated: parameters.choice('include_estimated', ['true', 'false']) === 'true',
      ...(named === null ? {} : { named }),
    };
    // The cursors are of the query as it was asked, since "now" is another moment when the next page is.
    const page = pageRequest(parameters, ['usage', asked, narrowed], { fallback: maxBuckets, max: maxBuckets });

    const nowMs = rooms.clock.nowMs();
    const endMs = asked.endMs ?? nowMs;
    const startMs = asked.startMs ?? bucketStart(Math.max(0, endMs - defaultRangeMs), bucket);
    checkRange(startMs, endMs);
    const query = { ...narrowed, startMs, endMs };
    if (mayCutBuckets) await refuseForgottenTimes(rooms.reader, parameters, query);
    if (named !== null) await refuseUnansweredNames(rooms.reader, query);
    return sendReport(reply, rooms.reports, { report: 'usage', query, page: reportPage(page), nowMs });
  });
}

function readFilters(parameters: QueryParameters, reader: Reader): UsageQuery['filters'] {
  const filters: Partial<Record<UsageDimension, readonly string[]>> = {};
  for (const dimension of USAGE_DIMENSIONS) {
    const values = dimension === 'usage_source' ? parameters.choices(dimension, SOURCES) : parameters.list(dimension);
    if (values.length > 0) filters[dimension] = values;
  }
  for (const team of filters.team ?? []) visibleTeam(reader, team);
  return reader.kind === 'team' ? { ...filters, team: [reader.team] } : filters;
}
