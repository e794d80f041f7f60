import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished, vi } from 'vitest';
import { databaseFile } from '../../../src/ledger/database.ts';
import type { FromJournal } from '../../../src/ledger/journal-messages.ts';
import { openJournalThread } from '../../../src/ledger/journal-thread.ts';
import { lineOf } from '../../../src/ledger/row-lines.ts';
import { segmentsFolder } from '../../../src/ledger/segment-name.ts';
import { CORRECTING } from '../../support/authors.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { PlayedSegment } from '../../support/segment-files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** More than are booked later. */
const MANY_ROWS = 1_000;

it('corrects no cost while the roll-ups that it is added to cannot be written', async () => {
  const dataDir = temporaryFolder();
  const said: FromJournal[] = [];
  const start = { dataDir, synchronous: 'normal', instanceId: 'one', maxDatabaseBytes: null } as const;
  const thread = openJournalThread({ ...start, nowMs: 0, recoverOwn: true }, (message) => said.push(message));
  onTestFinished(() => thread.receive({ kind: 'call', id: 99, name: 'close', input: { isComplete: true } }));
  const record = makeCallRecord(1);
  new PlayedSegment(dataDir).write(['finish', record]);
  await thread.receive({ kind: 'appended', rows: MANY_ROWS }); // in the records, and not yet in the roll-ups
  const unreadable = join(segmentsFolder(dataDir), `two-${'0'.repeat(32)}-0.log`);
  mkdirSync(unreadable);

  const corrections = [
    { id: 'c1', recordId: record.id, expectedNanoUsd: record.cost_nano_usd, costNanoUsd: 2_000_000, priceId: 'p' },
  ];
  const batch = { ...CORRECTING, corrections, reason: 'test', nowMs: 0 };
  const answer = async (id: number) => {
    await thread.receive({ kind: 'call', id, name: 'correct', input: batch });
    return said.find((message) => message.kind === 'answer' && message.id === id);
  };
  expect(await answer(1)).toMatchObject({ outcome: { ok: false } });
  rmdirSync(unreadable);
  await vi.waitFor(async () =>
    expect(await answer(said.length + 2)).toMatchObject({ outcome: { value: [record.id] } }),
  );

  const database = new DatabaseSync(databaseFile(dataDir), { readOnly: true });
  onTestFinished(() => database.close());
  const row = database.prepare('SELECT cost_nano_usd, corrections, corrections_nano_usd FROM usage_day').get();
  expect({ ...row }).toEqual({ cost_nano_usd: 1_000_000, corrections: 1, corrections_nano_usd: 1_000_000 });
});

it('moves what the last process has left, and in time what calls leave that are read before they are booked', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const dataDir = temporaryFolder();
  const said: FromJournal[] = [];
  const start = { dataDir, synchronous: 'normal', instanceId: 'one', maxDatabaseBytes: null } as const;
  const thread = openJournalThread({ ...start, nowMs: 0, recoverOwn: true }, (message) => said.push(message));
  const database = new DatabaseSync(databaseFile(dataDir));
  onTestFinished(() => database.close());
  database.exec(`INSERT INTO runs_recent (team, run_id, started_at, last_activity_at, cost_nano_usd)
    VALUES ('research', 'of the last process', '2026-11-22T00:00:00.000Z', '2026-11-22T00:00:00.000Z', 1)`);
  const callsOfRuns = (): unknown => database.prepare('SELECT count(*) AS calls FROM run_calls').get()?.['calls'];
  await vi.advanceTimersByTimeAsync(60_000);
  expect(database.prepare('SELECT run_id FROM runs').all()).toEqual([{ run_id: 'of the last process' }]);

  const segment = new PlayedSegment(dataDir);
  for (const calls of [1, 2]) {
    segment.write(['finish', makeCallRecord(calls)]);
    await thread.receive({ kind: 'appended', rows: calls });
    await thread.receive({ kind: 'call', id: calls, name: 'book', input: null });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(callsOfRuns()).toBe(calls);
  }
  await thread.receive({ kind: 'rows', firstSequence: 1, lines: lineOf('finish', makeCallRecord(3)) });
  await new Promise(setImmediate);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(callsOfRuns()).toBe(3);

  database.exec(`WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
    INSERT INTO runs_recent (team, run_id, started_at, last_activity_at, cost_nano_usd)
      SELECT 'research', n, '2026-11-22T00:00:00.000Z', '2026-11-22T00:00:00.000Z', 1 FROM numbers`);
  segment.write(['finish', makeCallRecord(4)]);
  await thread.receive({ kind: 'appended', rows: 3 });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(callsOfRuns()).toBe(4);
  expect(database.prepare('SELECT count(*) AS rows FROM runs_recent').get()).toEqual({ rows: 0 });

  await thread.receive({ kind: 'appended', rows: 4 });
  await thread.receive({ kind: 'call', id: 99, name: 'close', input: { isComplete: true } });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(said.filter(({ kind }) => kind === 'stalled')).toEqual([]);
});

it('says what was deleted until it was closed', async () => {
  const dataDir = temporaryFolder();
  const said: FromJournal[] = [];
  const start = { dataDir, synchronous: 'normal', instanceId: 'one', maxDatabaseBytes: null } as const;
  const thread = openJournalThread({ ...start, nowMs: 0, recoverOwn: true }, (message) => said.push(message));
  const records = Array.from({ length: 1_000 }, (_, n) => makeCallRecord(n));
  new PlayedSegment(dataDir).write(...records.map((record) => ['finish', record] as const));
  const input = { beforeMs: Date.parse('2100-01-01'), nowMs: Date.parse('2100-01-01') };
  const pruned = thread.receive({ kind: 'call', id: 1, name: 'prune', input });
  await thread.receive({ kind: 'call', id: 2, name: 'close', input: { isComplete: true } });
  await pruned;
  expect(said.filter(({ kind }) => kind === 'answer')).toMatchObject([
    { id: 2, outcome: { ok: true } },
    { id: 1, outcome: { value: { records: 500 } } },
  ]);
});
