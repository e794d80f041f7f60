/** One named line of a chart, a value for each moment. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
  /** Of the palette; -1 for what is summed up as others. */
  readonly colour: number;
}

/**
 * Lays series on top of each other: the first stands on the ground, each further one on those before. Gives the heights
 * to be drawn from the tallest to the lowest, so that each leaves of the one before only its own part.
 */
export function stack(series: readonly Series[]): number[][] {
  const sums: number[][] = [];
  let below: readonly number[] = [];
  for (const { values } of series) {
    const sum = values.map((value, index) => value + (below[index] ?? 0));
    sums.push(sum);
    below = sum;
  }
  return sums.reverse();
}

/** The largest series by name, and the sum of the rest as one, so that a chart has as many colours as eyes can tell apart. */
export function largest(series: readonly Omit<Series, 'colour'>[], most: number): Series[] {
  const total = ({ values }: { readonly values: readonly number[] }) => values.reduce((sum, value) => sum + value, 0);
  const sorted = [...series].sort((a, b) => total(b) - total(a) || a.name.localeCompare(b.name));
  const kept = sorted.slice(0, most).map((one, colour) => ({ ...one, colour }));
  const rest = sorted.slice(most);
  if (rest.length === 0) return kept;
  const values = (rest[0]?.values ?? []).map((_, index) =>
    rest.reduce((sum, one) => sum + (one.values[index] ?? 0), 0),
  );
  return [...kept, { name: `${rest.length} others`, values, colour: -1 }];
}
