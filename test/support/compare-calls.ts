import type { LoadCall } from './mixed-load.ts';
import { asList, asRecord } from './start-proxy.ts';

type Row = Record<string, unknown>;

/** What became of the calls of a load, in their clients' view and in the ledger's. */
export interface Comparison {
  readonly calls: number;
  readonly whole: number;
  /** Their clients had no answer, or not all of it. */
  readonly interrupted: number;
  /** One sentence for each thing that does not agree; must be empty. */
  readonly mismatches: readonly string[];
}

/**
 * Compares what clients saw with what the ledger holds, call by call: an answer that was received whole is there once
 * and `completed`; whatever usage is `reported` is what the upstream told; nothing is there twice, open or unknown.
 */
export function compareCalls(records: Iterable<Row>, calls: readonly LoadCall[]): Comparison {
  const callsByName = new Map(calls.map((call) => [call.name, call]));
  const seen = new Set<string>();
  const mismatches: string[] = [];
  for (const record of records) {
    const name = String(asRecord(record['tags'])['call']);
    const call = callsByName.get(name);
    if (call === undefined) mismatches.push(`${name}: nobody made this call`);
    else if (seen.has(name)) mismatches.push(`${name}: recorded twice`);
    else mismatches.push(...differences(record, call));
    seen.add(name);
  }
  const whole = calls.filter((call) => call.received === 'whole');
  for (const { name } of whole) {
    if (!seen.has(name)) mismatches.push(`${name}: received whole, and not in the ledger`);
  }
  return { calls: calls.length, whole: whole.length, interrupted: calls.length - whole.length, mismatches };
}

function differences(record: Row, call: LoadCall): string[] {
  const ending = String(record['ending']);
  const source = String(record['usage_source']);
  const found: string[] = [];
  if (ending === 'in_flight' || ending === 'queued') found.push(`still ${ending}`);
  if (call.received === 'whole' && (ending !== 'completed' || source !== 'reported')) {
    found.push(`received whole, and recorded as ${ending} with ${source} usage`);
  }
  if (record['run_id'] !== call.runId) found.push(`run ${String(record['run_id'])} instead of ${call.runId}`);
  if (source === 'reported') found.push(...countDifferences(asRecord(record['usage']), call));
  return found.map((difference) => `${call.name}: ${difference}`);
}

function countDifferences(usage: Row, call: LoadCall): string[] {
  const told: Readonly<Record<string, number>> = {
    input_tokens: call.inputTokens,
    cache_read_tokens: call.cachedTokens,
    output_tokens: call.outputTokens,
    total_tokens: call.inputTokens + call.outputTokens,
  };
  return Object.entries(told)
    .filter(([name, count]) => usage[name] !== count)
    .map(([name, count]) => `${name} is ${String(usage[name])} and was told as ${count}`);
}

/** The counts that are compared between the ledger, its roll-ups and the metrics. */
export const TOKEN_NAMES = ['input_tokens', 'cache_read_tokens', 'output_tokens', 'reasoning_tokens'] as const;
export type TokenSums = Readonly<Record<(typeof TOKEN_NAMES)[number], number>>;

/** Adds up objects that have the counts as members; what is not there is 0. */
export function sumTokens(rows: Iterable<Row>): TokenSums {
  const sums = { input_tokens: 0, cache_read_tokens: 0, output_tokens: 0, reasoning_tokens: 0 };
  for (const row of rows) {
    for (const name of TOKEN_NAMES) sums[name] += Number(row[name] ?? 0);
  }
  return sums;
}

/** The usage objects of those records whose usage the upstream has reported. */
export function reportedUsages(records: readonly Row[]): Row[] {
  return records.filter((record) => record['usage_source'] === 'reported').map((record) => asRecord(record['usage']));
}

/** What `/api/v1/usage` gives for a query, all buckets in one list; each result with the start of its bucket. */
export async function usageResults(
  ask: (path: string) => Promise<Row>,
  query: string,
): Promise<(Row & { readonly start_time: unknown })[]> {
  const { data, next_cursor: next } = await ask(`/api/v1/usage?${query}`);
  if (next !== null) throw new Error(`the answer to ${query} has more than one page`);
  return asList(data)
    .map(asRecord)
    .flatMap(({ start_time, results }) => asList(results).map((result) => ({ ...asRecord(result), start_time })));
}
