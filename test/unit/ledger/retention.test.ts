import { getEventListeners, once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BackgroundWork } from '../../../src/core/background.ts';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { migrate } from '../../../src/ledger/migrations.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { columnsOfRecord } from '../../../src/ledger/record-columns.ts';
import { prune } from '../../../src/ledger/retention.ts';
import { startRetention } from '../../../src/ledger/retention-schedule.ts';
import { RunCalls } from '../../../src/ledger/run-calls.ts';
import { callRecord, openCallRecord } from '../../support/call-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.parse('2026-11-22T12:00:00.000Z');
const clock = { nowMs: () => NOW_MS, monotonicMs: () => performance.now() };
const daysAgo = (days: number): string => new Date(NOW_MS - days * DAY_MS).toISOString();
const RUN = { team: 'research', runId: 'nightly-42' };

function openLedger(...records: readonly CallRecord[]): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  onTestFinished(() => database.close());
  migrate(database, ':memory:');
  const rows = records.map((record, sequence) => ({
    sequence,
    step: 'finish' as const,
    columns: columnsOfRecord(record),
  }));
  expect(new BatchWriter(database, 'test').write(rows)).toEqual([]);
  return database;
}

function countRows(dataDir: string, table: string): unknown {
  const database = new DatabaseSync(join(dataDir, 'metertap.db'), { readOnly: true });
  const row = database.prepare(`SELECT count(*) AS rows FROM ${table}`).get();
  database.close();
  return row?.['rows'];
}

describe('prune', () => {
  it('deletes old records, and never what the roll-ups and runs say', async () => {
    const journal = await openTestJournal({ clock });
    const old = Array.from({ length: 1_200 }, () => callRecord({ started_at: daysAgo(100) }));
    const young = callRecord({ started_at: daysAgo(1) });
    await Promise.all([...old, young].map((record) => journal.finish(record)));
    const query = {
      startMs: NOW_MS - 365 * DAY_MS,
      endMs: NOW_MS,
      bucket: '1d',
      groupBy: ['run_id'],
      filters: {},
      includeEstimated: true,
    } as const;
    const before = [
      await journal.reader.usage(query),
      await journal.reader.sumsOfRun(RUN),
      await journal.reader.run(RUN),
    ];

    expect(await journal.prune(NOW_MS - 90 * DAY_MS)).toMatchObject({ records: 1_200 });
    expect(await journal.reader.recordsOfRun(RUN)).toEqual([young]);
    const after = [
      await journal.reader.usage(query),
      await journal.reader.sumsOfRun(RUN),
      await journal.reader.run(RUN),
    ];
    expect(after).toEqual(before);
  });

  it('keeps calls that are open, however old', async () => {
    const journal = await openTestJournal({ clock });
    const open = openCallRecord({ started_at: daysAgo(100) });
    const queued = callRecord({ started_at: daysAgo(100), ending: 'queued', usage: null });
    journal.open(open);
    await journal.finish(queued);
    expect(await journal.prune(NOW_MS)).toMatchObject({ records: 0 });
    expect(await journal.reader.record(open.id, null)).toEqual(open);
    expect(await journal.reader.record(queued.id, null)).toEqual(queued);
  });

  it('deletes minutes after 8 days and hours after 400, but no day', async () => {
    const dataDir = temporaryFolder();
    const journal = await openTestJournal({ dataDir, clock });
    for (const days of [1, 7, 9, 399, 401, 2_000]) {
      await journal.finish(callRecord({ started_at: daysAgo(days), team: days === 401 ? 'sales' : 'research' }));
    }
    expect(await journal.prune(null)).toEqual({ records: 0, undelivered: 0, minuteRows: 4, hourRows: 2 });
    expect(countRows(dataDir, 'usage_minute')).toBe(2);
    expect(countRows(dataDir, 'usage_hour')).toBe(4);
    expect(countRows(dataDir, 'usage_day')).toBe(6);
    expect(countRows(dataDir, 'records')).toBe(6);
  });

  it('deletes minutes to the minute, though it takes them by the hour', async () => {
    const journal = await openTestJournal({ clock });
    for (const days of [8.02, 7.98]) await journal.finish(callRecord({ started_at: daysAgo(days) }));
    expect(await journal.prune(null)).toMatchObject({ minuteRows: 1 });
  });

  it('ends after a step when it is stopped, and the next one deletes what is left', async () => {
    const journal = await openTestJournal({ clock });
    await Promise.all(Array.from({ length: 3_000 }, () => journal.finish(callRecord({ started_at: daysAgo(100) }))));
    const stop = new AbortController();
    const pruned = journal.prune(NOW_MS, stop.signal);
    stop.abort();
    const { records } = await pruned;
    expect(records).toBeGreaterThan(0);
    expect(records).toBeLessThan(3_000);
    expect(await journal.prune(NOW_MS, stop.signal)).toMatchObject({ records: 0 });
    const next = new AbortController();
    expect(await journal.prune(NOW_MS, next.signal)).toMatchObject({ records: 3_000 - records });
    expect(getEventListeners(next.signal, 'abort')).toEqual([]); // the same signal is given each hour
  });

  it('leaves what is left where the journal is closed meanwhile', async () => {
    const dataDir = temporaryFolder();
    const journal = await openTestJournal({ dataDir, clock });
    await Promise.all(Array.from({ length: 3_000 }, () => journal.finish(callRecord({ started_at: daysAgo(100) }))));
    const pruned = journal.prune(NOW_MS).catch(() => null); // whoever asked may hear that the thread has ended
    await journal.close();
    await pruned;
    const left = Number(countRows(dataDir, 'records'));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(3_000);
  });

  it('rests three times as long as a step took, and not a moment longer when it is stopped', async () => {
    const database = openLedger(...Array.from({ length: 3_000 }, () => callRecord({ started_at: daysAgo(100) })));
    let nowMs = 0;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => {
      nowMs += 60_000; // by which a step took a minute
      return nowMs;
    });
    onTestFinished(() => void now.mockRestore());
    const stop = new AbortController();
    const pruned = prune(database, { beforeMs: NOW_MS, nowMs: NOW_MS, signal: stop.signal });
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(database.prepare('SELECT count(*) AS rows FROM records').get()).toEqual({ rows: 2_500 });
    stop.abort();
    expect(await pruned).toMatchObject({ records: 500 });
  });

  it('deletes a record and its place among the calls of a run, or neither', async () => {
    const database = openLedger(callRecord({ started_at: daysAgo(100) }));
    new RunCalls(database).move();
    database.exec(`CREATE TRIGGER full_disk BEFORE DELETE ON records BEGIN SELECT raise(ABORT, 'full'); END`);
    const { signal } = new AbortController();
    await expect(prune(database, { beforeMs: NOW_MS, nowMs: NOW_MS, signal })).rejects.toThrow('full');
    expect(database.prepare('SELECT count(*) AS rows FROM run_calls').get()).toEqual({ rows: 1 });
    database.exec('DROP TRIGGER full_disk');
    expect(await prune(database, { beforeMs: NOW_MS, nowMs: NOW_MS, signal })).toMatchObject({ records: 1 });
  });

  it('does not keep commits waiting', async () => {
    const journal = await openTestJournal({ clock });
    await Promise.all(Array.from({ length: 3_000 }, () => journal.finish(callRecord({ started_at: daysAgo(100) }))));
    const order: string[] = [];
    const pruned = journal.prune(NOW_MS).then(() => order.push('pruned'));
    await journal.finish(callRecord({ started_at: daysAgo(0) })).then(() => order.push('committed'));
    await pruned;
    expect(order).toEqual(['committed', 'pruned']);
  });
});

