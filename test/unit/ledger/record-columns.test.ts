import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUsd } from '../../../src/core/money.ts';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { migrate } from '../../../src/ledger/migrations.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { columnsOfRecord, RECORD_COLUMNS, recordOfRow } from '../../../src/ledger/record-columns.ts';
import { endedRecord } from '../../support/arbitrary-record.ts';
import { callRecord, callUsage } from '../../support/call-record.ts';

function openMemory(): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  return database;
}

function writeAndRead(record: CallRecord): CallRecord | null {
  const database = openMemory();
  new BatchWriter(database, 'test').write([{ sequence: 1, step: 'finish', columns: columnsOfRecord(record) }]);
  const row = database.prepare('SELECT * FROM records').get();
  database.close();
  return row ? recordOfRow(row) : null;
}

describe('columns of a record', () => {
  it('give the record back as it was', () => {
    fc.assert(
      fc.property(endedRecord, (record) => {
        expect(writeAndRead(record)).toEqual(record);
      }),
      { numRuns: 60 },
    );
  });

  it('keep labels, tags, details and the raw usage, whatever their names', () => {
    const odd = JSON.parse('{"__proto__":"x","constructor":"y","ключ":"🦉"}');
    const record = callRecord({
      labels: odd,
      tags: odd,
      usage: callUsage({ details: { web_search_requests: 3 } }),
      usage_raw: { nested: { list: [1, null, 'two'] } },
    });
    const read = writeAndRead(record);
    expect(read).toEqual(record);
    expect(Object.keys(read?.labels ?? {})).toEqual(['__proto__', 'constructor', 'ключ']);
  });

  it('keep large integers exactly', () => {
    const record = callRecord({ cost_nano_usd: Number.MAX_SAFE_INTEGER, usage: callUsage({ total_tokens: 1e12 }) });
    expect(writeAndRead(record)).toEqual(record);
  });

  it('round durations, which clocks give with fractions', () => {
    const read = writeAndRead(callRecord({ duration_ms: 12.6, ttft_ms: 3.4 }));
    expect(read).toMatchObject({ duration_ms: 13, ttft_ms: 3 });
  });

  it('are those of the table, in its order', () => {
    const database = openMemory();
    const names = database
      .prepare(`SELECT name FROM pragma_table_xinfo('records') WHERE hidden = 0`)
      .all()
      .map((row) => row['name']);
    database.close();
    expect(names.filter((name) => name !== 'instance_id' && name !== 'settlement')).toEqual(RECORD_COLUMNS);
  });

  it('bear the names of the members of the record', () => {
    const database = openMemory();
    const names = database
      .prepare(`SELECT name FROM pragma_table_xinfo('records')`)
      .all()
      .map((row) => String(row['name']));
    database.close();
    const { usage, ...members } = callRecord();
    const expected = [...Object.keys(members), ...Object.keys(usage ?? {}), 'instance_id', 'settlement'];
    expect(names.toSorted()).toEqual(expected.toSorted());
  });

  it('give the cost in dollars to whoever reads the database', () => {
    const database = openMemory();
    const writer = new BatchWriter(database, 'test');
    for (const [sequence, cost] of [0, 1, 2_345_600, 12_000_000_001, -500].entries()) {
      const columns = columnsOfRecord(callRecord({ cost_nano_usd: cost }));
      writer.write([{ sequence, step: 'finish', columns }]);
    }
    for (const row of database.prepare('SELECT cost_nano_usd, cost_usd FROM records').all()) {
      expect(row['cost_usd']).toBe(formatUsd(Number(row['cost_nano_usd'])));
    }
    database.close();
  });
});
