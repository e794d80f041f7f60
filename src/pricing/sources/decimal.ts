/** Digits that a float certainly has; what stands behind them is an artefact of someone's multiplication. */
const SIGNIFICANT_DIGITS = 12;
const MAX_DECIMALS = 9;
/** Fewer digits than this would be left of a very small price. */
const MIN_DIGITS = 5;

/**
 * Writes a source's number as a plain decimal string: `2.5e-8` with the point moved by 6 is `"0.025"`. What has more
 * than nine decimals (a twelfth of a dollar) is rounded to nine.
 *
 * @param places how far the point moves to the right; to the left where it is negative
 * @throws RangeError where the number is no price, or too small to be written with nine decimals
 */
export function decimalText(value: number, places = 0): string {
  if (!Number.isFinite(value) || value < 0) throw new RangeError(`${value} is no price`);
  const [mantissa = '', exponent = ''] = value.toExponential(SIGNIFICANT_DIGITS - 1).split('e');
  const digits = mantissa.replace('.', '').replace(/0+$/, '');
  // The value is 0.digits × 10^point.
  const point = Number(exponent) + 1 + places;
  const excess = digits.length - point - MAX_DECIMALS;
  if (excess <= 0) return withPoint(BigInt(digits || '0'), digits.length - point);
  if (digits.length - excess < MIN_DIGITS) throw new RangeError(`${value} is too small for ${MAX_DECIMALS} decimals`);
  const divisor = 10n ** BigInt(excess);
  return withPoint((BigInt(digits) + divisor / 2n) / divisor, MAX_DECIMALS);
}

/** `whole` divided by ten to the `decimals`. */
function withPoint(whole: bigint, decimals: number): string {
  if (decimals <= 0) return String(whole * 10n ** BigInt(-decimals));
  const digits = String(whole).padStart(decimals + 1, '0');
  const fraction = digits.slice(-decimals).replace(/0+$/, '');
  return `${digits.slice(0, -decimals)}${fraction === '' ? '' : `.${fraction}`}`;
}
