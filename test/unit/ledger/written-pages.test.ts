import { expect, it } from 'vitest';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { inTransaction, openDatabase } from '../../../src/ledger/database.ts';
import { endedCallOf } from '../../../src/ledger/ended-call.ts';
import { columnsOfRecord } from '../../../src/ledger/record-columns.ts';
import { callRecord } from '../../support/call-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const CALLS = 500;
const STARTED_AT = '2026-11-22T12:00:00.000Z';

/** Pages that a booking of calls appends to the write-ahead log, each call of another of so many users and keys. */
function pagesOfBooking(known: number): number {
  const database = openDatabase({ dataDir: temporaryFolder(), synchronous: 'normal', maxDatabaseBytes: null });
  database.exec('PRAGMA wal_autocheckpoint = 0');
  const books = new BatchWriter(database, 'test');
  const enter = (names: readonly number[]): void => {
    const rows = names.map((name) => {
      const number = String(name).padStart(8, '0');
      const named = { user: `user-${number}`, key_id: `key-${number}`, agent: 'planner', started_at: STARTED_AT };
      const columns = columnsOfRecord(callRecord({ ...named, run_id: null, parent_run_id: null, session_id: null }));
      return { step: 'finish' as const, columns, call: endedCallOf(columns), instanceId: 'test', line: '' };
    });
    expect(inTransaction(database, () => books.enter(rows))).toEqual([]);
  };
  enter(Array.from({ length: known }, (_, name) => name));
  inTransaction(database, () => {
    for (const moving of books.recent) moving.move();
  });
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  enter(Array.from({ length: CALLS }, (_, at) => Math.floor((at * known) / CALLS)));
  const log = database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get();
  database.close();
  return Number(log?.['log']);
}

it('a booking writes as few pages where calls are of thousands of users and keys as where they are of some', () => {
  const few = pagesOfBooking(CALLS);
  expect(few).toBeGreaterThan(50);
  expect(pagesOfBooking(20 * CALLS)).toBeLessThanOrEqual(few * 1.1);
});
