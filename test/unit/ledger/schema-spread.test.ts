import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { MIGRATIONS, migrate } from '../../../src/ledger/migrations.ts';
import { sumsOfRun } from '../../../src/ledger/queries/activity.ts';
import { listRuns } from '../../../src/ledger/queries/runs.ts';
import { columnsOfRecord } from '../../../src/ledger/record-columns.ts';
import { endedRecord } from '../../support/arbitrary-record.ts';

const NEW_TABLES = ['usage_recent', 'activity_recent', 'runs_recent'];
const NEW_INDEXES = ['runs_by_cost', 'activity_by_run'];

/** The same records in a ledger that is new, and in one of the version before that is then brought up to date. */
function openBoth(): { written: DatabaseSync; migrated: DatabaseSync } {
  const records = fc.sample(endedRecord, { numRuns: 200, seed: 7 }).map((record, at) => {
    const ended_at = record.ended_at ?? record.started_at;
    return { ...record, ended_at, run_id: `run-${at % 9}`, session_id: at % 4 === 0 ? `session-${at % 3}` : null };
  });
  const write = (): DatabaseSync => {
    const database = new DatabaseSync(':memory:');
    migrate(database, ':memory:');
    const rows = records.map((record, sequence) => ({
      sequence,
      step: 'finish' as const,
      columns: columnsOfRecord(record),
    }));
    new BatchWriter(database, 'test').write(rows);
    return database;
  };
  const [written, migrated] = [write(), write()];
  for (const table of NEW_TABLES) migrated.exec(`DROP TABLE ${table}`);
  for (const index of NEW_INDEXES) migrated.exec(`DROP INDEX ${index}`);
  const before = new DatabaseSync(':memory:');
  migrate(before, ':memory:', MIGRATIONS.slice(0, 12));
  for (const index of NEW_INDEXES) {
    const row = before.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').get(index);
    migrated.exec(String(row?.['sql']));
  }
  before.close();
  const last = MIGRATIONS.find(({ version }) => version === 13);
  last?.up(migrated);
  return { written, migrated };
}

it('a ledger of the version before answers for its runs as a new one does', () => {
  const { written, migrated } = openBoth();
  const filter = { team: null, sessionId: null, startMs: null, endMs: null, order: '-cost' } as const;
  const runs = listRuns(written, filter, { limit: 1_000, after: null });
  expect(runs.length).toBeGreaterThan(9);
  expect(listRuns(migrated, filter, { limit: 1_000, after: null })).toEqual(runs);
  for (const { team, run_id } of runs) {
    const sums = sumsOfRun(written, { team, runId: run_id });
    expect(sums.length).toBeGreaterThan(0);
    expect(sumsOfRun(migrated, { team, runId: run_id })).toEqual(sums);
    const table = written.prepare('SELECT sum(records) AS records FROM activity WHERE team = ? AND run_id = ?');
    expect(sums.reduce((records, sum) => records + sum.records, 0)).toBe(table.get(team, run_id)?.['records']);
  }
  written.close();
  migrated.close();
});

it('all calls of a run are found where the clock was set back over midnight while one was open', () => {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const [record] = fc.sample(endedRecord, { numRuns: 1, seed: 7 });
  const times = [
    ['2026-03-02T00:10:00.000Z', '2026-03-01T23:50:00.000Z'],
    ['2026-03-01T23:55:00.000Z', '2026-03-01T23:56:00.000Z'],
  ] as const;
  const rows = times.map(([started_at, ended_at], sequence) => {
    if (record === undefined) throw new Error('there is no record');
    const call = { ...record, id: `call-${sequence}`, team: 'a', run_id: 'r', session_id: null, started_at, ended_at };
    return { sequence, step: 'finish' as const, columns: columnsOfRecord(call) };
  });
  expect(new BatchWriter(database, 'test').write(rows)).toEqual([]);
  const sums = sumsOfRun(database, { team: 'a', runId: 'r' });
  expect(sums.reduce((records, sum) => records + sum.records, 0)).toBe(2);
  database.close();
});
