import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { MIGRATIONS, migrate } from '../../../src/ledger/migrations.ts';
import { findRecord, listRecords } from '../../../src/ledger/queries/records.ts';
import { findRun } from '../../../src/ledger/queries/runs.ts';
import { openCalls } from '../../../src/ledger/queries/statements.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { columnsOfRecord, RECORD_COLUMNS_SQL } from '../../../src/ledger/record-columns.ts';
import { CALL_STARTED_MS, callRecord, openCallRecord } from '../../support/call-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RUN = { team: 'research', runId: 'nightly-42' };
const ALL = {
  team: null,
  keyId: null,
  runId: null,
  sessionId: null,
  model: null,
  ending: null,
  startMs: null,
  endMs: null,
};

function openFile(version?: number): { database: DatabaseSync; file: string } {
  const file = join(temporaryFolder(), 'metertap.db');
  const database = new DatabaseSync(file);
  onTestFinished(() => database.close());
  migrate(database, file, MIGRATIONS.slice(0, version));
  return { database, file };
}

/** An open call with a value in everything that it can have. */
const full = (): CallRecord =>
  openCallRecord({
    parent_run_id: 'parent',
    session_id: 'session-1',
    agent: 'a "quoted" agent',
    user: 'ann\u2028',
    trace_id: 'trace',
    tags: { step: '1' },
    stream: true,
    client_retry: 2,
    retry_of: 'before',
  });

/** As version 7 wrote rows: calls in flight among the others. */
function insertAsBefore(database: DatabaseSync, record: CallRecord): void {
  const columns = columnsOfRecord(record);
  const marks = columns.map(() => '?').join(', ');
  database
    .prepare(`INSERT INTO records (${RECORD_COLUMNS_SQL}, instance_id) VALUES (${marks}, 'gone')`)
    .run(...columns);
}

it('of a ledger of version 7 are moved, as they were', () => {
  const { database, file } = openFile(7);
  const [open, bare, done, queued] = [
    full(),
    openCallRecord({ run_id: null }),
    callRecord(),
    callRecord({ endpoint: 'responses', ending: 'queued', usage: null, usage_source: 'missing' }),
  ];
  for (const record of [open, bare, done, queued]) insertAsBefore(database, record);
  migrate(database, file);
  for (const record of [open, bare, done, queued]) expect(findRecord(database, record.id, null)).toEqual(record);
  const ids = (table: string): unknown[] => database.prepare(`SELECT id FROM ${table} ORDER BY id`).all();
  expect(ids('records')).toEqual([{ id: done.id }, { id: queued.id }]);
  expect(database.prepare('SELECT instance_id FROM open_calls WHERE id = ?').get(open.id)).toEqual({
    instance_id: 'gone',
  });
  expect(ids('open_calls')).toEqual([{ id: open.id }, { id: bare.id }]);
});

it('are found, listed and counted as the others are, and are there once when they have ended', () => {
  const { database } = openFile();
  const writer = new BatchWriter(database, 'test');
  const write = (step: 'open' | 'finish', record: CallRecord): unknown =>
    writer.write([{ sequence: 0, step, columns: columnsOfRecord(record) }]);
  const records = Array.from({ length: 9 }, (_, n) => (n % 3 === 1 ? full() : callRecord({ session_id: `s-${n}` })));
  for (const record of records) write(record.ending === 'in_flight' ? 'open' : 'finish', record);
  const newestFirst = [...records].sort((a, b) => (a.id < b.id ? 1 : -1));

  const paged: CallRecord[] = [];
  for (let beforeId: string | null = null; paged.length < 9; beforeId = paged.at(-1)?.id ?? null) {
    paged.push(...listRecords(database, ALL, { limit: 2, beforeId }));
  }
  expect(paged).toEqual(newestFirst);
  const open = newestFirst.filter((record) => record.ending === 'in_flight');
  const list = (filter: Partial<typeof ALL> | { ending: 'in_flight' | 'completed' }): CallRecord[] =>
    listRecords(database, { ...ALL, ...filter }, { limit: 100, beforeId: null });
  expect(list({ ending: 'in_flight' })).toEqual(open);
  expect(list({ ending: 'completed' })).toHaveLength(6);
  expect(listRecords(database, { ...ALL, sessionId: 'session-1' }, { limit: 2, beforeId: null })).toEqual(
    open.slice(0, 2),
  );
  expect(listRecords(database, { ...ALL, team: 'other' }, { limit: 9, beforeId: null })).toEqual([]);
  expect(findRun(database, RUN)).toMatchObject({ in_flight: 3 });
  const period = new Date(CALL_STARTED_MS).toISOString().slice(0, 7);
  expect(openCalls(database, 'research', period)).toBe(3);
  expect(openCalls(database, 'other', period)).toBe(0);

  for (const record of open) write('finish', callRecord({ id: record.id }));
  expect(findRun(database, RUN)).toMatchObject({ in_flight: 0 });
  expect(openCalls(database, 'research', period)).toBe(0);
  expect(list({})).toHaveLength(9);
});
