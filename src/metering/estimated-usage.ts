import type { Usage } from './usage.ts';

/**
 * Makes the usage of a call out of estimated counts. Only what can be seen in the text is in it: no cached tokens and
 * no reasoning that was not shown.
 */
export function estimatedUsage(counts: { inputTokens: number; outputTokens: number; toolCalls: number }): Usage {
  return {
    input_tokens: counts.inputTokens,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
    input_audio_tokens: 0,
    cache_audio_read_tokens: 0,
    input_image_tokens: 0,
    output_tokens: counts.outputTokens,
    reasoning_tokens: 0,
    output_audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
    total_tokens: counts.inputTokens + counts.outputTokens,
    tool_calls: counts.toolCalls,
    details: {},
  };
}
