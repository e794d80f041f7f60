import { asRecord } from './start-proxy.ts';

/** A usage object as an SDK gives it, in the words of the management API's `request_usage_entries`. */
export interface UsageEntry {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
  readonly input_tokens_details: { readonly cached_tokens: number; readonly cache_write_tokens: number };
  readonly output_tokens_details: { readonly reasoning_tokens: number };
}

/** Reads the usage of any endpoint out of an SDK's answer; both families of names (wire.md 5.4). */
export function usageEntryOf(usage: unknown): UsageEntry {
  const members = asRecord(usage);
  const input = asRecord(members['prompt_tokens_details'] ?? members['input_tokens_details'] ?? {});
  const output = asRecord(members['completion_tokens_details'] ?? members['output_tokens_details'] ?? {});
  return {
    input_tokens: count(members['prompt_tokens'] ?? members['input_tokens']),
    output_tokens: count(members['completion_tokens'] ?? members['output_tokens'] ?? 0),
    total_tokens: count(members['total_tokens']),
    input_tokens_details: {
      cached_tokens: count(input['cached_tokens'] ?? 0),
      cache_write_tokens: count(input['cache_write_tokens'] ?? 0),
    },
    output_tokens_details: { reasoning_tokens: count(output['reasoning_tokens'] ?? 0) },
  };
}

export function sumOfEntries(entries: readonly UsageEntry[]): UsageEntry {
  const sum = (read: (entry: UsageEntry) => number) => entries.reduce((total, entry) => total + read(entry), 0);
  return {
    input_tokens: sum((entry) => entry.input_tokens),
    output_tokens: sum((entry) => entry.output_tokens),
    total_tokens: sum((entry) => entry.total_tokens),
    input_tokens_details: {
      cached_tokens: sum((entry) => entry.input_tokens_details.cached_tokens),
      cache_write_tokens: sum((entry) => entry.input_tokens_details.cache_write_tokens),
    },
    output_tokens_details: { reasoning_tokens: sum((entry) => entry.output_tokens_details.reasoning_tokens) },
  };
}

/** What a run's `usage` must hold when these were the usage objects that its client was given, in this order. */
export function runUsageOf(usages: readonly unknown[]): Record<string, unknown> {
  const entries = usages.map(usageEntryOf);
  return { requests: entries.length, ...sumOfEntries(entries), request_usage_entries: entries };
}

function count(value: unknown): number {
  if (typeof value !== 'number') throw new Error(`no number of tokens: ${JSON.stringify(value)}`);
  return value;
}
