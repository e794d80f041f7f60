import type { UsageSums } from '../ledger-reader.ts';
import { integer, type Row, text } from '../row-values.ts';
import { emptySums, READ_MONEY_NAMES, READ_NUMBER_NAMES } from '../sums.ts';

/**
 * The sums in a SELECT over several rows. Money is read as text: sums of it may be larger than the integers that
 * JavaScript's numbers hold exactly.
 *
 * @param expression gives what one row adds to a sum; by default its column
 */
export function sumsSql(expression: (name: keyof UsageSums) => string = (name) => name): string {
  const sums = READ_NUMBER_NAMES.map((name) => `sum(${expression(name)}) AS ${name}`);
  const money = READ_MONEY_NAMES.map((name) => `CAST(sum(${expression(name)}) AS TEXT) AS ${name}_text`);
  return [...sums, ...money].join(', ');
}

/** Reads what `sumsSql` selected. */
export function sumsOfRow(row: Row): UsageSums {
  const sums = emptySums();
  for (const name of READ_NUMBER_NAMES) sums[name] = integer(row, name);
  for (const name of READ_MONEY_NAMES) sums[name] = BigInt(text(row, `${name}_text`));
  return sums;
}
