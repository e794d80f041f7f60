import type { CallRecord } from '../ledger/record.ts';
import type { Totals } from './totals.ts';

interface TokenDetails {
  readonly input_tokens_details: { readonly cached_tokens: number; readonly cache_write_tokens: number };
  readonly output_tokens_details: { readonly reasoning_tokens: number };
}

/** One call as the Agents SDK keeps it in `request_usage_entries` (wire.md 5.1), and whose call it was. */
export interface RequestUsageEntry extends TokenDetails {
  readonly id: string;
  /** When the call began. */
  readonly at: string;
  readonly agent: string | null;
  readonly model: string | null;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
}

/** Usage in the words of the Agents SDK's `Usage` and Pydantic AI's `RunUsage` at once (contract.md; wire.md 5). */
export interface UsageBlock extends TokenDetails {
  readonly requests: number;
  readonly tool_calls: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_write_tokens: number;
  readonly input_audio_tokens: number;
  readonly cache_audio_read_tokens: number;
  readonly details: Readonly<Record<string, number>>;
  readonly request_usage_entries?: readonly RequestUsageEntry[];
}

/** Counts of the record that the block has no member of its own for; shown in `details` where they are not zero. */
const COUNTS_IN_DETAILS = [
  'input_image_tokens',
  'output_audio_tokens',
  'accepted_prediction_tokens',
  'rejected_prediction_tokens',
] as const;

/**
 * Gives the `usage` member of a report.
 *
 * @param records the calls behind the totals, in order of start, where their entries and further details are wanted;
 *   null leaves `request_usage_entries` out
 */
export function usageBlock(totals: Totals, records: readonly CallRecord[] | null): UsageBlock {
  const { counts } = totals;
  return {
    requests: totals.requests,
    tool_calls: counts.tool_calls,
    input_tokens: counts.input_tokens,
    input_tokens_details: { cached_tokens: counts.cache_read_tokens, cache_write_tokens: counts.cache_write_tokens },
    output_tokens: counts.output_tokens,
    output_tokens_details: { reasoning_tokens: counts.reasoning_tokens },
    total_tokens: counts.total_tokens,
    cache_read_tokens: counts.cache_read_tokens,
    cache_write_tokens: counts.cache_write_tokens,
    input_audio_tokens: counts.input_audio_tokens,
    cache_audio_read_tokens: counts.cache_audio_read_tokens,
    details: detailsOf(totals, records ?? []),
    ...(records === null ? {} : { request_usage_entries: entriesOf(records) }),
  };
}

function detailsOf(totals: Totals, records: readonly CallRecord[]): Record<string, number> {
  const details = new Map<string, number>();
  for (const record of records) {
    if (record.usage_source !== 'reported') continue;
    for (const [name, count] of Object.entries(record.usage?.details ?? {})) {
      details.set(name, (details.get(name) ?? 0) + count);
    }
  }
  for (const name of COUNTS_IN_DETAILS) {
    if (totals.counts[name] !== 0) details.set(name, totals.counts[name]);
  }
  details.set('reasoning_tokens', totals.counts.reasoning_tokens);
  return Object.fromEntries(details);
}

function entriesOf(records: readonly CallRecord[]): RequestUsageEntry[] {
  const entries: RequestUsageEntry[] = [];
  for (const record of records) {
    const { usage } = record;
    if (usage === null || record.usage_source !== 'reported') continue;
    entries.push({
      id: record.id,
      at: record.started_at,
      agent: record.agent,
      model: record.request_model ?? record.response_model,
      input_tokens: usage.input_tokens,
      output_tokens: usage.output_tokens,
      total_tokens: usage.total_tokens,
      input_tokens_details: {
        cached_tokens: usage.cache_read_tokens,
        cache_write_tokens: usage.cache_write_tokens,
      },
      output_tokens_details: { reasoning_tokens: usage.reasoning_tokens },
    });
  }
  return entries;
}
