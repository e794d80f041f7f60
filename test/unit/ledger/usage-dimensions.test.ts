import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { MIGRATIONS, migrate } from '../../../src/ledger/migrations.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { columnsOfRecord } from '../../../src/ledger/record-columns.ts';
import { addUsageDimensions } from '../../../src/ledger/usage-dimensions.ts';
import { endedRecord } from '../../support/arbitrary-record.ts';
import { callRecord, callUsage } from '../../support/call-record.ts';

const TABLES = ['usage_minute', 'usage_hour', 'usage_day', 'user_day', 'activity'] as const;
const STEP = MIGRATIONS.findIndex((migration) => migration.up === addUsageDimensions);

function written(records: readonly CallRecord[]): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const rows = records.map((record, sequence) => ({
    sequence,
    step: 'finish' as const,
    columns: columnsOfRecord(record),
  }));
  new BatchWriter(database, 'test').write(rows);
  return database;
}

/** A ledger of the schema before with what another has, as far as that schema knows it. */
function asOfBefore(newer: DatabaseSync): DatabaseSync {
  const older = new DatabaseSync(':memory:');
  for (const { up } of MIGRATIONS.slice(0, STEP)) up(older);
  for (const table of ['records', ...TABLES]) {
    const known = older.prepare(`SELECT name FROM pragma_table_xinfo('${table}') WHERE hidden = 0`).all();
    const names = known.map((row) => `"${String(row['name'])}"`);
    if (names.length === 0) continue;
    const insert = older.prepare(`INSERT INTO ${table} (${names}) VALUES (${names.map(() => '?')})`);
    for (const row of newer.prepare(`SELECT ${names} FROM ${table}`).all()) insert.run(...Object.values(row));
  }
  return older;
}

function contents(database: DatabaseSync, table: string): unknown[] {
  const rows = database.prepare(`SELECT * FROM ${table}`).all();
  const plain = rows.map((row) => Object.fromEntries(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))));
  return plain.map((row) => JSON.stringify(row)).toSorted();
}

it('fills the new sums from the records, as if they had been summed from the beginning', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(fc.array(endedRecord, { maxLength: 30 }), (records) => {
      // Of the schema before nobody knows units and split costs, but for seconds that were reported.
      const newer = written(
        records.map((record) => ({ ...record, units: null, cost_input_nano_usd: null, cost_output_nano_usd: null })),
      );
      const older = asOfBefore(newer);
      for (const { up } of MIGRATIONS.slice(STEP)) up(older);
      for (const table of ['records', ...TABLES]) expect(contents(older, table)).toEqual(contents(newer, table));
      older.close();
      newer.close();
    }),
    { numRuns: 40 },
  );
});

it('takes the seconds of transcriptions from what was reported', () => {
  const usage = callUsage({ details: { seconds: 7.6 } });
  const newer = written([callRecord({ endpoint: 'audio/transcriptions', user: 'ada', usage, units: null })]);
  const older = asOfBefore(newer);
  addUsageDimensions(older);
  for (const table of TABLES) expect(older.prepare(`SELECT units FROM ${table}`).all()).toEqual([{ units: 8 }]);
  older.close();
  newer.close();
});

it('leaves the days of users whose records are gone as they are', () => {
  const newer = written([callRecord({ user: 'ada', started_at: '2026-11-25T10:00:00.000Z' })]);
  const older = asOfBefore(newer);
  older.exec('DELETE FROM records');
  addUsageDimensions(older);
  expect(older.prepare('SELECT count(*) AS days FROM user_day').get()).toEqual({ days: 0 });
  expect(older.prepare('SELECT records FROM usage_day').all()).toEqual([{ records: 1 }]);
  older.close();
  newer.close();
});
