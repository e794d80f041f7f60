import type { Usage } from '../../../src/metering/usage.ts';

/** A usage of zeros with the given counts. */
export function usageOf(counts: Partial<Usage>): Usage {
  return {
    input_tokens: 0,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
    input_audio_tokens: 0,
    cache_audio_read_tokens: 0,
    input_image_tokens: 0,
    output_tokens: 0,
    reasoning_tokens: 0,
    output_audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
    total_tokens: 0,
    tool_calls: 0,
    details: {},
    ...counts,
  };
}
