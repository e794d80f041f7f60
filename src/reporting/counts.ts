import type { TokenCounts } from '../metering/usage.ts';

/** Makes a full set of counts, in the order of the record, from a function that gives each. */
export function countsFrom(countOf: (name: keyof TokenCounts) => number): TokenCounts {
  return {
    input_tokens: countOf('input_tokens'),
    cache_read_tokens: countOf('cache_read_tokens'),
    cache_write_tokens: countOf('cache_write_tokens'),
    input_audio_tokens: countOf('input_audio_tokens'),
    cache_audio_read_tokens: countOf('cache_audio_read_tokens'),
    input_image_tokens: countOf('input_image_tokens'),
    output_tokens: countOf('output_tokens'),
    reasoning_tokens: countOf('reasoning_tokens'),
    output_audio_tokens: countOf('output_audio_tokens'),
    accepted_prediction_tokens: countOf('accepted_prediction_tokens'),
    rejected_prediction_tokens: countOf('rejected_prediction_tokens'),
    total_tokens: countOf('total_tokens'),
    tool_calls: countOf('tool_calls'),
  };
}
