import { MetertapError } from '../core/errors.ts';
import { isUsableId } from '../core/ids.ts';
import type { LedgerReader, NamedDimension, NamedDimensions, UsageQuery } from '../ledger/ledger-reader.ts';
import type { QueryParameters } from './query-parameters.ts';

/** What stands before the name of a tag of the call, or of a label of its key. */
export const NAMED_PREFIXES = ['tag.', 'label.'] as const;

const MAX_GROUPS = 4;
const MAX_FILTERS = 8;
const MAX_NAME_LENGTH = 256;
/** Records that are read one by one for one question: about a second of the thread that answers all reports. */
export const MOST_RECORDS = 250_000;

/**
 * Reads tags and labels out of a query: `group_by=tag.project` and `tag.project=apollo`.
 *
 * @param groups the values of `group_by`
 * @returns null where there are none
 * @throws MetertapError `invalid_parameter`
 */
export function readNamedDimensions(parameters: QueryParameters, groups: readonly string[]): NamedDimensions | null {
  const groupBy = groups.map((name) => checked(name, 'group_by'));
  const filters = parameters.prefixed().map((name) => ({
    dimension: checked(name, name),
    values: parameters.list(name),
  }));
  if (groupBy.length > MAX_GROUPS) throw invalid('group_by', `group_by takes at most ${MAX_GROUPS} tags and labels.`);
  const [first] = filters;
  if (first !== undefined && filters.length > MAX_FILTERS) {
    throw invalid(first.dimension, `A query may be narrowed by at most ${MAX_FILTERS} tags and labels.`);
  }
  return groupBy.length === 0 && filters.length === 0 ? null : { groupBy, filters };
}

function checked(name: string, parameter: string): NamedDimension {
  const prefix = NAMED_PREFIXES.find((start) => name.startsWith(start));
  const key = name.slice(prefix?.length ?? 0);
  if (isNamed(name) && key.length <= MAX_NAME_LENGTH && isUsableId(key)) return name;
  throw invalid(parameter, `${JSON.stringify(name)} names no tag or label: write tag.NAME or label.NAME.`);
}

function isNamed(name: string): name is NamedDimension {
  return NAMED_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/**
 * Refuses a question by tags or labels that the records cannot answer: where retention has removed some, or where they
 * are too many to be read one by one.
 *
 * @throws MetertapError `invalid_parameter`, which says how far back, or how many may be read
 */
export async function refuseUnansweredNames(
  reader: Pick<LedgerReader, 'usage' | 'usageSpan'>,
  query: UsageQuery,
): Promise<void> {
  const { recordsKeptFromMs } = await reader.usageSpan(query);
  if (query.startMs < recordsKeptFromMs) {
    const from = new Date(Math.ceil(recordsKeptFromMs / DAY_MS) * DAY_MS).toISOString().replace('.000Z', 'Z');
    throw invalid(
      'start_time',
      `Tags and labels are known of records only, which are kept from ${from} on (ledger.retention_days). Send a start_time from then.`,
    );
  }
  const { startMs, endMs } = query;
  const rows = await reader.usage({ startMs, endMs, bucket: '1d', groupBy: [], filters: {}, includeEstimated: true });
  const records = rows.reduce((sum, row) => sum + row.records, 0);
  if (records <= MOST_RECORDS) return;
  throw invalid(
    'start_time',
    `Tags and labels are read call by call, of ${MOST_RECORDS} calls at most, and there are more in this range: ask for shorter ones.`,
  );
}

const DAY_MS = 86_400_000;

function invalid(param: string, message: string): MetertapError {
  return new MetertapError('invalid_parameter', message, { param });
}
