import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { SqliteReader } from '../../../src/ledger/reader.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { openTestJournal } from '../../support/test-journal.ts';

it('ends its thread when nobody has read for a while, and reads again with another one', async () => {
  const dataDir = temporaryFolder();
  const journal = await openTestJournal({ dataDir });
  const record = makeCallRecord(1);
  await journal.finish(record);
  await journal.close();
  const threads: Worker[] = [];
  const note = (thread: Worker) => threads.push(thread);
  process.on('worker', note);
  onTestFinished(() => void process.off('worker', note));
  const declareRun = () => Promise.reject(new Error('nobody declares a run here'));
  const book = () => Promise.resolve();
  const hasRunLimits = () => Promise.resolve(false);
  const reader = new SqliteReader({ dataDir, clock: systemClock, book, declareRun, hasRunLimits, idleMs: 5 });
  onTestFinished(() => reader.close());

  for (const time of [1, 2]) {
    const reads = await Promise.all([reader.record(record.id, null), reader.record('unheard-of', null)]);
    expect(reads.map((found) => found?.id)).toEqual([record.id, undefined]);
    expect(threads).toHaveLength(time);
    const [thread] = threads.slice(-1);
    if (thread !== undefined && thread.threadId > 0) await once(thread, 'exit');
  }
});

it('starts no thread any more for a read that waited for its books while it was closed', async () => {
  const threads: Worker[] = [];
  const note = (thread: Worker) => threads.push(thread);
  process.on('worker', note);
  onTestFinished(() => void process.off('worker', note));
  onTestFinished(() => Promise.all(threads.map((thread) => thread.terminate())).then(() => undefined));
  const booked = Promise.withResolvers<void>();
  const declareRun = () => Promise.reject(new Error('nobody declares a run here'));
  const hasRunLimits = () => Promise.resolve(false);
  const dataDir = temporaryFolder();
  const reader = new SqliteReader({
    dataDir,
    clock: systemClock,
    book: () => booked.promise,
    declareRun,
    hasRunLimits,
  });

  const read = reader.record('any', null);
  await reader.close();
  booked.resolve();

  await expect(read).rejects.toMatchObject({ code: 'ledger_unavailable', message: expect.stringContaining('ended') });
  expect(threads).toHaveLength(1);
});
