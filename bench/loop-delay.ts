import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/**
 * Loaded into the candidates that run on Node (`--import`): measures how late their event loop is. At SIGUSR2 it writes
 * the figures since the last time to the file of `BENCH_LOOP_DELAY_FILE`.
 */
const RESOLUTION_MS = 2;
const NANO_PER_MS = 1e6;

const file = process.env['BENCH_LOOP_DELAY_FILE'];
if (isMainThread && file !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  process.on('SIGUSR2', () => {
    const late = (ns: number) => Math.max(0, ns / NANO_PER_MS - RESOLUTION_MS);
    const figures = {
      p50: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
    };
    writeFileSync(`${file}.new`, JSON.stringify(figures));
    renameSync(`${file}.new`, file);
    histogram.reset();
  });
}
