/**
 * Prices as they are written, in the configuration and in the bundled book (contract.md, "Prices"). Amounts are decimal
 * strings in US dollars, because a number would become a float.
 */
export interface PriceEntry extends TokenPriceEntry {
  /** The upstream's name. */
  readonly provider: string;
  /** Exact, or a glob with `*`. */
  readonly model: string;
  readonly per_request_usd?: string | undefined;
  /** For each hour of audio; charged by the seconds that the upstream reports. */
  readonly per_audio_hour_usd?: string | undefined;
  /** For the searches that the model made at the upstream; charged by the number that the upstream reports. */
  readonly per_thousand_web_searches_usd?: string | undefined;
  /** A day (UTC), or a time with its zone. */
  readonly valid_from?: string | undefined;
  /** Times of day (UTC) in which the row holds, as `01:00-04:00`; the whole day, when absent. */
  readonly hours_utc?: readonly string[] | undefined;
  /** Prices of calls with a long input. */
  readonly context_tiers?: readonly ContextTierEntry[] | undefined;
  readonly service_tiers?: Readonly<Record<string, ServiceTierEntry>> | undefined;
}

/** Prices per million tokens. */
export interface TokenPriceEntry {
  readonly input_per_mtok?: string | undefined;
  readonly cached_input_per_mtok?: string | undefined;
  readonly cache_write_per_mtok?: string | undefined;
  readonly cache_write_1h_per_mtok?: string | undefined;
  readonly cache_write_12h_per_mtok?: string | undefined;
  readonly input_audio_per_mtok?: string | undefined;
  readonly cached_audio_per_mtok?: string | undefined;
  readonly input_image_per_mtok?: string | undefined;
  readonly cached_image_per_mtok?: string | undefined;
  readonly output_per_mtok?: string | undefined;
  readonly reasoning_per_mtok?: string | undefined;
  readonly output_audio_per_mtok?: string | undefined;
  readonly output_image_per_mtok?: string | undefined;
}

/** What a call with more input tokens than this costs, all of its tokens; a price that is left out stays the row's. */
export interface ContextTierEntry extends TokenPriceEntry {
  readonly above_input_tokens: number;
}

/** A factor on the whole row, or prices that take the place of the row's. */
export interface ServiceTierEntry extends TokenPriceEntry {
  readonly multiplier?: string | undefined;
  readonly context_tiers?: readonly ContextTierEntry[] | undefined;
}

/** The token kinds that can have a price of their own, and where that price is written. */
export const PRICE_FIELDS = {
  input: 'input_per_mtok',
  cachedInput: 'cached_input_per_mtok',
  cacheWrite: 'cache_write_per_mtok',
  cacheWrite1h: 'cache_write_1h_per_mtok',
  cacheWrite12h: 'cache_write_12h_per_mtok',
  inputAudio: 'input_audio_per_mtok',
  cachedAudio: 'cached_audio_per_mtok',
  inputImage: 'input_image_per_mtok',
  cachedImage: 'cached_image_per_mtok',
  output: 'output_per_mtok',
  reasoning: 'reasoning_per_mtok',
  outputAudio: 'output_audio_per_mtok',
  outputImage: 'output_image_per_mtok',
} as const satisfies Readonly<Record<string, keyof TokenPriceEntry>>;

export type TokenKind = keyof typeof PRICE_FIELDS;
export const TOKEN_KINDS: readonly TokenKind[] = [
  'input',
  'cachedInput',
  'cacheWrite',
  'cacheWrite1h',
  'cacheWrite12h',
  'inputAudio',
  'cachedAudio',
  'inputImage',
  'cachedImage',
  'output',
  'reasoning',
  'outputAudio',
  'outputImage',
];
