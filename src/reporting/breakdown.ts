import { formatUsd } from '../core/money.ts';
import type { ActivitySum } from '../ledger/ledger-reader.ts';
import { type Totals, totalOf } from './totals.ts';

interface Share {
  readonly requests: number;
  readonly input_tokens: number;
  readonly cache_read_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly total_tokens: number;
  readonly tool_calls: number;
  readonly cost_usd: string;
  readonly corrections_usd: string;
}

export interface ModelShare extends Share {
  readonly model: string | null;
}

export interface AgentShare extends Share {
  readonly agent: string | null;
}

/** Splits sums by model, the dearest first. */
export function sharesByModel(sums: readonly ActivitySum[]): ModelShare[] {
  return sharesBy(sums, (sum) => sum.model).map(([model, totals]) => ({ model, ...shareOf(totals) }));
}

/** Splits sums by agent, the dearest first. */
export function sharesByAgent(sums: readonly ActivitySum[]): AgentShare[] {
  return sharesBy(sums, (sum) => sum.agent).map(([agent, totals]) => ({ agent, ...shareOf(totals) }));
}

function sharesBy(
  sums: readonly ActivitySum[],
  nameOf: (sum: ActivitySum) => string | null,
): (readonly [string | null, Totals])[] {
  return [...Map.groupBy(sums, nameOf)]
    .map(([name, rows]) => [name, totalOf(rows)] as const)
    .sort(([nameA, a], [nameB, b]) => compareBigints(b.costNanoUsd, a.costNanoUsd) || compareNames(nameA, nameB));
}

function compareBigints(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** By code unit, so that the order does not hang on a locale; the nameless come last. */
function compareNames(a: string | null, b: string | null): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b ? -1 : 1;
}

function shareOf(totals: Totals): Share {
  return {
    requests: totals.requests,
    input_tokens: totals.counts.input_tokens,
    cache_read_tokens: totals.counts.cache_read_tokens,
    output_tokens: totals.counts.output_tokens,
    reasoning_tokens: totals.counts.reasoning_tokens,
    total_tokens: totals.counts.total_tokens,
    tool_calls: totals.counts.tool_calls,
    cost_usd: formatUsd(totals.costNanoUsd),
    corrections_usd: formatUsd(totals.correctionsNanoUsd),
  };
}
