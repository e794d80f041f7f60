import {
  DETAIL_COUNT_NAMES,
  DETAIL_COUNTS,
  type DetailCount,
  detailCountOf,
  MAX_DETAIL_COUNT,
} from '../metering/detail-counts.ts';
import { COUNT_NAMES, type TokenCounts } from '../metering/usage.ts';
import type { UsageSums } from './ledger-reader.ts';
import type { CallRecord } from './record.ts';

/**
 * What one record adds to every sum. This file is the only place that says it: once for the roll-ups, which are written
 * as calls end, and once as SQL, for the few questions that are answered from the records themselves. A property test
 * holds the two together.
 */
export interface SummedRecord {
  readonly ending: string;
  readonly usage_source: string;
  readonly usage: SummedUsage | null;
  readonly client_retry: number;
  readonly cost_nano_usd: number | null;
  readonly cost_input_nano_usd: number | null;
  readonly cost_cache_read_nano_usd: number | null;
  readonly cost_cache_write_nano_usd: number | null;
  readonly cost_output_nano_usd: number | null;
  readonly units: number | null;
}

/** What was used; the counts in the order of `COUNT_NAMES`. */
export interface SummedUsage {
  readonly counts: readonly number[];
  readonly details: Readonly<Record<string, unknown>>;
}

export interface CountedUsage extends TokenCounts {
  readonly details: Readonly<Record<string, unknown>>;
}

export type MutableSums = { -readonly [Name in keyof UsageSums]: UsageSums[Name] };

/** The sums that are plain numbers, in the order of their columns; sums of money come after them. */
export const NUMBER_SUM_NAMES = [
  'records',
  'requests',
  'failed',
  'missing_usage',
  'estimated',
  'client_retries',
  'unpriced',
  ...COUNT_NAMES,
  ...DETAIL_COUNT_NAMES,
  'searching_requests',
  'units',
] as const satisfies readonly (keyof UsageSums)[];

/** Sums of money are bigints: they may be larger than the integers that JavaScript's numbers hold exactly. */
export const MONEY_SUM_NAMES = [
  'cost_nano_usd',
  'cost_input_nano_usd',
  'cost_cache_read_nano_usd',
  'cost_cache_write_nano_usd',
  'cost_output_nano_usd',
] as const satisfies readonly (keyof UsageSums)[];

/**
 * Where sums of money stop, in nano-USD: four billion USD. Two such are within 64 bits. An upstream that reports absurd
 * counts can make each call cost millions; a sum that SQLite cannot hold would keep everything from being booked.
 */
export const MOST_NANO_USD = 4_000_000_000_000_000_000n;

/** The sums that only corrections add to: writing a call leaves their columns alone. */
const CORRECTION_SUM_NAMES = ['corrections', 'priced_later'] as const satisfies readonly (keyof UsageSums)[];

/** All sums, those of corrections too, as they are read. */
export const READ_NUMBER_NAMES = [...NUMBER_SUM_NAMES, ...CORRECTION_SUM_NAMES] as const;
export const READ_MONEY_NAMES = [
  ...MONEY_SUM_NAMES,
  'corrections_nano_usd',
] as const satisfies readonly (keyof UsageSums)[];

const FAILED_ENDINGS: ReadonlySet<string> = new Set(['upstream_error', 'upstream_cut', 'timed_out']);

/** Gives sums of nothing. */
export function emptySums(): MutableSums {
  return {
    records: 0,
    requests: 0,
    failed: 0,
    missing_usage: 0,
    estimated: 0,
    client_retries: 0,
    unpriced: 0,
    input_tokens: 0,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
    input_audio_tokens: 0,
    cache_audio_read_tokens: 0,
    input_image_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    output_audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
    total_tokens: 0,
    tool_calls: 0,
    cache_write_30m_tokens: 0,
    cache_write_12h_tokens: 0,
    cached_image_tokens: 0,
    output_image_tokens: 0,
    web_searches: 0,
    searching_requests: 0,
    units: 0,
    cost_nano_usd: 0n,
    cost_input_nano_usd: 0n,
    cost_cache_read_nano_usd: 0n,
    cost_cache_write_nano_usd: 0n,
    cost_output_nano_usd: 0n,
    corrections: 0,
    priced_later: 0,
    corrections_nano_usd: 0n,
  };
}

/** Adds `more` to `sums`, in place. */
export function addSums(sums: MutableSums, more: UsageSums): void {
  for (const name of READ_NUMBER_NAMES) sums[name] += more[name];
  for (const name of READ_MONEY_NAMES) sums[name] += more[name];
}

/** The sums that writing a call adds to, in the order in which they are bound. */
export const WRITTEN_SUM_NAMES = [...NUMBER_SUM_NAMES, ...MONEY_SUM_NAMES] as const;

const NO_COUNTS: readonly number[] = COUNT_NAMES.map(() => 0);
const NO_DETAILS: readonly number[] = DETAIL_COUNT_NAMES.map(() => 0);

/**
 * Gives what one ended record adds to each of `WRITTEN_SUM_NAMES` (the meaning of each sum is told at `UsageSums`). A
 * record whose source is `missing` never adds tokens, whatever stands in `usage`.
 */
