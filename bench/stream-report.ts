import type { Measurement, Quantiles } from './measurement.ts';
import { markdown } from './report.ts';
import type { UpstreamStats } from './session.ts';
import { openingSeconds, type StreamOptions } from './stream-options.ts';

/** How a candidate is at a moment. */
export interface Sample {
  /** Since the first stream was begun. */
  readonly seconds: number;
  readonly residentMb: number | null;
  readonly heapUsedMb: number | null;
  readonly externalMb: number | null;
  readonly loopDelayP99Ms: number | null;
  readonly loopDelayMaxMs: number | null;
  readonly upstream: UpstreamStats | null;
}

/** What one candidate did, and how it was before the first stream and meanwhile. */
export interface StreamRun {
  readonly samples: readonly Sample[];
  readonly measurement: Measurement;
}

interface Streams extends StreamOptions {
  readonly slow: number;
  readonly slowBodyBytes: number;
}

interface Row {
  readonly title: string;
  readonly value: (run: StreamRun, streams: Streams) => string;
}

const KIB = 1024;

const ROWS: readonly Row[] = [
  { title: 'first byte ms p50 / p99 / max', value: ({ measurement }) => figures(measurement.firstMs) },
  { title: 'event on its way ms p50 / p99 / max', value: ({ measurement }) => figures(measurement.eventMs) },
  {
    title: 'event loop late ms while all are open, worst p99 of half a second / most',
    value: (run, streams) => {
      const open = whileOpen(run, streams);
      return [most(open, (sample) => sample.loopDelayP99Ms), most(open, (sample) => sample.loopDelayMaxMs)]
        .map((ms) => decimal(ms))
        .join(' / ');
    },
  },
  {
    title: 'event loop late ms, most until the last stream ended / when the load generator then closes all connections',
    value: ({ samples, measurement }) =>
      [most(samples, ({ loopDelayMaxMs }) => loopDelayMaxMs), measurement.loopDelayMs?.max ?? null]
        .map((ms) => decimal(ms))
        .join(' / '),
  },
  { title: 'share of its core', value: ({ measurement }) => measurement.coreShare?.toFixed(2) ?? '–' },
  {
    title: 'share of the core of load and upstream',
    value: ({ measurement }) => measurement.otherCoreShare.toFixed(2),
  },
  { title: 'CPU µs per event', value: ({ measurement }) => decimal(measurement.cpuMicrosPerEvent) },
  {
    title: 'MiB resident: started / warmed up / all open / peak',
    value: (run, streams) =>
      [run.measurement.idleMb, run.samples[0]?.residentMb, openMb(run, streams), run.measurement.peakMb]
        .map((mb) => mb?.toFixed(0) ?? '–')
        .join(' / '),
  },
  {
    title: 'KiB resident per open stream, over warmed up / over started',
    value: (run, streams) =>
      [run.samples[0]?.residentMb, run.measurement.idleMb]
        .map((before) => perStream(openMb(run, streams), before, streams.streams))
        .join(' / '),
  },
  {
    title: 'KiB of heap held per stream',
    value: (run, streams) =>
      perStream(
        held(run, streams, (sample) => sample.heapUsedMb),
        run.samples[0]?.heapUsedMb,
        streams.streams,
      ),
  },
  {
    title: 'KiB held beside the heap per stream',
    value: (run, streams) =>
      perStream(
        held(run, streams, (sample) => sample.externalMb),
        run.samples[0]?.externalMb,
        streams.streams,
      ),
  },
  {
    title: 'streams that the upstream had to pause, most at once / pauses',
    value: ({ samples }) =>
      [most(samples, ({ upstream }) => upstream?.mostPaused), most(samples, ({ upstream }) => upstream?.pauses)]
        .map((count) => String(count ?? '–'))
        .join(' / '),
  },
  { title: 'errors', value: ({ measurement }) => String(measurement.errors) },
];

/** A column for each candidate. */
export function streamTable(
  options: StreamOptions,
  sizes: { readonly slow: number; readonly slowBodyBytes: number },
  runs: readonly StreamRun[],
): string {
  const streams = { ...options, ...sizes };
  const table = markdown(
    ['figure', ...runs.map(({ measurement }) => measurement.candidate)],
    ROWS.map(({ title, value }) => [title, ...runs.map((run) => value(run, streams))]),
  );
  const perSecond = (options.streams * 1000) / options.intervalMs;
  const slow =
    sizes.slow === 0
      ? 'None is read slowly'
      : `${sizes.slow} are read slowly, with ${(sizes.slowBodyBytes / KIB / KIB).toFixed(1)} MiB each`;
  return `${options.streams} streams, ${perSecond.toFixed(0)} events a second. ${slow}.\n\n${table}`;
}

/** The samples from when all streams are open until the slow readers read on. */
function whileOpen({ samples }: StreamRun, options: StreamOptions): Sample[] {
  const begin = openingSeconds(options);
  return samples.filter(({ seconds }) => seconds > begin + 1 && seconds < begin + options.seconds);
}

/** Resident memory while all are open: the median, so that neither the opening nor the end is in it. */
function openMb(run: StreamRun, options: StreamOptions): number | null {
  const sizes = whileOpen(run, options).flatMap(({ residentMb }) => residentMb ?? []);
  return sizes.sort((a, b) => a - b)[Math.floor(sizes.length / 2)] ?? null;
}

/** What is held, and does not only wait for the next collection: the least while all are open. */
function held(run: StreamRun, options: StreamOptions, value: (sample: Sample) => number | null): number | null {
  const values = whileOpen(run, options).flatMap((sample) => value(sample) ?? []);
  return values.length === 0 ? null : Math.min(...values);
}

function most<Item>(items: readonly Item[], value: (item: Item) => number | null | undefined): number | null {
  const values = items.flatMap((item) => value(item) ?? []);
  return values.length === 0 ? null : Math.max(...values);
}

function perStream(mb: number | null, beforeMb: number | null | undefined, streams: number): string {
  return mb === null || beforeMb == null ? '–' : (((mb - beforeMb) * KIB) / streams).toFixed(1);
}

function decimal(value: number | null): string {
  return value?.toFixed(1) ?? '–';
}

function figures(quantiles: Quantiles | null): string {
  return quantiles === null
    ? '–'
    : [quantiles.p50, quantiles.p99, quantiles.max].map((ms) => ms.toFixed(1)).join(' / ');
}
