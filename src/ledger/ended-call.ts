import { COUNT_NAMES } from '../metering/usage.ts';
import { isTime } from './iso-time.ts';
import { type ColumnValue, RECORD_COLUMNS, type RecordColumn } from './record-columns.ts';
import { addendsOf, modelOf, type SummedUsage } from './sums.ts';

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
  /** A safe integer. */
  readonly costNanoUsd: number;
  /** What it adds to each of `WRITTEN_SUM_NAMES`. */
  readonly addends: readonly number[];
}

/** No answer has a million million tokens. Sums of counts below this stay within 64 bits for ever. */
const MAX_COUNT = 1e12;

const position = (name: RecordColumn): number => RECORD_COLUMNS.indexOf(name);

/** Where the values stand that are read from a row. */
export const AT = {
  id: position('id'),
  startedAt: position('started_at'),
  endedAt: position('ended_at'),
  team: position('team'),
  keyId: position('key_id'),
  runId: position('run_id'),
  parentRunId: position('parent_run_id'),
  sessionId: position('session_id'),
  agent: position('agent'),
  user: position('user'),
  upstream: position('upstream'),
  endpoint: position('endpoint'),
  requestModel: position('request_model'),
  responseModel: position('response_model'),
  serviceTier: position('service_tier'),
  ending: position('ending'),
  errorCode: position('error_code'),
  clientRetry: position('client_retry'),
  usageSource: position('usage_source'),
  details: position('details'),
  usageRaw: position('usage_raw'),
  cost: position('cost_nano_usd'),
  costInput: position('cost_input_nano_usd'),
  costCacheRead: position('cost_cache_read_nano_usd'),
  costCacheWrite: position('cost_cache_write_nano_usd'),
  costOutput: position('cost_output_nano_usd'),
  units: position('units'),
} as const;

const COUNTS_AT: readonly number[] = COUNT_NAMES.map(position);

/** @throws RangeError where `endedCallOf` would, for the values of a row that fit their columns */
export function assertEnded(row: readonly ColumnValue[]): void {
  if (!isTime(textAt(row, AT.startedAt))) throw noTime();
  if (numberAt(row, COUNTS_AT[0] ?? -1) !== null) for (const at of COUNTS_AT) assertCount(row, at);
  unitsAt(row);
}

/**
 * Reads the values of a row that has an end.
 *
 * @throws RangeError where a number is none that the ledger can add up; only this row is refused then
 */
export function endedCallOf(row: readonly ColumnValue[]): EndedCall {
  const startedAt = textAt(row, AT.startedAt);
  return {
    team: textAt(row, AT.team),
    keyId: textAt(row, AT.keyId),
    sessionId: textAt(row, AT.sessionId),
    runId: textAt(row, AT.runId),
    agent: textAt(row, AT.agent),
    user: textAt(row, AT.user),
    upstream: textAt(row, AT.upstream),
    endpoint: textAt(row, AT.endpoint),
    model: modelOf({ response_model: textAt(row, AT.responseModel), request_model: textAt(row, AT.requestModel) }),
    serviceTier: textAt(row, AT.serviceTier),
    usageSource: textAt(row, AT.usageSource),
    startedMs: startOf(row),
    firstAt: startedAt,
    lastAt: textAt(row, AT.endedAt) || startedAt,
    costNanoUsd: moneyAt(row, AT.cost) ?? 0,
    addends: addendsOf({
      ending: textAt(row, AT.ending),
      usage_source: textAt(row, AT.usageSource),
      usage: numberAt(row, COUNTS_AT[0] ?? -1) === null ? null : usageAt(row),
      client_retry: numberAt(row, AT.clientRetry) ?? 0,
      cost_nano_usd: moneyAt(row, AT.cost),
      cost_input_nano_usd: moneyAt(row, AT.costInput),
      cost_cache_read_nano_usd: moneyAt(row, AT.costCacheRead),
      cost_cache_write_nano_usd: moneyAt(row, AT.costCacheWrite),
      cost_output_nano_usd: moneyAt(row, AT.costOutput),
      units: unitsAt(row),
    }),
  };
}

/** Tells whether a row gives its call an end. */
export function hasEnd(step: 'open' | 'finish', row: readonly ColumnValue[]): boolean {
  return step === 'finish' && !isOpenEnding(textAt(row, AT.ending));
}

/** Tells whether an ending is none yet. */
export function isOpenEnding(ending: string): boolean {
  return ending === 'in_flight' || ending === 'queued';
}

/** The text of a column, '' for null. @param at one of `AT` */
export function textAt(row: readonly ColumnValue[], at: number): string {
  const value = row[at];
  return typeof value === 'string' ? value : '';
}

function numberAt(row: readonly ColumnValue[], at: number): number | null {
  const value = row[at];
  return typeof value === 'number' ? value : null;
}

function startOf(row: readonly ColumnValue[]): number {
  const startedMs = Date.parse(textAt(row, AT.startedAt));
  if (Number.isNaN(startedMs)) throw noTime();
  return startedMs;
}

function noTime(): RangeError {
  return new RangeError('started_at is not a time.');
}

function usageAt(row: readonly ColumnValue[]): SummedUsage {
  return { counts: COUNTS_AT.map((at) => assertCount(row, at)), details: detailsAt(row) };
}

/** Gives the count, 0 where there is none. */
function assertCount(row: readonly ColumnValue[], at: number): number {
  const count = numberAt(row, at) ?? 0;
  if (!isCount(count)) throw new RangeError(`${RECORD_COLUMNS[at]} is not a count that the ledger can add up.`);
  return count;
}

function detailsAt(row: readonly ColumnValue[]): Readonly<Record<string, unknown>> {
  const json = textAt(row, AT.details);
  if (json === '' || json === '{}') return {};
  const details: unknown = JSON.parse(json);
  return typeof details === 'object' && details !== null ? { ...details } : {};
}

function unitsAt(row: readonly ColumnValue[]): number | null {
  const units = numberAt(row, AT.units);
  if (units !== null && !isCount(units)) throw new RangeError('units is not a count that the ledger can add up.');
  return units;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_COUNT;
}

function moneyAt(row: readonly ColumnValue[], at: number): number | null {
  const money = numberAt(row, at);
  if (money !== null && !Number.isSafeInteger(money)) {
    throw new RangeError(`${RECORD_COLUMNS[at]} is not a safe integer.`);
  }
  return money;
}
