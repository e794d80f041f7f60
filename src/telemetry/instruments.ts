import { Counter, Gauge, type Registry } from 'prom-client';
import { CallHistogram } from './call-histogram.ts';
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  METRIC_PREFIX,
  METRICS,
  type MetricName,
  type MetricRow,
} from './metric-table.ts';

/** The prom-client object of each row of the table, made once and registered with one registry. */
export class Instruments {
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, CallHistogram>();
  readonly #labelApiKey: boolean;

  /** @param labelApiKey whether the rows that say `byKey` get the label `key_id` */
  constructor(registry: Registry, labelApiKey: boolean) {
    this.#labelApiKey = labelApiKey;
    const rows: [string, MetricRow][] = Object.entries(METRICS);
    for (const [name, row] of rows) {
      const settings = {
        name: METRIC_PREFIX + name,
        help: row.help,
        labelNames: this.#labelNames(row),
        registers: [registry],
      };
      if (row.type === 'counter') this.#counters.set(name, new Counter(settings));
      else if (row.type === 'gauge') this.#gauges.set(name, new Gauge(settings));
      else this.#histograms.set(name, new CallHistogram({ ...settings, buckets: [...(row.buckets ?? [])] }));
    }
  }

  /** The label names of a metric, in the order in which values are given for it. */
  labelNames(name: MetricName): string[] {
    return this.#labelNames(METRICS[name]);
  }

  counter(name: CounterName): Counter {
    return known(this.#counters.get(name), name);
  }

  gauge(name: GaugeName): Gauge {
    return known(this.#gauges.get(name), name);
  }

  histogram(name: HistogramName): CallHistogram {
    return known(this.#histograms.get(name), name);
  }

  #labelNames(row: MetricRow): string[] {
    return row.byKey && this.#labelApiKey ? [...row.labels, 'key_id'] : [...row.labels];
  }
}

function known<Instrument>(instrument: Instrument | undefined, name: string): Instrument {
  if (instrument === undefined) throw new Error(`no metric of this kind is called ${name}`);
  return instrument;
}
