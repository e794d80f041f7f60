/** Dollars as the API gives them, `0.002345600`, in billionths: sums of floats would not be equal to the API's. */
export function nanoUsd(costUsd: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(costUsd);
  if (match === null) return 0n;
  const [, sign, whole = '0', fraction = ''] = match;
  const nano = BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
  return sign === '-' ? -nano : nano;
}

/** Nine places, as the API writes it. */
export function usdText(nano: bigint): string {
  const digits = (nano < 0n ? -nano : nano).toString().padStart(10, '0');
  return `${nano < 0n ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

export function sumUsd(costs: Iterable<string>): bigint {
  let sum = 0n;
  for (const cost of costs) sum += nanoUsd(cost);
  return sum;
}

/** For charts, where a float is near enough. */
export function usdNumber(nano: bigint): number {
  return Number(nano) / 1e9;
}

/** For people: cents of large sums, and as many places of small ones as tell them apart. */
export function shortUsd(nano: bigint): string {
  const value = usdNumber(nano);
  const size = Math.abs(value);
  if (size > 0 && size < 0.0000005) return `${value < 0 ? '−' : ''}<$0.000001`;
  const places = size === 0 || size >= 1 ? 2 : size >= 0.01 ? 4 : 6;
  return `${value < 0 ? '−' : ''}$${Math.abs(value).toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places })}`;
}

/** For axes: no more places than tell the steps apart. */
export function axisUsd(value: number): string {
  return `$${value.toLocaleString('en-US', { maximumSignificantDigits: 3 })}`;
}
