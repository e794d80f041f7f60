import type { SumName, UsageSums } from '../ledger-reader.ts';
import { integer, integerAt, type Row, text, textAt } from '../row-values.ts';
import { emptySums, type MutableSums, READ_MONEY_NAMES, READ_NUMBER_NAMES } from '../sums.ts';

/** The sums that a SELECT gives, in its order. */
export interface ChosenSums {
  readonly numbers: readonly (typeof READ_NUMBER_NAMES)[number][];
  readonly money: readonly (typeof READ_MONEY_NAMES)[number][];
}

export const ALL_SUMS: ChosenSums = { numbers: READ_NUMBER_NAMES, money: READ_MONEY_NAMES };

/** @param names undefined: all */
export function chosenSums(names: readonly SumName[] | undefined): ChosenSums {
  if (names === undefined) return ALL_SUMS;
  return {
    numbers: READ_NUMBER_NAMES.filter((name) => names.includes(name)),
    money: READ_MONEY_NAMES.filter((name) => names.includes(name)),
  };
}

/**
 * The sums in a SELECT over several rows. Money is read as text: sums of it may be larger than the integers that
 * JavaScript's numbers hold exactly.
 *
 * @param expression gives what one row adds to a sum; by default its column
 */
export function sumsSql(
  expression: (name: keyof UsageSums) => string = (name) => name,
  chosen: ChosenSums = ALL_SUMS,
): string {
  const sums = chosen.numbers.map((name) => `sum(${expression(name)}) AS ${name}`);
  const money = chosen.money.map((name) => `CAST(sum(${expression(name)}) AS TEXT) AS ${name}_text`);
  return [...sums, ...money].join(', ');
}

/** Reads what `sumsSql` selected. */
export function sumsOfRow(row: Row): UsageSums {
  const sums = emptySums();
  for (const name of READ_NUMBER_NAMES) sums[name] = integer(row, name);
  for (const name of READ_MONEY_NAMES) sums[name] = BigInt(text(row, `${name}_text`));
  return sums;
}

/**
 * Reads what `sumsSql` selected from a row that was read as a list, from a position on. What was not chosen is 0. Rows
 * by name cost several times as much, which counts where an answer has a hundred thousand of them.
 */
export function readSums(into: MutableSums, row: readonly unknown[], place: { at: number; chosen: ChosenSums }): void {
  let { at } = place;
  for (const name of place.chosen.numbers) into[name] = integerAt(row, at++);
  for (const name of place.chosen.money) into[name] = BigInt(textAt(row, at++));
}

/** Adds the chosen sums of `more` to `sums`, in place. */
export function addChosen(sums: MutableSums, more: UsageSums, { numbers, money }: ChosenSums): void {
  for (const name of numbers) sums[name] += more[name];
  for (const name of money) sums[name] += more[name];
}

/** Takes the chosen sums of `less` from `sums`, in place. */
export function subtractChosen(sums: MutableSums, less: UsageSums, { numbers, money }: ChosenSums): void {
  for (const name of numbers) sums[name] -= less[name];
  for (const name of money) sums[name] -= less[name];
}
