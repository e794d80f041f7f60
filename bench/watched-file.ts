import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readWatched, type Watched } from './measurement.ts';
import type { RunningProcess } from './processes.ts';

const PATIENCE_MS = 10_000;
const STEP_MS = 5;

/** Asks a process that `watch-process.js` is loaded into. Its delays are those since the last time it was asked. */
export async function askWatched(running: RunningProcess, file: string): Promise<Watched> {
  rmSync(file, { force: true });
  running.signal('SIGUSR2');
  for (let waitedMs = 0; !existsSync(file); waitedMs += STEP_MS) {
    if (waitedMs > PATIENCE_MS || running.exited) throw new Error('The process does not tell how it is.');
    await sleep(STEP_MS);
  }
  return readWatched(readFileSync(file, 'utf8'));
}
