/**
 * Money is integers: nano-USD, one billionth of a dollar (design.md, "Decisions"). Prices come as decimal strings per
 * one million tokens and are held in pico-USD per token, so that no float is ever on the way.
 */
const NANO_PER_USD = 1_000_000_000n;

/** Writes nano-USD as a decimal string of dollars with nine places: `2345600n` → `"0.002345600"`. */
export function formatUsd(nanoUsd: bigint | number): string {
  if (typeof nanoUsd === 'number' && Number.isSafeInteger(nanoUsd) && nanoUsd >= 0) return formatSafeUsd(nanoUsd);
  const value = BigInt(nanoUsd);
  const sign = value < 0n ? '-' : '';
  const magnitude = value < 0n ? -value : value;
  return `${sign}${magnitude / NANO_PER_USD}.${String(magnitude % NANO_PER_USD).padStart(9, '0')}`;
}

/** The same of a safe integer from 0 on, as nearly all amounts are, without making bigints. */
function formatSafeUsd(nanoUsd: number): string {
  const fraction = nanoUsd % 1_000_000_000;
  return `${(nanoUsd - fraction) / 1_000_000_000}.${String(fraction).padStart(9, '0')}`;
}

const DECIMAL = /^(\d{1,12})(?:\.(\d{1,12}))?$/;

/**
 * Reads a non-negative decimal string as an integer of the given number of decimal places; null when it is not plain
 * decimal notation (no sign, no exponent) or has more places than fit.
 *
 * @param text for example `"0.20"`
 * @param places 9 for nano, 6 for micro
 */
export function parseDecimal(text: string, places: number): bigint | null {
  const match = DECIMAL.exec(text);
  if (!match) return null;
  const fraction = (match[2] ?? '').replace(/0+$/, '');
  if (fraction.length > places) return null;
  return BigInt((match[1] ?? '0') + fraction.padEnd(places, '0'));
}

/** Writes an integer of `places` decimal places as a plain decimal without needless zeros: `250n`, 9 → `"0.00000025"`. */
export function formatDecimal(value: bigint, places: number): string {
  const sign = value < 0n ? '-' : '';
  const digits = String(value < 0n ? -value : value).padStart(places + 1, '0');
  const fraction = digits.slice(digits.length - places).replace(/0+$/, '');
  return `${sign}${digits.slice(0, digits.length - places)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Divides non-negative integers and rounds half to even. */
export function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = (dividend % divisor) * 2n;
  if (twice > divisor || (twice === divisor && quotient % 2n === 1n)) return quotient + 1n;
  return quotient;
}

/**
 * The same of numbers, without making bigints: for amounts that every call has.
 *
 * @param dividend a safe integer from 0 on; a product may be given that is not, and then there is no answer
 * @param divisor a safe integer above 0
 * @returns null where the dividend is no safe integer, so that nothing is known to be exact
 */
export function divideSafeHalfEven(dividend: number, divisor: number): number | null {
  if (!Number.isSafeInteger(dividend)) return null;
  const remainder = dividend % divisor;
  const quotient = (dividend - remainder) / divisor;
  const rest = divisor - remainder;
  if (remainder > rest || (remainder === rest && quotient % 2 === 1)) return quotient + 1;
  return quotient;
}

/** Reads what `formatUsd` writes, signed or not, as nano-USD; null for any other text. */
export function parseSignedUsd(text: string): bigint | null {
  const isNegative = text.startsWith('-');
  const amount = parseDecimal(isNegative ? text.slice(1) : text, 9);
  return amount !== null && isNegative ? -amount : amount;
}
