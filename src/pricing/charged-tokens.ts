import type { Usage } from '../metering/usage.ts';
import type { TokenKind } from './price-entry.ts';
import type { TokenPrices } from './price-row.ts';

export type ChargeKind = TokenKind | 'request' | 'audioMs' | 'webSearch';

/** What is charged, and its price. */
export interface Charge extends ItemPrice {
  readonly kind: ChargeKind;
  /** Above 0: tokens, requests, milliseconds, searches. */
  readonly quantity: number;
}

/** `nanoUsd` for `per` of what is counted. */
export interface ItemPrice {
  readonly nanoUsd: bigint;
  readonly per: bigint;
}

/** So many tokens have their price in femto-USD as nano-USD. */
const FEMTO_PER_NANO = 1_000_000n;

/** Counts in `details` that have prices of their own, by every name that upstreams and our normalising give them. */
const DETAILS = {
  cacheWrite1h: ['cache_creation_ephemeral_1h_input_tokens', 'cache_write_1h_tokens'],
  cacheWrite12h: ['cache_write_12h_tokens'],
  cachedImage: ['cached_image_tokens'],
  outputImage: ['output_image_tokens'],
} as const satisfies Partial<Record<TokenKind, readonly string[]>>;

/**
 * Splits inclusive counts into disjoint ones, each with the price it has (wire.md 5.4: uncached input = input - cache
 * read - cache write). What has no price of its own stays in the plain count, so that each token is charged once.
 *
 * Cached audio is counted in both `cache_read_tokens` and `input_audio_tokens`; it is charged once: as cached audio, else
 * as cached input, else as audio. Cache writes of which the upstream does not say how long they live are charged as plain cache writes.
 *
 * @returns what was used and has a price
 * @throws RangeError when a count is no safe integer from 0 on
 */
export function chargedTokens(usage: Usage, prices: TokenPrices): Charge[] {
  const input = wholeNumber(usage.input_tokens, 'input_tokens');
  const cacheRead = wholeNumber(usage.cache_read_tokens, 'cache_read_tokens');
  const cacheWrite = wholeNumber(usage.cache_write_tokens, 'cache_write_tokens');

  const read = new Remainder(cacheRead);
  const cachedAudioTokens = wholeNumber(usage.cache_audio_read_tokens, 'cache_audio_read_tokens');
  const isImagePriced = prices.cachedImage !== null || prices.inputImage !== null;
  const cachedImageTokens = isImagePriced ? detailCount(usage, DETAILS.cachedImage) : 0;
  const cachedAudio = read.take(prices.cachedAudio, cachedAudioTokens);
  const cachedImage = read.take(prices.cachedImage, cachedImageTokens);
  const cachedInput = read.take(prices.cachedInput, read.left);

  const written = new Remainder(cacheWrite);
  const cacheWrite12h = written.takeDetail(prices.cacheWrite12h, usage, DETAILS.cacheWrite12h);
  const cacheWrite1h = written.takeDetail(prices.cacheWrite1h, usage, DETAILS.cacheWrite1h);
  const plainWrite = written.take(prices.cacheWrite, written.left);

  // What was cached and has no price as such is plain input, of whichever kind it is.
  const isReadPriced = prices.cachedInput !== null;
  const uncached = Math.max(0, input - cacheRead - cacheWrite);
  const plain = new Remainder(uncached + read.left + written.left);
  const audioElsewhere = isReadPriced || prices.cachedAudio !== null ? cachedAudioTokens : 0;
  const imageElsewhere = isReadPriced || prices.cachedImage !== null ? cachedImageTokens : 0;
  const audioTokens = wholeNumber(usage.input_audio_tokens, 'input_audio_tokens');
  const imageTokens = wholeNumber(usage.input_image_tokens, 'input_image_tokens');
  const inputAudio = plain.take(prices.inputAudio, audioTokens - audioElsewhere);
  const inputImage = plain.take(prices.inputImage, imageTokens - imageElsewhere);

  const output = new Remainder(wholeNumber(usage.output_tokens, 'output_tokens'));
  const outputAudio = output.take(prices.outputAudio, wholeNumber(usage.output_audio_tokens, 'output_audio_tokens'));
  const outputImage = output.takeDetail(prices.outputImage, usage, DETAILS.outputImage);
  const reasoning = output.take(prices.reasoning, wholeNumber(usage.reasoning_tokens, 'reasoning_tokens'));

  const charges: Charge[] = [];
  const charge = (kind: TokenKind, femtoUsd: bigint | null, quantity: number): void => {
    if (femtoUsd !== null && quantity > 0) charges.push({ kind, quantity, nanoUsd: femtoUsd, per: FEMTO_PER_NANO });
  };
  charge('input', prices.input, plain.left);
  charge('cachedInput', prices.cachedInput, cachedInput);
  charge('cachedAudio', prices.cachedAudio, cachedAudio);
  charge('cachedImage', prices.cachedImage, cachedImage);
  charge('cacheWrite', prices.cacheWrite, plainWrite);
  charge('cacheWrite1h', prices.cacheWrite1h, cacheWrite1h);
  charge('cacheWrite12h', prices.cacheWrite12h, cacheWrite12h);
  charge('inputAudio', prices.inputAudio, inputAudio);
  charge('inputImage', prices.inputImage, inputImage);
  charge('output', prices.output, output.left);
  charge('outputAudio', prices.outputAudio, outputAudio);
  charge('outputImage', prices.outputImage, outputImage);
  charge('reasoning', prices.reasoning, reasoning);
  return charges;
}

/** A count from which the parts with a price of their own are taken. */
class Remainder {
  left: number;

  constructor(whole: number) {
    this.left = whole;
  }

  /** Takes the part out where it has a price; never more than is left, for a part cannot exceed its whole. */
  take(price: bigint | null, part: number): number {
    if (price === null) return 0;
    const taken = Math.min(Math.max(0, part), this.left);
    this.left -= taken;
    return taken;
  }

  /** The same of a count in `details`, which is looked up only where it has a price. */
  takeDetail(price: bigint | null, usage: Usage, names: readonly string[]): number {
    return price === null ? 0 : this.take(price, detailCount(usage, names));
  }
}

/** A count in `details`, by the first of these names that is there; 0 where none is. Throws RangeError as above. */
export function detailCount({ details }: Usage, names: readonly string[]): number {
  for (const name of names) {
    const value = details[name];
    if (value !== undefined) return wholeNumber(value, name);
  }
  return 0;
}

function wholeNumber(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} is not a whole number from 0 on`);
  return value;
}
