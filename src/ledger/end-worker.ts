import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';

/** How long a thread may take to close its database and end, before it is ended from outside. */
const PATIENCE_MS = 2_000;

/** Asks a thread to end by itself: `STOP` is the message that it does so at. */
export const STOP = { kind: 'stop' } as const;

/**
 * Ends a thread that has a database open: it closes that first, by itself. Taking the thread down around an open
 * database is left to those that do not answer, because native code is then cleared away in the middle of its work.
 */
export async function endWorker(worker: Worker): Promise<void> {
  if (worker.threadId < 0) return;
  const ended = once(worker, 'exit').catch(() => undefined); // a thread that fails on its way out has ended too
  worker.postMessage(STOP);
  const patience = new AbortController();
  const tooLong = sleep(PATIENCE_MS, 'too long', { ref: false, signal: patience.signal }).catch(() => undefined);
  const first = await Promise.race([ended, tooLong]);
  patience.abort();
  if (first === 'too long') await worker.terminate();
}
