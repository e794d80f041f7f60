import { nanoUsd } from '../format/money.ts';
import type { UsageBucket, UsageResult } from './answers.ts';

/** Sums over results of the usage API. */
export interface UsageSum {
  readonly name: string;
  readonly requests: number;
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly tokens: number;
  readonly toolCalls: number;
  readonly cost: bigint;
  /** What corrections have added since; below 0 where calls became cheaper. */
  readonly corrections: bigint;
  readonly isComplete: boolean;
  readonly missing: number;
  readonly estimated: number;
  readonly failed: number;
  readonly retries: number;
  readonly unpriced: number;
}

export type Dimension = 'team' | 'model' | 'agent' | 'key_id' | 'endpoint' | 'upstream' | 'session_id';

const NOTHING: Omit<UsageSum, 'name'> = {
  requests: 0,
  input: 0,
  cached: 0,
  output: 0,
  tokens: 0,
  toolCalls: 0,
  cost: 0n,
  corrections: 0n,
  isComplete: true,
  missing: 0,
  estimated: 0,
  failed: 0,
  retries: 0,
  unpriced: 0,
};

export function sumResults(results: Iterable<UsageResult>, name = ''): UsageSum {
  let sum: UsageSum = { name, ...NOTHING };
  for (const one of results) sum = add(sum, one);
  return sum;
}

function add(sum: UsageSum, one: UsageResult): UsageSum {
  return {
    name: sum.name,
    requests: sum.requests + one.requests,
    input: sum.input + one.input_tokens,
    cached: sum.cached + one.cache_read_tokens,
    output: sum.output + one.output_tokens,
    tokens: sum.tokens + one.total_tokens,
    toolCalls: sum.toolCalls + one.tool_calls,
    cost: sum.cost + nanoUsd(one.cost_usd),
    corrections: sum.corrections + nanoUsd(one.corrections_usd),
    isComplete: sum.isComplete && one.cost_complete,
    missing: sum.missing + one.not_counted.missing_usage,
    estimated: sum.estimated + one.not_counted.estimated,
    failed: sum.failed + one.not_counted.failed,
    retries: sum.retries + one.not_counted.client_retries,
    unpriced: sum.unpriced + one.unpriced,
  };
}

export function allResults(buckets: readonly UsageBucket[]): UsageResult[] {
  return buckets.flatMap(({ results }) => results);
}

/** The name that a result has in a dimension. */
export function nameIn(result: UsageResult, dimension: Dimension): string {
  return result[dimension] ?? `(no ${dimension.replace('_id', '')})`;
}

/** One sum for each name of a dimension, the dearest first. */
export function sumsBy(buckets: readonly UsageBucket[], dimension: Dimension): UsageSum[] {
  const groups = Map.groupBy(allResults(buckets), (result) => nameIn(result, dimension));
  const sums = [...groups].map(([name, results]) => sumResults(results, name));
  return sums.sort((a, b) => Number(b.cost - a.cost) || b.tokens - a.tokens || a.name.localeCompare(b.name));
}

/** What a sum cost; null where none of its calls has a price, which is not 0. */
export function costOf({ cost, requests, unpriced }: UsageSum): bigint | null {
  return cost === 0n && unpriced > 0 && unpriced >= requests ? null : cost;
}
