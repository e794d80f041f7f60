import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { memoryUsage } from 'node:process';
import { isMainThread } from 'node:worker_threads';

/**
 * Loaded into the candidates that run on Node (`--import`): measures how late their event loop is, and what their
 * threads hold. At SIGUSR2 it writes the delays since the last time, and the memory as it is, to the file of
 * `BENCH_WATCH_FILE`.
 *
 * JavaScript, because a first file with types would load what strips them, and be seen in the memory.
 */
const RESOLUTION_MS = 2;
const NANO_PER_MS = 1e6;
const MIB = 1024 * 1024;

const file = process.env['BENCH_WATCH_FILE'];
if (isMainThread && file !== undefined) watch(file);

/** @param {string} path */
function watch(path) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  /** @type {Set<import('node:worker_threads').Worker>} */
  const workers = new Set();
  process.on('worker', (worker) => {
    workers.add(worker);
    worker.once('exit', () => workers.delete(worker));
  });
  process.on('SIGUSR2', () => {
    const late = (/** @type {number} */ ns) => Math.max(0, ns / NANO_PER_MS - RESOLUTION_MS);
    const delay = {
      p50: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
    };
    histogram.reset();
    void threadsOf(workers).then((threads) => {
      const { heapTotal, heapUsed, external, arrayBuffers } = memoryUsage();
      const memory = {
        heapTotalMb: heapTotal / MIB,
        heapUsedMb: heapUsed / MIB,
        externalMb: external / MIB,
        arrayBuffersMb: arrayBuffers / MIB,
      };
      writeFileSync(`${path}.new`, JSON.stringify({ delay, memory: { ...memory, threads } }));
      renameSync(`${path}.new`, path);
    });
  });
}

/**
 * What each worker thread holds: its heap, and what lies beside it.
 *
 * @param {Set<import('node:worker_threads').Worker>} workers
 */
async function threadsOf(workers) {
  const threads = [...workers].map(async (worker) => {
    const { used_heap_size, total_heap_size, external_memory } = await worker.getHeapStatistics();
    return {
      name: worker.threadName ?? '',
      heapTotalMb: total_heap_size / MIB,
      heapUsedMb: used_heap_size / MIB,
      externalMb: external_memory / MIB,
    };
  });
  return (await Promise.allSettled(threads)).flatMap((thread) => (thread.status === 'fulfilled' ? [thread.value] : []));
}
