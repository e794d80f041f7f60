import { formatUsd, parseDecimal } from '../core/money.ts';
import { listOf, memberOf } from './management-client.ts';

/** The sums of one group, over one bucket or over the whole range. */
export interface UsageRow {
  /** Where buckets are told apart: ISO 8601. */
  readonly bucket: string | null;
  /** Values of the groups, in the order in which they were asked for; null where calls had none. */
  readonly groups: readonly (string | null)[];
  readonly requests: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly totalTokens: number;
  readonly toolCalls: number;
  readonly costNanoUsd: bigint;
  readonly isCostComplete: boolean;
}

export interface RowOptions {
  readonly groupBy: readonly string[];
  /** Whether each bucket has rows of its own; else they are added up. */
  readonly byBucket: boolean;
}

/** Makes rows of the buckets of `GET /api/v1/usage`: in order of time, or the dearest first. */
export function usageRows(buckets: readonly unknown[], { groupBy, byBucket }: RowOptions): UsageRow[] {
  const rows = new Map<string, UsageRow>();
  for (const bucket of buckets) {
    for (const result of listOf(bucket, 'results')) {
      const row = rowOf(result, byBucket ? textOf(bucket, 'start_time') : null, groupBy);
      const key = JSON.stringify([row.bucket, row.groups]);
      const known = rows.get(key);
      rows.set(key, known === undefined ? row : sumOf(known, row));
    }
  }
  return byBucket ? [...rows.values()] : [...rows.values()].sort(byCost);
}

/** All rows in one, without bucket and groups; null for none. */
export function totalRow(rows: readonly UsageRow[]): UsageRow | null {
  const [first, ...rest] = rows;
  if (first === undefined) return null;
  return { ...rest.reduce(sumOf, first), bucket: null, groups: [] };
}

/** The cost in dollars, with nine places. */
export function costText(row: UsageRow): string {
  return formatUsd(row.costNanoUsd);
}

function rowOf(result: unknown, bucket: string | null, groupBy: readonly string[]): UsageRow {
  return {
    bucket,
    groups: groupBy.map((name) => textOf(result, name)),
    requests: numberOf(result, 'requests'),
    inputTokens: numberOf(result, 'input_tokens'),
    cacheReadTokens: numberOf(result, 'cache_read_tokens'),
    outputTokens: numberOf(result, 'output_tokens'),
    reasoningTokens: numberOf(result, 'reasoning_tokens'),
    totalTokens: numberOf(result, 'total_tokens'),
    toolCalls: numberOf(result, 'tool_calls'),
    costNanoUsd: nanoOf(textOf(result, 'cost_usd') ?? '0'),
    isCostComplete: memberOf(result, 'cost_complete') === true,
  };
}

function sumOf(a: UsageRow, b: UsageRow): UsageRow {
  return {
    bucket: a.bucket,
    groups: a.groups,
    requests: a.requests + b.requests,
    inputTokens: a.inputTokens + b.inputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    totalTokens: a.totalTokens + b.totalTokens,
    toolCalls: a.toolCalls + b.toolCalls,
    costNanoUsd: a.costNanoUsd + b.costNanoUsd,
    isCostComplete: a.isCostComplete && b.isCostComplete,
  };
}

function byCost(a: UsageRow, b: UsageRow): number {
  if (a.costNanoUsd !== b.costNanoUsd) return a.costNanoUsd > b.costNanoUsd ? -1 : 1;
  return b.totalTokens - a.totalTokens;
}

function textOf(value: unknown, name: string): string | null {
  const member = memberOf(value, name);
  return typeof member === 'string' ? member : null;
}

function numberOf(value: unknown, name: string): number {
  const member = memberOf(value, name);
  return typeof member === 'number' ? member : 0;
}

/** Corrections may make a cost negative. */
function nanoOf(usd: string): bigint {
  const magnitude = parseDecimal(usd.replace(/^-/, ''), 9) ?? 0n;
  return usd.startsWith('-') ? -magnitude : magnitude;
}
