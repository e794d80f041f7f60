import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { migrate } from '../../../src/ledger/migrations.ts';
import { columnsOfRecord } from '../../../src/ledger/record-columns.ts';
import { SCHEMA_AGENTS } from '../../../src/ledger/schema-agents.ts';
import { endedRecord } from '../../support/arbitrary-record.ts';

const DAYS = 'SELECT * FROM agent_day ORDER BY team, bucket_start, agent, key_id, upstream, model, usage_source';

it('makes the days of agents from the activity, as if they had been summed from the beginning', () => {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  const records = fc.sample(endedRecord, { numRuns: 300, seed: 5 });
  const rows = records.map((record, sequence) => ({
    sequence,
    step: 'finish' as const,
    columns: columnsOfRecord(record),
  }));
  new BatchWriter(database, 'test').write(rows);
  // What corrections add is in the activity too.
  for (const table of ['activity', 'agent_day']) {
    database.exec(
      `UPDATE ${table} SET corrections = records, priced_later = unpriced, corrections_nano_usd = -7 * records`,
    );
  }
  const summed = database.prepare(DAYS).all();
  expect(summed.length).toBeGreaterThan(5);

  database.exec('DROP TABLE agent_day; DELETE FROM records');
  database.exec(SCHEMA_AGENTS);
  expect(database.prepare(DAYS).all()).toEqual(summed);
  database.close();
});
