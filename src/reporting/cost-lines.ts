import type { SumName, UsageRow } from '../ledger/ledger-reader.ts';
import { organizationTokens, TOKEN_SUMS } from './organization-tokens.ts';

/** What a model's cost is made of. The lines of a row add up to its corrected cost, to the nano-dollar. */
export interface CostLine {
  /** `<model>, <meter>` (standards.md 1.6). */
  readonly name: string;
  readonly nanoUsd: bigint;
  /** Tokens; null where what is paid for is none. */
  readonly tokens: number | null;
}

/** The sums that the lines are made of, beside the cost itself. */
export const COST_LINE_SUMS: readonly SumName[] = [
  ...TOKEN_SUMS,
  'cost_input_nano_usd',
  'cost_cache_read_nano_usd',
  'cost_cache_write_nano_usd',
  'cost_output_nano_usd',
];

/** Splits a row of one model; lines of nothing are left out. */
export function costLinesOf(row: UsageRow): CostLine[] {
  const tokens = organizationTokens(row);
  const { cost_input_nano_usd: input, cost_cache_read_nano_usd: cacheRead } = row;
  const { cost_cache_write_nano_usd: cacheWrite, cost_output_nano_usd: output } = row;
  const model = row.dimensions.model ?? 'unknown model';
  const line = (meter: string, nanoUsd: bigint, count: number | null): CostLine => ({
    name: `${model}, ${meter}`,
    nanoUsd,
    tokens: count,
  });
  return [
    line('input_tokens', input, tokens.input_uncached_tokens),
    line('cached_input_tokens', cacheRead, tokens.input_cached_tokens),
    line('cache_write_tokens', cacheWrite, tokens.input_cache_write_tokens),
    line('output_tokens', output, tokens.output_tokens),
    line('other', row.cost_nano_usd - input - cacheRead - cacheWrite - output, null),
    line('corrections', row.corrections_nano_usd, null),
  ].filter(({ nanoUsd, tokens: count }) => nanoUsd !== 0n || (count ?? 0) > 0);
}
