import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { migrate } from '../../../src/ledger/migrations.ts';
import { sumsOfRow, sumsSql } from '../../../src/ledger/queries/sum-columns.ts';
import { columnsOfRecord } from '../../../src/ledger/record-columns.ts';
import { addSums, emptySums, modelOf, RECORD_SUM_SQL, sumsOfRecord } from '../../../src/ledger/sums.ts';
import { endedRecord } from '../../support/arbitrary-record.ts';
import { callRecord } from '../../support/call-record.ts';

describe('sumsOfRecord', () => {
  it('counts a completed call with reported usage as one request with its tokens and cost', () => {
    expect(sumsOfRecord(callRecord())).toMatchObject({
      records: 1,
      requests: 1,
      failed: 0,
      missing_usage: 0,
      estimated: 0,
      unpriced: 0,
      input_tokens: 1200,
      total_tokens: 1500,
      tool_calls: 1,
      cost_nano_usd: 2_345_600n,
    });
  });

  it('counts a call that failed without usage as failed, and not as missing', () => {
    for (const ending of ['upstream_error', 'upstream_cut', 'timed_out'] as const) {
      const sums = sumsOfRecord(callRecord({ ending, usage: null }));
      expect(sums).toMatchObject({ records: 1, requests: 0, failed: 1, missing_usage: 0, unpriced: 0 });
    }
  });

  it('counts a call that was cut after its usage was seen as a request that did not fail', () => {
    expect(sumsOfRecord(callRecord({ ending: 'upstream_cut' }))).toMatchObject({ requests: 1, failed: 0 });
  });

  it('counts a completed call without usage as a request whose usage is missing', () => {
    expect(sumsOfRecord(callRecord({ usage: null }))).toMatchObject({ requests: 1, failed: 0, missing_usage: 1 });
  });

  it('counts an interrupted call as missing, not as a request', () => {
    const sums = sumsOfRecord(callRecord({ ending: 'interrupted', usage: null }));
    expect(sums).toMatchObject({ records: 1, requests: 0, failed: 0, missing_usage: 1 });
  });

  it('tells an unpriced call from a free one', () => {
    expect(sumsOfRecord(callRecord({ cost_nano_usd: null }))).toMatchObject({ unpriced: 1, cost_nano_usd: 0n });
    expect(sumsOfRecord(callRecord({ cost_nano_usd: 0 }))).toMatchObject({ unpriced: 0, cost_nano_usd: 0n });
  });

  it('counts a call once as a retry of the client, however often it was retried', () => {
    expect(sumsOfRecord(callRecord({ client_retry: 2 })).client_retries).toBe(1);
  });

  it('never adds tokens of a record whose source is missing', () => {
    expect(sumsOfRecord(callRecord({ usage_source: 'missing' })).total_tokens).toBe(0);
  });

  it('says the same as the SQL over the records', () => {
    fc.assert(
      fc.property(fc.array(endedRecord, { minLength: 1, maxLength: 20 }), (records) => {
        const database = new DatabaseSync(':memory:');
        migrate(database, ':memory:');
        const rows = records.map((record, sequence) => ({
          sequence,
          step: 'finish' as const,
          columns: columnsOfRecord(record),
        }));
        new BatchWriter(database, 'test').write(rows);
        const row = database.prepare(`SELECT ${sumsSql((name) => RECORD_SUM_SQL[name])} FROM records`).get();
        database.close();

        const folded = emptySums();
        for (const record of records) addSums(folded, sumsOfRecord(record));
        expect(row && sumsOfRow(row)).toEqual(folded);
      }),
      { numRuns: 60 },
    );
  });
});

describe('modelOf', () => {
  it('takes the model that answered, else the one asked for, else none', () => {
    expect(modelOf({ response_model: 'b', request_model: 'a' })).toBe('b');
    expect(modelOf({ response_model: null, request_model: 'a' })).toBe('a');
    expect(modelOf({ response_model: null, request_model: null })).toBe('');
  });
});
