import { expect, it } from 'vitest';
import { bringUpToDate } from '../../../src/ledger/booked-reads.ts';
import { callRecord } from '../../support/call-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { openTestJournal } from '../../support/test-journal.ts';

it('waits for the books, and not for a journal that fails or does not answer', async () => {
  let booked = false;
  await bringUpToDate(async () => {
    await new Promise(setImmediate);
    booked = true;
  });
  expect(booked).toBe(true);
  await bringUpToDate(() => Promise.reject(new Error('the thread has ended')));
  await bringUpToDate(() => new Promise(() => undefined), 1);
});

it('every read shows what was committed before it, whichever process did', { timeout: 30_000 }, async () => {
  const dataDir = temporaryFolder();
  const [one, two] = [await openTestJournal({ dataDir }), await openTestJournal({ dataDir })];
  for (let calls = 1; calls <= 20; calls++) {
    const record = callRecord();
    await one.finish(record);
    expect(await two.reader.record(record.id, null)).toEqual(record);
    const [sums] = await two.reader.sumsOfRun({ team: 'research', runId: 'nightly-42' });
    expect(sums?.records).toBe(calls);
    expect(await one.reader.lastSettlement()).toBe(calls);
  }
});