describe('startRetention', () => {
  it('recovers and prunes at the start and every hour', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const journal = {
      prune: vi.fn(async () => ({ records: 0, undelivered: 0, minuteRows: 0, hourRows: 0 })),
      recoverDeadInstances: vi.fn(async () => 0),
    };
    const background = new BackgroundWork((_, error) => {
      throw error;
    });
    startRetention({ journal, background, clock, retentionDays: () => 30 });
    await vi.advanceTimersByTimeAsync(0);
    expect(journal.prune.mock.calls).toEqual([[NOW_MS - 30 * DAY_MS, background.stopping]]);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(journal.prune).toHaveBeenCalledTimes(2);
    expect(journal.recoverDeadInstances).toHaveBeenCalledTimes(2);
    await background.stop();
  });

  it('keeps all records where no retention is set', async () => {
    const journal = {
      prune: vi.fn(async () => ({ records: 0, undelivered: 0, minuteRows: 0, hourRows: 0 })),
      recoverDeadInstances: vi.fn(async () => 0),
    };
    const background = new BackgroundWork(() => undefined);
    startRetention({ journal, background, clock, retentionDays: () => null });
    await background.stop();
    expect(journal.prune.mock.calls).toEqual([[null, background.stopping]]);
  });

  it('ends a long deletion when the process stops', async () => {
    const deletes = (_: number | null, stop?: AbortSignal) =>
      once(stop ?? new EventTarget(), 'abort').then(() => ({
        records: 500,
        undelivered: 0,
        minuteRows: 0,
        hourRows: 0,
      }));
    const journal = { prune: vi.fn(deletes), recoverDeadInstances: async () => 0 };
    const background = new BackgroundWork(() => undefined);
    startRetention({ journal, background, clock, retentionDays: () => 90 });
    await vi.waitUntil(() => journal.prune.mock.calls.length > 0);
    await background.stop();
  });
});
