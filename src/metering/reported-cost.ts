import { findMember, type MemberSpan } from '../core/json-members.ts';

/**
 * The members of a usage object in which upstreams say what the call cost, where that is one amount in USD (wire.md 9).
 * A cost object (Perplexity) is several amounts and stays in the raw usage only.
 */
const COST_MEMBERS = [
  { key: 'cost', powerOfTen: 0 }, // OpenRouter: USD
  { key: 'cost_in_usd_ticks', powerOfTen: -10 }, // xAI: 1 tick is 1e-10 USD
] as const;

const JSON_NUMBER = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;
const MAX_DIGITS = 60;

/**
 * Reads the cost that the usage object at `usage` reports, as a decimal string of USD.
 *
 * It is made from the digits in the bytes, not from the number they would parse to, so no float is on the way.
 *
 * @param parsed the same object, parsed: most upstreams report no cost, and then the bytes need no second look
 */
export function reportedCostUsd(
  bytes: Buffer,
  usage: MemberSpan,
  parsed: Readonly<Record<string, unknown>>,
): string | null {
  for (const { key, powerOfTen } of COST_MEMBERS) {
    if (!Object.hasOwn(parsed, key)) continue;
    const span = findMember(bytes, usage.valueStart, key);
    if (span === null || span.valueEnd - span.valueStart > MAX_DIGITS) continue;
    const cost = decimalText(bytes.toString('latin1', span.valueStart, span.valueEnd), powerOfTen);
    if (cost !== null) return cost;
  }
  return null;
}

/**
 * Writes a JSON number times a power of ten in plain decimal notation: `"4.8e-05"` → `"0.000048"`. Null for anything
 * that is no non-negative number.
 */
export function decimalText(number: string, powerOfTen: number): string | null {
  const match = JSON_NUMBER.exec(number);
  if (match === null) return null;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const point = whole.length + Number(exponent) + powerOfTen;
  if (Math.abs(point) > MAX_DIGITS) return null;
  const digits = (whole + fraction)
    .padEnd(Math.max(point, 0), '0')
    .padStart(whole.length + fraction.length - Math.min(point, 0), '0');
  const split = Math.max(point, 0);
  const units = digits.slice(0, split).replace(/^0+/, '') || '0';
  const rest = digits.slice(split).replace(/0+$/, '');
  return rest === '' ? units : `${units}.${rest}`;
}
