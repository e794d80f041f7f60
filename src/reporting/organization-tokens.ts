import type { SumName, UsageSums } from '../ledger/ledger-reader.ts';

/** The token counts of a completions result (standards.md 1.1). */
export interface OrganizationTokens {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly input_cached_tokens: number;
  readonly input_cache_write_tokens: number;
  readonly input_cache_write_30m_tokens: number;
  readonly input_cache_write_12h_tokens: number;
  readonly input_uncached_tokens: number;
  readonly input_text_tokens: number;
  readonly output_text_tokens: number;
  readonly input_cached_text_tokens: number;
  readonly input_audio_tokens: number;
  readonly input_cached_audio_tokens: number;
  readonly output_audio_tokens: number;
  readonly input_image_tokens: number;
  readonly input_cached_image_tokens: number;
  readonly output_image_tokens: number;
}

/** The sums that the split is made of. */
export const TOKEN_SUMS = [
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'input_audio_tokens',
  'cache_audio_read_tokens',
  'input_image_tokens',
  'output_tokens',
  'output_audio_tokens',
  'cache_write_30m_tokens',
  'cache_write_12h_tokens',
  'cached_image_tokens',
  'output_image_tokens',
] as const satisfies readonly SumName[];

/**
 * Splits inclusive sums into OpenAI's disjoint ones. Its identities hold whatever an upstream reports (standards.md
 * 1.1): input = uncached + cached + cache writes; uncached and cached input, and output, are each text + audio + image.
 * A part never exceeds what is left of its whole, and what is of no told kind is text.
 */
export function organizationTokens(sums: Pick<UsageSums, (typeof TOKEN_SUMS)[number]>): OrganizationTokens {
  const input = new Whole(sums.input_tokens);
  const cached = new Whole(input.take(sums.cache_read_tokens));
  const written = new Whole(input.take(sums.cache_write_tokens));
  const uncached = new Whole(input.left);
  const output = new Whole(sums.output_tokens);

  const cachedAudio = cached.take(sums.cache_audio_read_tokens);
  const cachedImage = cached.take(sums.cached_image_tokens);
  const audio = uncached.take(sums.input_audio_tokens - cachedAudio);
  const image = uncached.take(sums.input_image_tokens - cachedImage);
  const outputAudio = output.take(sums.output_audio_tokens);
  const outputImage = output.take(sums.output_image_tokens);
  const writtenFor12h = written.take(sums.cache_write_12h_tokens);
  return {
    input_tokens: sums.input_tokens,
    output_tokens: sums.output_tokens,
    input_cached_tokens: cached.size,
    input_cache_write_tokens: written.size,
    input_cache_write_30m_tokens: written.take(sums.cache_write_30m_tokens),
    input_cache_write_12h_tokens: writtenFor12h,
    input_uncached_tokens: uncached.size,
    input_text_tokens: uncached.left,
    output_text_tokens: output.left,
    input_cached_text_tokens: cached.left,
    input_audio_tokens: audio,
    input_cached_audio_tokens: cachedAudio,
    output_audio_tokens: outputAudio,
    input_image_tokens: image,
    input_cached_image_tokens: cachedImage,
    output_image_tokens: outputImage,
  };
}

/** A count, and what of it has not been told apart yet. */
class Whole {
  readonly size: number;
  left: number;

  constructor(size: number) {
    this.size = size;
    this.left = size;
  }

  take(part: number): number {
    const taken = Math.min(Math.max(0, part), this.left);
    this.left -= taken;
    return taken;
  }
}
