import { MOST_NANO_USD } from './sums.ts';

/**
 * Sums of one row of a roll-up while a batch is added up: plain numbers in the order of `WRITTEN_SUM_NAMES`, since adding
 * bigints, or numbers by the names of their members, costs several times as much. A sum that leaves the integers that a
 * number holds exactly goes on as a bigint beside them, and stops where those of money stop.
 */
export class Tally {
  readonly #sums: number[];
  #beyond: bigint[] | null = null;

  /** @param addends safe integers */
  constructor(addends: readonly number[]) {
    this.#sums = addends.slice();
  }

  /** Adds what one record adds. @param addends safe integers */
  add(addends: readonly number[]): void {
    const sums = this.#sums;
    for (let at = 0; at < sums.length; at++) {
      const sum = (sums[at] ?? 0) + (addends[at] ?? 0);
      if (Number.isSafeInteger(sum)) sums[at] = sum;
      else this.#carry(at, addends[at] ?? 0);
    }
  }

  /** Adds another tally. */
  addTally(other: Tally): void {
    this.add(other.#sums);
    if (other.#beyond === null) return;
    this.#beyond ??= this.#sums.map(() => 0n);
    for (const [at, sum] of other.#beyond.entries()) this.#beyond[at] = (this.#beyond[at] ?? 0n) + sum;
  }

  /** The sums, as they are bound. */
  values(): readonly (number | bigint)[] {
    const beyond = this.#beyond;
    if (beyond === null) return this.#sums;
    return this.#sums.map((sum, at) => {
      const whole = BigInt(sum) + (beyond[at] ?? 0n);
      return whole < MOST_NANO_USD ? whole : MOST_NANO_USD;
    });
  }

  #carry(at: number, addend: number): void {
    this.#beyond ??= this.#sums.map(() => 0n);
    this.#beyond[at] = (this.#beyond[at] ?? 0n) + BigInt(this.#sums[at] ?? 0);
    this.#sums[at] = addend;
  }
}
