import type { CallRecord } from '../ledger/record.ts';
import { COUNT_NAMES } from '../metering/usage.ts';
import type { CorrectionLine } from './correction-line.ts';
import type { CsvColumn, CsvValue } from './csv-text.ts';

/** Tells which texts of a row have an apostrophe before them. */
export const ESCAPED_COLUMN = 'escaped';

const plain = <Name extends keyof CallRecord>(
  name: CallRecord[Name] extends string | number | boolean | null ? Name : never,
): CsvColumn<CallRecord> => ({
  name,
  value: (record) => {
    const value = record[name];
    return typeof value === 'object' ? null : value;
  },
});

const json = (name: 'labels' | 'tags' | 'usage_raw'): CsvColumn<CallRecord> => ({
  name,
  value: (record) => {
    const value = record[name];
    return value === null ? null : JSON.stringify(value);
  },
});

/**
 * The columns of `format=csv`, in their order: the members of the record (contract.md, "The record") with the counts of
 * the usage as columns of their own and objects as JSON. The id is first: a download that broke goes on after it.
 */
export const RECORD_CSV_COLUMNS: readonly CsvColumn<CallRecord>[] = [
  plain('id'),
  plain('schema'),
  plain('started_at'),
  plain('ended_at'),
  plain('duration_ms'),
  plain('ttft_ms'),
  plain('team'),
  plain('key_id'),
  plain('run_id'),
  plain('parent_run_id'),
  plain('session_id'),
  plain('agent'),
  plain('user'),
  plain('trace_id'),
  json('labels'),
  json('tags'),
  plain('upstream'),
  plain('endpoint'),
  plain('stream'),
  plain('request_model'),
  plain('response_model'),
  plain('service_tier'),
  plain('status'),
  plain('ending'),
  plain('error_code'),
  plain('client_retry'),
  plain('retry_of'),
  plain('upstream_id'),
  plain('usage_source'),
  ...COUNT_NAMES.map((name) => ({ name, value: (record: CallRecord) => record.usage?.[name] ?? null })),
  { name: 'details', value: (record) => (record.usage === null ? null : JSON.stringify(record.usage.details)) },
  json('usage_raw'),
  plain('cost_nano_usd'),
  plain('cost_usd'),
  plain('price_id'),
  plain('cost_reported_usd'),
  plain('cost_input_nano_usd'),
  plain('cost_cache_read_nano_usd'),
  plain('cost_cache_write_nano_usd'),
  plain('cost_output_nano_usd'),
  plain('units'),
  { name: 'record_type', value: () => 'call' },
  { name: 'record_id', value: () => null },
  { name: 'created_at', value: () => null },
  { name: 'period', value: () => null },
  { name: 'reason', value: () => null },
  { name: 'actor', value: () => null },
  { name: ESCAPED_COLUMN, value: () => null },
];

/** The same columns for a correction; what it does not have is empty. */
export const CORRECTION_CSV_COLUMNS: readonly CsvColumn<CorrectionLine>[] = RECORD_CSV_COLUMNS.map(({ name }) => ({
  name,
  value: (line) => cellOf(Object.entries(line).find(([member]) => member === name)?.[1] ?? null),
}));

function cellOf(value: CorrectionLine[keyof CorrectionLine]): CsvValue {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}
