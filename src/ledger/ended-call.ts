import { COUNT_NAMES } from '../metering/usage.ts';
import type { UsageSums } from './ledger-reader.ts';
import { type ColumnValue, RECORD_COLUMNS, type RecordColumn } from './record-columns.ts';
import { type CountedUsage, emptySums, modelOf, sumsOfRecord } from './sums.ts';

/** What the roll-ups take from a row that has an end: its dimensions, '' for none, and its sums. */
export interface EndedCall {
  readonly team: string;
  readonly keyId: string;
  readonly sessionId: string;
  readonly runId: string;
  readonly agent: string;
  readonly user: string;
  readonly upstream: string;
  readonly endpoint: string;
  readonly model: string;
  readonly serviceTier: string;
  readonly usageSource: string;
  readonly startedMs: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly sums: UsageSums;
}

/** No answer has a million million tokens. Sums of counts below this stay within 64 bits for ever. */
const MAX_COUNT = 1e12;

const POSITIONS: ReadonlyMap<RecordColumn, number> = new Map(RECORD_COLUMNS.map((name, position) => [name, position]));

/**
 * Reads the values of a row that has an end.
 *
 * @throws RangeError where a number is none that the ledger can add up; only this row is refused then
 */
export function endedCallOf(row: readonly ColumnValue[]): EndedCall {
  const startedAt = textAt(row, 'started_at');
  const startedMs = Date.parse(startedAt);
  if (Number.isNaN(startedMs)) throw new RangeError('started_at is not a time.');
  return {
    team: textAt(row, 'team'),
    keyId: textAt(row, 'key_id'),
    sessionId: textAt(row, 'session_id'),
    runId: textAt(row, 'run_id'),
    agent: textAt(row, 'agent'),
    user: textAt(row, 'user'),
    upstream: textAt(row, 'upstream'),
    endpoint: textAt(row, 'endpoint'),
    model: modelOf({ response_model: textAt(row, 'response_model'), request_model: textAt(row, 'request_model') }),
    serviceTier: textAt(row, 'service_tier'),
    usageSource: textAt(row, 'usage_source'),
    startedMs,
    firstAt: startedAt,
    lastAt: textAt(row, 'ended_at') || startedAt,
    sums: sumsOfRecord({
      ending: textAt(row, 'ending'),
      usage_source: textAt(row, 'usage_source'),
      usage: numberAt(row, 'input_tokens') === null ? null : usageAt(row),
      client_retry: numberAt(row, 'client_retry') ?? 0,
      cost_nano_usd: moneyAt(row, 'cost_nano_usd'),
      cost_input_nano_usd: moneyAt(row, 'cost_input_nano_usd'),
      cost_cache_read_nano_usd: moneyAt(row, 'cost_cache_read_nano_usd'),
      cost_cache_write_nano_usd: moneyAt(row, 'cost_cache_write_nano_usd'),
      cost_output_nano_usd: moneyAt(row, 'cost_output_nano_usd'),
      units: unitsAt(row),
    }),
  };
}

/** Tells whether a row gives its call an end. */
export function hasEnd(step: 'open' | 'finish', row: readonly ColumnValue[]): boolean {
  return step === 'finish' && !isOpenEnding(textAt(row, 'ending'));
}

/** Tells whether an ending is none yet. */
export function isOpenEnding(ending: string): boolean {
  return ending === 'in_flight' || ending === 'queued';
}

/** The text of a column, '' for null. */
export function textAt(row: readonly ColumnValue[], name: RecordColumn): string {
  const value = row[POSITIONS.get(name) ?? -1];
  return typeof value === 'string' ? value : '';
}

function numberAt(row: readonly ColumnValue[], name: RecordColumn): number | null {
  const value = row[POSITIONS.get(name) ?? -1];
  return typeof value === 'number' ? value : null;
}

function usageAt(row: readonly ColumnValue[]): CountedUsage {
  const counts = { ...emptySums(), details: detailsAt(row) };
  for (const name of COUNT_NAMES) {
    const value = numberAt(row, name) ?? 0;
    if (!Number.isInteger(value) || value < 0 || value > MAX_COUNT) {
      throw new RangeError(`${name} is not a count that the ledger can add up.`);
    }
    counts[name] = value;
  }
  return counts;
}

function detailsAt(row: readonly ColumnValue[]): Readonly<Record<string, unknown>> {
  const json = textAt(row, 'details');
  if (json === '' || json === '{}') return {};
  const details: unknown = JSON.parse(json);
  return typeof details === 'object' && details !== null ? { ...details } : {};
}

function unitsAt(row: readonly ColumnValue[]): number | null {
  const units = numberAt(row, 'units');
  if (units !== null && (!Number.isInteger(units) || units < 0 || units > MAX_COUNT)) {
    throw new RangeError('units is not a count that the ledger can add up.');
  }
  return units;
}

function moneyAt(row: readonly ColumnValue[], name: RecordColumn): number | null {
  const money = numberAt(row, name);
  if (money !== null && !Number.isSafeInteger(money)) throw new RangeError(`${name} is not a safe integer.`);
  return money;
}
