import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { endWorker } from '../../../src/ledger/end-worker.ts';

/** A thread that says how it was ended: by itself with 7, from outside with 1. */
const ENDS_BY_ITSELF = `
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', ({ kind }) => { if (kind === 'stop') process.exit(7); });
  parentPort.postMessage('ready');`;
const DOES_NOT_LISTEN = `require('node:worker_threads').parentPort.postMessage('ready'); for (;;);`;

async function started(source: string): Promise<Worker> {
  const worker = new Worker(source, { eval: true });
  await once(worker, 'message');
  return worker;
}

describe('endWorker', () => {
  it.each([
    ['lets a thread end by itself', ENDS_BY_ITSELF, 7],
    ['ends one that does not answer from outside', DOES_NOT_LISTEN, 1],
  ])('%s', async (_what, source, code) => {
    const worker = await started(source);
    const exited = once(worker, 'exit');
    await endWorker(worker);
    expect(await exited).toEqual([code]);
  });

  it('has nothing to do where the thread has ended already', async () => {
    const worker = await started(ENDS_BY_ITSELF);
    await worker.terminate();
    await endWorker(worker);
    expect(worker.threadId).toBe(-1);
  });
});
