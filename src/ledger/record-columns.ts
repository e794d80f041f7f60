import { formatUsd } from '../core/money.ts';
import type { Usage } from '../metering/usage.ts';
import type { CallRecord } from './record.ts';
import {
  integer,
  integerOrNull,
  jsonNumbersOrNull,
  jsonObjectOrNull,
  jsonStrings,
  oneOf,
  type Row,
  text,
  textOrNull,
} from './row-values.ts';

/**
 * The way of a record into its row and back. A row on its way to the journal's thread is a flat array in the order of
 * `RECORD_COLUMNS`: copying an array of plain values between threads costs less than half of copying the object.
 */
export const RECORD_COLUMNS = [
  'id',
  'schema',
  'started_at',
  'ended_at',
  'duration_ms',
  'ttft_ms',
  'team',
  'key_id',
  'run_id',
  'parent_run_id',
  'session_id',
  'agent',
  'user',
  'trace_id',
  'labels',
  'tags',
  'upstream',
  'endpoint',
  'stream',
  'request_model',
  'response_model',
  'service_tier',
  'status',
  'ending',
  'error_code',
  'client_retry',
  'retry_of',
  'upstream_id',
  'usage_source',
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'input_audio_tokens',
  'cache_audio_read_tokens',
  'input_image_tokens',
  'output_tokens',
  'reasoning_tokens',
  'output_audio_tokens',
  'accepted_prediction_tokens',
  'rejected_prediction_tokens',
  'total_tokens',
  'tool_calls',
  'details',
  'usage_raw',
  'cost_nano_usd',
  'price_id',
  'cost_reported_usd',
  'cost_input_nano_usd',
  'cost_cache_read_nano_usd',
  'cost_cache_write_nano_usd',
  'cost_output_nano_usd',
  'units',
] as const;
export type RecordColumn = (typeof RECORD_COLUMNS)[number];

/** The columns as they are named in a SELECT. */
export const RECORD_COLUMNS_SQL = RECORD_COLUMNS.map((name) => `"${name}"`).join(', ');

export type ColumnValue = string | number | null;

/** A record as the values of its columns. Throws a TypeError where `usage_raw` is nothing that JSON can hold. */
export function columnsOfRecord(record: CallRecord): ColumnValue[] {
  const usage = record.usage;
  return [
    record.id,
    record.schema,
    record.started_at,
    record.ended_at,
    rounded(record.duration_ms),
    rounded(record.ttft_ms),
    record.team,
    record.key_id,
    record.run_id,
    record.parent_run_id,
    record.session_id,
    record.agent,
    record.user,
    record.trace_id,
    json(record.labels),
    json(record.tags),
    record.upstream,
    record.endpoint,
    record.stream ? 1 : 0,
    record.request_model,
    record.response_model,
    record.service_tier,
    record.status,
    record.ending,
    record.error_code,
    record.client_retry,
    record.retry_of,
    record.upstream_id,
    record.usage_source,
    usage ? usage.input_tokens : null,
    usage ? usage.cache_read_tokens : null,
    usage ? usage.cache_write_tokens : null,
    usage ? usage.input_audio_tokens : null,
    usage ? usage.cache_audio_read_tokens : null,
    usage ? usage.input_image_tokens : null,
    usage ? usage.output_tokens : null,
    usage ? usage.reasoning_tokens : null,
    usage ? usage.output_audio_tokens : null,
    usage ? usage.accepted_prediction_tokens : null,
    usage ? usage.rejected_prediction_tokens : null,
    usage ? usage.total_tokens : null,
    usage ? usage.tool_calls : null,
    usage ? json(usage.details) : null,
    record.usage_raw ? JSON.stringify(record.usage_raw) : null,
    record.cost_nano_usd,
    record.price_id,
    record.cost_reported_usd,
    record.cost_input_nano_usd,
    record.cost_cache_read_nano_usd,
    record.cost_cache_write_nano_usd,
    record.cost_output_nano_usd,
    record.units,
  ];
}

/** Durations come from a clock that counts fractions; the record holds whole milliseconds. */
function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms);
}

