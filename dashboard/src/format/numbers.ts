const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
const WHOLE = new Intl.NumberFormat('en-US');

export function whole(value: number): string {
  return WHOLE.format(value);
}

/** `12.3K`, for axes and tiles; whole numbers stand in tables. */
export function compact(value: number): string {
  return Math.abs(value) < 10_000 ? WHOLE.format(Math.round(value)) : COMPACT.format(value);
}

export function percent(part: number, of: number): string {
  if (of === 0) return '–';
  const share = (100 * part) / of;
  return `${share > 0 && share < 10 ? share.toFixed(1) : Math.round(share)}%`;
}

/** `3 calls`, `1 call`. */
export function plural(count: number, word: string): string {
  return `${whole(count)} ${word}${count === 1 ? '' : 's'}`;
}
