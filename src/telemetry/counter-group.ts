import type { Counter } from 'prom-client';
import { areSame, MAX_LABEL_SETS, OTHER } from './label-bounds.ts';

interface Row<Column extends string> {
  readonly values: readonly string[];
  readonly labels: Record<string, string>;
  readonly sums: Record<Column, number>;
}

/** Labels that stay as they are when there are too many sets of labels: the configuration bounds them. */
const KEPT_LABELS: ReadonlySet<string> = new Set(['upstream', 'endpoint', 'status_class']);

/**
 * Counters that share their labels. A call looks its labels up once and adds plain numbers in place; prom-client, which
 * builds a string from the labels at every operation, sees the sums only when somebody scrapes.
 *
 * Beyond the cap of label sets a call is counted under `other`, so that the sums stay right.
 */
export class CounterGroup<Column extends string> {
  readonly #labelNames: readonly string[];
  readonly #counters: readonly (readonly [Column, Counter])[];
  readonly #unitsPerOne: number;
  readonly #rows = new Map<string, Row<Column>>();
  /** That of the last call: the next one often has the same labels, and to compare them is quicker than to join them. */
  #last: Row<Column> | null = null;

  /**
   * @param unitsPerOne how many of the added units make one of the counter's: 1,000,000,000 for nano-USD counted as USD
   */
  constructor(labelNames: readonly string[], counters: readonly (readonly [Column, Counter])[], unitsPerOne = 1) {
    this.#labelNames = labelNames;
    this.#counters = counters;
    this.#unitsPerOne = unitsPerOne;
  }

  /** The sums of these labels, to be added to. `values` are in the order of the label names. */
  sums(values: readonly string[]): Record<Column, number> {
    const last = this.#last;
    if (last !== null && areSame(last.values, values)) return last.sums;
    const key = values.join('\n');
    const known = this.#rows.get(key);
    if (known !== undefined) {
      this.#last = known;
      return known.sums;
    }
    const kept = values.map((value, index) => (KEPT_LABELS.has(this.#labelNames[index] ?? '') ? value : OTHER));
    if (this.#rows.size >= MAX_LABEL_SETS && kept.join('\n') !== key) return this.sums(kept);
    return this.#addRow(key, values).sums;
  }

  /** Hands what was added since the last time to prom-client. */
  flush(): void {
    for (const { labels, sums } of this.#rows.values()) {
      for (const [column, counter] of this.#counters) {
        if (sums[column] === 0) continue;
        counter.inc(labels, sums[column] / this.#unitsPerOne);
        sums[column] = 0;
      }
    }
  }

  #addRow(key: string, values: readonly string[]): Row<Column> {
    const labels: Record<string, string> = {};
    for (const [index, name] of this.#labelNames.entries()) labels[name] = values[index] ?? '';
    const sums = {} as Record<Column, number>;
    for (const [column, counter] of this.#counters) {
      sums[column] = 0;
      counter.inc(labels, 0);
    }
    const row = { values, labels, sums };
    this.#rows.set(key, row);
    return row;
  }
}
