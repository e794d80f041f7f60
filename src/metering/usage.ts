/**
 * The canonical usage of one call (contract.md, "The record"; wire.md 5.4).
 *
 * Counts are inclusive: cached, audio and image tokens are inside `input_tokens`; reasoning, audio and prediction
 * tokens are inside `output_tokens`. Nothing here may be added to `total_tokens` again.
 */
export interface Usage extends TokenCounts {
  /** Every further number that the upstream gave, by its name there (wire.md 9). */
  readonly details: Readonly<Record<string, number>>;
}

export interface TokenCounts {
  readonly input_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_write_tokens: number;
  readonly input_audio_tokens: number;
  readonly cache_audio_read_tokens: number;
  readonly input_image_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly output_audio_tokens: number;
  readonly accepted_prediction_tokens: number;
  readonly rejected_prediction_tokens: number;
  readonly total_tokens: number;
  /** Tool calls that the model asked for in this answer, hosted ones included. */
  readonly tool_calls: number;
}

/** The names of the counts, in the order of the record. Folds, SQL columns and reports are made from this list. */
export const COUNT_NAMES = [
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'input_audio_tokens',
  'cache_audio_read_tokens',
  'input_image_tokens',
  'output_tokens',
  'reasoning_tokens',
  'output_audio_tokens',
  'accepted_prediction_tokens',
  'rejected_prediction_tokens',
  'total_tokens',
  'tool_calls',
] as const satisfies readonly (keyof TokenCounts)[];

/** Where a record's numbers come from. An estimate never passes for a report; missing is never zero. */
export type UsageSource = 'reported' | 'estimated' | 'missing';