/** Most labels, tags and details are empty. */
function json(object: Readonly<Record<string, unknown>>): string {
  for (const _ in object) return JSON.stringify(object);
  return '{}';
}

const ENDINGS = [
  'completed',
  'client_left',
  'upstream_cut',
  'upstream_error',
  'timed_out',
  'interrupted',
  'in_flight',
  'queued',
] as const satisfies readonly CallRecord['ending'][];
const USAGE_SOURCES = ['reported', 'estimated', 'missing'] as const satisfies readonly CallRecord['usage_source'][];

/** Reads a row of `records`, all of whose `RECORD_COLUMNS` were selected. */
export function recordOfRow(row: Row): CallRecord {
  const costNanoUsd = integerOrNull(row, 'cost_nano_usd');
  return {
    id: text(row, 'id'),
    schema: 1,
    started_at: text(row, 'started_at'),
    ended_at: textOrNull(row, 'ended_at'),
    duration_ms: integerOrNull(row, 'duration_ms'),
    ttft_ms: integerOrNull(row, 'ttft_ms'),
    team: text(row, 'team'),
    key_id: text(row, 'key_id'),
    run_id: textOrNull(row, 'run_id'),
    parent_run_id: textOrNull(row, 'parent_run_id'),
    session_id: textOrNull(row, 'session_id'),
    agent: textOrNull(row, 'agent'),
    user: textOrNull(row, 'user'),
    trace_id: textOrNull(row, 'trace_id'),
    labels: jsonStrings(row, 'labels'),
    tags: jsonStrings(row, 'tags'),
    upstream: text(row, 'upstream'),
    endpoint: text(row, 'endpoint'),
    stream: integer(row, 'stream') === 1,
    request_model: textOrNull(row, 'request_model'),
    response_model: textOrNull(row, 'response_model'),
    service_tier: textOrNull(row, 'service_tier'),
    status: integerOrNull(row, 'status'),
    ending: oneOf(row, 'ending', ENDINGS),
    error_code: textOrNull(row, 'error_code'),
    client_retry: integer(row, 'client_retry'),
    retry_of: textOrNull(row, 'retry_of'),
    upstream_id: textOrNull(row, 'upstream_id'),
    usage_source: oneOf(row, 'usage_source', USAGE_SOURCES),
    usage: usageOfRow(row),
    usage_raw: jsonObjectOrNull(row, 'usage_raw'),
    cost_nano_usd: costNanoUsd,
    cost_usd: costNanoUsd === null ? null : formatUsd(costNanoUsd),
    price_id: textOrNull(row, 'price_id'),
    cost_reported_usd: textOrNull(row, 'cost_reported_usd'),
    cost_input_nano_usd: integerOrNull(row, 'cost_input_nano_usd'),
    cost_cache_read_nano_usd: integerOrNull(row, 'cost_cache_read_nano_usd'),
    cost_cache_write_nano_usd: integerOrNull(row, 'cost_cache_write_nano_usd'),
    cost_output_nano_usd: integerOrNull(row, 'cost_output_nano_usd'),
    units: integerOrNull(row, 'units'),
  };
}

/** Usage is written whole or not at all; `details` is null where there is none. */
export function usageOfRow(row: Row): Usage | null {
  const details = jsonNumbersOrNull(row, 'details');
  if (details === null) return null;
  return {
    input_tokens: integer(row, 'input_tokens'),
    cache_read_tokens: integer(row, 'cache_read_tokens'),
    cache_write_tokens: integer(row, 'cache_write_tokens'),
    input_audio_tokens: integer(row, 'input_audio_tokens'),
    cache_audio_read_tokens: integer(row, 'cache_audio_read_tokens'),
    input_image_tokens: integer(row, 'input_image_tokens'),
    output_tokens: integer(row, 'output_tokens'),
    reasoning_tokens: integer(row, 'reasoning_tokens'),
    output_audio_tokens: integer(row, 'output_audio_tokens'),
    accepted_prediction_tokens: integer(row, 'accepted_prediction_tokens'),
    rejected_prediction_tokens: integer(row, 'rejected_prediction_tokens'),
    total_tokens: integer(row, 'total_tokens'),
    tool_calls: integer(row, 'tool_calls'),
    details,
  };
}
