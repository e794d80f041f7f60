/**
 * How tokens are counted where nobody reported them (standards.md 7).
 */

/** Tokenisers are quadratic on unbroken runs of a character: 100,000 of them stall one for seconds (standards.md 7.1). */
export const MAX_SLICE_LENGTH = 1024;

const ASCII_BYTES_PER_TOKEN = 4;
const OTHER_BYTES_PER_TOKEN = 2;
const LAST_ASCII = 0x7f;
const FIRST_TRAIL_SURROGATE = 0xdc00;
const LAST_TRAIL_SURROGATE = 0xdfff;

/**
 * Tokens by a rule of thumb, for where no tokeniser can be asked: four bytes of ASCII are a token, two bytes of
 * anything else. Linear, and some milliseconds for a megabyte.
 */
export function roughTokens(text: string): number {
  let ascii = 0;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) <= LAST_ASCII) ascii++;
  const others = Buffer.byteLength(text) - ascii;
  return Math.ceil(ascii / ASCII_BYTES_PER_TOKEN + others / OTHER_BYTES_PER_TOKEN);
}

/** Cuts a text into slices of at most 1,024 UTF-16 units, never within a surrogate pair. */
export function* slicesOf(text: string): Generator<string> {
  let start = 0;
  while (start < text.length) {
    let end = Math.min(start + MAX_SLICE_LENGTH, text.length);
    if (end < text.length && isTrailSurrogate(text.charCodeAt(end))) end--;
    yield text.slice(start, end);
    start = end;
  }
}

/**
 * Counts tokens slice by slice, for as long as there is time; the rest is taken to be like what was counted.
 *
 * @param countTokens a tokeniser
 * @param isOver asked after each slice
 */
export function tokensInSlices(text: string, countTokens: (slice: string) => number, isOver: () => boolean): number {
  let tokens = 0;
  let counted = 0;
  for (const slice of slicesOf(text)) {
    tokens += countTokens(slice);
    counted += slice.length;
    if (isOver()) break;
  }
  return counted === 0 ? 0 : Math.ceil((tokens * text.length) / counted);
}

function isTrailSurrogate(unit: number): boolean {
  return unit >= FIRST_TRAIL_SURROGATE && unit <= LAST_TRAIL_SURROGATE;
}
