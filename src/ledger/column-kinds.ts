import { type ColumnValue, RECORD_COLUMNS, type RecordColumn } from './record-columns.ts';

type Kind = 'text' | 'text or null' | 'integer' | 'integer or null';

/**
 * What each column of `records` takes, as its schema says (a test compares the two). Rows are checked against it before
 * they are acknowledged, so that none is refused when it is entered in the books later.
 */
export const COLUMN_KINDS: Readonly<Record<RecordColumn, Kind>> = {
  id: 'text',
  schema: 'integer',
  started_at: 'text',
  ended_at: 'text or null',
  duration_ms: 'integer or null',
  ttft_ms: 'integer or null',
  team: 'text',
  key_id: 'text',
  run_id: 'text or null',
  parent_run_id: 'text or null',
  session_id: 'text or null',
  agent: 'text or null',
  user: 'text or null',
  trace_id: 'text or null',
  labels: 'text',
  tags: 'text',
  upstream: 'text',
  endpoint: 'text',
  stream: 'integer',
  request_model: 'text or null',
  response_model: 'text or null',
  service_tier: 'text or null',
  status: 'integer or null',
  ending: 'text',
  error_code: 'text or null',
  client_retry: 'integer',
  retry_of: 'text or null',
  upstream_id: 'text or null',
  usage_source: 'text',
  input_tokens: 'integer or null',
  cache_read_tokens: 'integer or null',
  cache_write_tokens: 'integer or null',
  input_audio_tokens: 'integer or null',
  cache_audio_read_tokens: 'integer or null',
  input_image_tokens: 'integer or null',
  output_tokens: 'integer or null',
  reasoning_tokens: 'integer or null',
  output_audio_tokens: 'integer or null',
  accepted_prediction_tokens: 'integer or null',
  rejected_prediction_tokens: 'integer or null',
  total_tokens: 'integer or null',
  tool_calls: 'integer or null',
  details: 'text or null',
  usage_raw: 'text or null',
  cost_nano_usd: 'integer or null',
  price_id: 'text or null',
  cost_reported_usd: 'text or null',
  cost_input_nano_usd: 'integer or null',
  cost_cache_read_nano_usd: 'integer or null',
  cost_cache_write_nano_usd: 'integer or null',
  cost_output_nano_usd: 'integer or null',
  units: 'integer or null',
};

const TAKES_TEXT = RECORD_COLUMNS.map((name) => COLUMN_KINDS[name].startsWith('text'));
const TAKES_NULL = RECORD_COLUMNS.map((name) => COLUMN_KINDS[name].endsWith('null'));

/** Tells whether these are the values of a row, each of the kind of its column. */
export function areColumns(values: readonly unknown[]): values is ColumnValue[] {
  if (values.length !== RECORD_COLUMNS.length) return false;
  for (let position = 0; position < values.length; position++) {
    if (!isOfKind(values[position], position)) return false;
  }
  return true;
}

function isOfKind(value: unknown, position: number): boolean {
  if (value === null) return TAKES_NULL[position] === true;
  if (typeof value === 'string') return TAKES_TEXT[position] === true;
  return Number.isSafeInteger(value) && TAKES_TEXT[position] === false;
}

/** The first column whose value is not of its kind; null where all are. */
export function misfit(values: readonly unknown[]): RecordColumn | null {
  return RECORD_COLUMNS.find((_, position) => !isOfKind(values[position], position)) ?? null;
}
