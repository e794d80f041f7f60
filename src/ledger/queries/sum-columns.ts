import type { UsageSums } from '../ledger-reader.ts';
import { integer, type Row, text } from '../row-values.ts';
import { emptySums, NUMBER_SUM_NAMES } from '../sums.ts';

/**
 * The sums in a SELECT over several rows. The cost is read as text: sums of it may be larger than the integers that
 * JavaScript's numbers hold exactly.
 *
 * @param expression gives what one row adds to a sum; by default its column
 */
export function sumsSql(expression: (name: keyof UsageSums) => string = (name) => name): string {
  const sums = NUMBER_SUM_NAMES.map((name) => `sum(${expression(name)}) AS ${name}`);
  return [...sums, `CAST(sum(${expression('cost_nano_usd')}) AS TEXT) AS cost_text`].join(', ');
}

/** Reads what `sumsSql` selected. */
export function sumsOfRow(row: Row): UsageSums {
  const sums = emptySums();
  for (const name of NUMBER_SUM_NAMES) sums[name] = integer(row, name);
  sums.cost_nano_usd = BigInt(text(row, 'cost_text'));
  return sums;
}
