import type { Usage } from '../metering/usage.ts';
import type { TokenKind } from './price-entry.ts';

export type Charge = readonly [TokenKind, number];

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
 * @throws RangeError when a count is no safe integer from 0 on
 */
export function chargedTokens(usage: Usage, hasPrice: (kind: TokenKind) => boolean): readonly Charge[] {
  const input = count(usage, 'input_tokens');
  const cacheRead = count(usage, 'cache_read_tokens');
  const cacheWrite = count(usage, 'cache_write_tokens');

  const read = new Remainder(cacheRead, hasPrice);
  const cachedAudioTokens = count(usage, 'cache_audio_read_tokens');
  const cachedImageTokens = detail(usage, 'cachedImage');
  const cachedAudio = read.take('cachedAudio', cachedAudioTokens);
  const cachedImage = read.take('cachedImage', cachedImageTokens);
  const cachedInput = read.take('cachedInput', read.left);

  const written = new Remainder(cacheWrite, hasPrice);
  const cacheWrite12h = written.take('cacheWrite12h', detail(usage, 'cacheWrite12h'));
  const cacheWrite1h = written.take('cacheWrite1h', detail(usage, 'cacheWrite1h'));
  const plainWrite = written.take('cacheWrite', written.left);

  // What was cached and has no price as such is plain input, of whichever kind it is.
  const isReadPriced = hasPrice('cachedInput');
  const uncached = Math.max(0, input - cacheRead - cacheWrite);
  const plain = new Remainder(uncached + read.left + written.left, hasPrice);
  const audioElsewhere = isReadPriced || hasPrice('cachedAudio') ? cachedAudioTokens : 0;
  const imageElsewhere = isReadPriced || hasPrice('cachedImage') ? cachedImageTokens : 0;
  const inputAudio = plain.take('inputAudio', count(usage, 'input_audio_tokens') - audioElsewhere);
  const inputImage = plain.take('inputImage', count(usage, 'input_image_tokens') - imageElsewhere);

  const output = new Remainder(count(usage, 'output_tokens'), hasPrice);
  const outputAudio = output.take('outputAudio', count(usage, 'output_audio_tokens'));
  const outputImage = output.take('outputImage', detail(usage, 'outputImage'));
  const reasoning = output.take('reasoning', count(usage, 'reasoning_tokens'));

  return [
    ['input', plain.left],
    ['cachedInput', cachedInput],
    ['cachedAudio', cachedAudio],
    ['cachedImage', cachedImage],
    ['cacheWrite', plainWrite],
    ['cacheWrite1h', cacheWrite1h],
    ['cacheWrite12h', cacheWrite12h],
    ['inputAudio', inputAudio],
    ['inputImage', inputImage],
    ['output', output.left],
    ['outputAudio', outputAudio],
    ['outputImage', outputImage],
    ['reasoning', reasoning],
  ];
}

/** A count from which the parts with a price of their own are taken. */
class Remainder {
  left: number;
  readonly #hasPrice: (kind: TokenKind) => boolean;

  constructor(whole: number, hasPrice: (kind: TokenKind) => boolean) {
    this.left = whole;
    this.#hasPrice = hasPrice;
  }

  /** Takes the part out where it has a price; never more than is left, for a part cannot exceed its whole. */
  take(kind: TokenKind, part: number): number {
    if (!this.#hasPrice(kind)) return 0;
    const taken = Math.min(Math.max(0, part), this.left);
    this.left -= taken;
    return taken;
  }
}

function count(usage: Usage, name: Exclude<keyof Usage, 'details'>): number {
  return wholeNumber(usage[name], name);
}

function detail(usage: Usage, kind: keyof typeof DETAILS): number {
  return detailCount(usage, DETAILS[kind]);
}

/** A count in `details`, by the first of these names that is there; 0 where none is. Throws RangeError as above. */
export function detailCount(usage: Usage, names: readonly string[]): number {
  const name = names.find((candidate) => usage.details[candidate] !== undefined);
  return name === undefined ? 0 : wholeNumber(usage.details[name] ?? 0, name);
}

function wholeNumber(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} is not a whole number from 0 on`);
  return value;
}
