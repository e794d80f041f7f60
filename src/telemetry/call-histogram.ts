import { Histogram, type HistogramConfiguration } from 'prom-client';
import { areSame } from './label-bounds.ts';

export interface CallHistogramSettings extends HistogramConfiguration<string> {
  readonly labelNames: string[];
  /** Upper bounds, rising. */
  readonly buckets: number[];
}

/** What was seen with one set of labels. */
interface Series {
  readonly values: readonly string[];
  /** How many were at most each bound and above the one before; the last is above all of them. */
  readonly counts: number[];
  sum: number;
}

interface Shown {
  readonly name: string;
  readonly help: string;
  readonly type: 'histogram';
  readonly aggregator: 'sum';
}

interface ShownValue {
  readonly metricName: string;
  readonly labels: { readonly le?: number | '+Inf' };
  readonly sharedLabels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * A histogram that each call adds to. prom-client's own looks its series up by a text that it builds from the labels, at
 * every call; here they are compared with those of the call before, and what a scrape shows is made when it comes.
 */
export class CallHistogram extends Histogram {
  readonly #shown: Shown;
  readonly #labelNames: readonly string[];
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();
  #last: Series | null = null;

  constructor(settings: CallHistogramSettings) {
    super(settings);
    this.#shown = { name: settings.name, help: settings.help, type: 'histogram', aggregator: 'sum' };
    this.#labelNames = settings.labelNames;
    this.#bounds = settings.buckets;
    if (settings.labelNames.length === 0) this.#seriesOf([]); // it is shown before the first call
  }

  /** @param values of the labels, in the order of their names */
  add(values: readonly string[], seen: number): void {
    const series = this.#last !== null && areSame(this.#last.values, values) ? this.#last : this.#seriesOf(values);
    this.#last = series;
    let place = 0;
    while (place < this.#bounds.length && seen > (this.#bounds[place] ?? 0)) place++;
    series.counts[place] = (series.counts[place] ?? 0) + 1;
    series.sum += seen;
  }

  /** What prom-client asks for, for its text and by its own `get`. */
  async getForPromString(): Promise<Shown & { readonly values: ShownValue[] }> {
    return { ...this.#shown, values: [...this.#series.values()].flatMap((series) => this.#valuesOf(series)) };
  }

  #seriesOf(values: readonly string[]): Series {
    const key = values.join('\n');
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const series = { values, counts: new Array(this.#bounds.length + 1).fill(0), sum: 0 };
    this.#series.set(key, series);
    return series;
  }

  #valuesOf({ values, counts, sum }: Series): ShownValue[] {
    const sharedLabels = Object.fromEntries(this.#labelNames.map((name, place) => [name, values[place] ?? '']));
    const { name } = this.#shown;
    const bounds: readonly (number | '+Inf')[] = [...this.#bounds, '+Inf'];
    let count = 0;
    const buckets = bounds.map((le, place) => {
      count += counts[place] ?? 0;
      return { metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum },
      { metricName: `${name}_count`, labels: {}, sharedLabels, value: count },
    ];
  }
}
