import type { Usage } from '../metering/usage.ts';
import { type AppliedPrices, costAt, pricesApplied } from './cost.ts';
import type { PriceRow } from './price-row.ts';

/** A call that has not been made yet. */
export interface TokensToPrice {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The one asked for. */
  readonly serviceTier: string | null;
}

/**
 * The most that so many tokens may cost: nothing is read from a cache, all input may have to be written to one, all output
 * may be reasoning. Null where neither can be worked out.
 */
export function worstCostOf(row: PriceRow, { inputTokens, outputTokens, serviceTier }: TokensToPrice): number | null {
  const plain = usageOf(inputTokens, outputTokens, false);
  const applied = pricesApplied({ row, usage: plain, serviceTier });
  const plainNanoUsd = nanoUsdOf(plain, applied);
  const { cacheWrite, reasoning } = applied.tokenPrices;
  if (cacheWrite === null && reasoning === null) return plainNanoUsd; // they are charged as what they are part of
  const dearNanoUsd = nanoUsdOf(usageOf(inputTokens, outputTokens, true), applied);
  if (plainNanoUsd === null || dearNanoUsd === null) return plainNanoUsd ?? dearNanoUsd;
  return Math.max(plainNanoUsd, dearNanoUsd);
}

function nanoUsdOf(usage: Usage, applied: AppliedPrices): number | null {
  try {
    return costAt(usage, applied).costNanoUsd;
  } catch (error) {
    if (error instanceof RangeError) return null; // more than any number of nano-USD can say
    throw error;
  }
}

const NO_DETAILS: Usage['details'] = {};

/** Written out: to copy a usage and write over the copy costs several times as much. */
function usageOf(inputTokens: number, outputTokens: number, isDear: boolean): Usage {
  return {
    input_tokens: inputTokens,
    cache_read_tokens: 0,
    cache_write_tokens: isDear ? inputTokens : 0,
    input_audio_tokens: 0,
    cache_audio_read_tokens: 0,
    input_image_tokens: 0,
    output_tokens: outputTokens,
    reasoning_tokens: isDear ? outputTokens : 0,
    output_audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
    total_tokens: inputTokens + outputTokens,
    tool_calls: 0,
    details: NO_DETAILS,
  };
}