export function addendsOf(record: SummedRecord): number[] {
  const usage = record.usage_source === 'missing' ? null : record.usage;
  const failed = usage === null && FAILED_ENDINGS.has(record.ending);
  const isRequest = usage !== null || record.ending === 'completed';
  const details = usage === null ? NO_DETAILS : detailsOf(usage.details);
  const webSearches = details[WEB_SEARCHES] ?? 0;
  return [
    1, // records
    isRequest ? 1 : 0,
    failed ? 1 : 0,
    usage === null && !failed ? 1 : 0, // missing_usage
    record.usage_source === 'estimated' ? 1 : 0,
    record.client_retry > 0 ? 1 : 0,
    usage !== null && record.cost_nano_usd === null ? 1 : 0, // unpriced
    ...(usage === null ? NO_COUNTS : usage.counts),
    ...details,
    webSearches > 0 ? 1 : 0, // searching_requests
    isRequest ? (record.units ?? 0) : 0,
    record.cost_nano_usd ?? 0,
    record.cost_input_nano_usd ?? 0,
    record.cost_cache_read_nano_usd ?? 0,
    record.cost_cache_write_nano_usd ?? 0,
    record.cost_output_nano_usd ?? 0,
  ];
}

const WEB_SEARCHES = DETAIL_COUNT_NAMES.indexOf('web_searches');

function detailsOf(details: Readonly<Record<string, unknown>>): readonly number[] {
  for (const _ in details) return DETAIL_COUNT_NAMES.map((name) => detailCountOf(details, name));
  return NO_DETAILS; // most details are empty
}

/** The same by name. */
export function sumsOfRecord(
  record: Omit<SummedRecord, 'usage'> & { readonly usage: CountedUsage | null },
): MutableSums {
  const { usage } = record;
  const counts = usage === null ? null : { counts: COUNT_NAMES.map((name) => usage[name]), details: usage.details };
  const addends = addendsOf({ ...record, usage: counts });
  const sums = emptySums();
  for (const [at, name] of NUMBER_SUM_NAMES.entries()) sums[name] = addends[at] ?? 0;
  for (const [at, name] of MONEY_SUM_NAMES.entries()) sums[name] = BigInt(addends[NUMBER_SUM_NAMES.length + at] ?? 0);
  return sums;
}

const KNOWN = `(usage_source <> 'missing' AND input_tokens IS NOT NULL)`;
const FAILED = `(NOT ${KNOWN} AND ending IN ('upstream_error', 'upstream_cut', 'timed_out'))`;

/** The same as SQL over one row of `records`. */
export const RECORD_SUM_SQL: Readonly<Record<keyof UsageSums, string>> = {
  records: '1',
  requests: `(${KNOWN} OR ending = 'completed')`,
  failed: FAILED,
  missing_usage: `(NOT ${KNOWN} AND NOT ${FAILED})`,
  estimated: `(usage_source = 'estimated')`,
  client_retries: '(client_retry > 0)',
  unpriced: `(${KNOWN} AND cost_nano_usd IS NULL)`,
  input_tokens: countSql('input_tokens'),
  cache_read_tokens: countSql('cache_read_tokens'),
  cache_write_tokens: countSql('cache_write_tokens'),
  input_audio_tokens: countSql('input_audio_tokens'),
  cache_audio_read_tokens: countSql('cache_audio_read_tokens'),
  input_image_tokens: countSql('input_image_tokens'),
  output_tokens: countSql('output_tokens'),
  reasoning_tokens: countSql('reasoning_tokens'),
  output_audio_tokens: countSql('output_audio_tokens'),
  accepted_prediction_tokens: countSql('accepted_prediction_tokens'),
  rejected_prediction_tokens: countSql('rejected_prediction_tokens'),
  total_tokens: countSql('total_tokens'),
  tool_calls: countSql('tool_calls'),
  cache_write_30m_tokens: detailSql('cache_write_30m_tokens'),
  cache_write_12h_tokens: detailSql('cache_write_12h_tokens'),
  cached_image_tokens: detailSql('cached_image_tokens'),
  output_image_tokens: detailSql('output_image_tokens'),
  web_searches: detailSql('web_searches'),
  searching_requests: `(${detailSql('web_searches')} > 0)`,
  units: `iif(${KNOWN} OR ending = 'completed', coalesce(units, 0), 0)`,
  cost_nano_usd: 'coalesce(cost_nano_usd, 0)',
  cost_input_nano_usd: 'coalesce(cost_input_nano_usd, 0)',
  cost_cache_read_nano_usd: 'coalesce(cost_cache_read_nano_usd, 0)',
  cost_cache_write_nano_usd: 'coalesce(cost_cache_write_nano_usd, 0)',
  cost_output_nano_usd: 'coalesce(cost_output_nano_usd, 0)',
  corrections: '(SELECT count(*) FROM corrections WHERE record_id = records.id)',
  priced_later:
    '(SELECT count(*) FROM corrections WHERE record_id = records.id AND corrections.cost_before_nano_usd IS NULL)',
  corrections_nano_usd: '(SELECT coalesce(sum(delta_nano_usd), 0) FROM corrections WHERE record_id = records.id)',
};

function countSql(name: (typeof COUNT_NAMES)[number]): string {
  return `iif(${KNOWN}, ${name}, 0)`;
}

/** A detail is looked for only where there are any. */
function detailSql(name: DetailCount): string {
  const spellings = DETAIL_COUNTS[name].map((spelling) => {
    const path = `'$.${spelling}'`;
    const isCount = `json_type(details, ${path}) = 'integer' AND json_extract(details, ${path}) BETWEEN 0 AND ${MAX_DETAIL_COUNT}`;
    return `WHEN json_type(details, ${path}) IS NOT NULL THEN iif(${isCount}, json_extract(details, ${path}), 0)`;
  });
  return `iif(${KNOWN} AND details <> '{}', CASE ${spellings.join(' ')} ELSE 0 END, 0)`;
}

/** The model that a record is summed under: what answered, else what was asked for, else ''. */
export function modelOf(record: Pick<CallRecord, 'request_model' | 'response_model'>): string {
  return record.response_model || record.request_model || '';
}

/** `modelOf` as SQL over one row of `records`. */
export const RECORD_MODEL_SQL = `coalesce(nullif(response_model, ''), request_model, '')`;
