import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { endedCallOf } from '../../../src/ledger/ended-call.ts';
import type { JournalRow } from '../../../src/ledger/journal-messages.ts';
import { migrate } from '../../../src/ledger/migrations.ts';
import { sumsOfRow } from '../../../src/ledger/queries/sum-columns.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { columnsOfRecord } from '../../../src/ledger/record-columns.ts';
import { BUCKET_MS } from '../../../src/ledger/rollups.ts';
import { lineOf, type ReadRow, rowsOfLines } from '../../../src/ledger/row-lines.ts';
import {
  addSums,
  emptySums,
  type MutableSums,
  modelOf,
  READ_MONEY_NAMES,
  READ_NUMBER_NAMES,
  sumsOfRecord,
} from '../../../src/ledger/sums.ts';
import { endedRecord } from '../../support/arbitrary-record.ts';
import { callRecord, callUsage, openCallRecord } from '../../support/call-record.ts';

function openMemory(): { database: DatabaseSync; writer: BatchWriter } {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  return { database, writer: new BatchWriter(database, 'test') };
}

function rowsOf(steps: readonly (readonly ['open' | 'finish', CallRecord])[]): JournalRow[] {
  return steps.map(([step, record], sequence) => ({ sequence, step, columns: columnsOfRecord(record) }));
}

function segmentRowsOf(record: CallRecord): ReadRow[] {
  return rowsOfLines(lineOf('finish', record), { instanceId: 'test', sequence: 0 });
}

type Dimensions = (record: CallRecord) => Record<string, SQLOutputValue>;

function usageDimensions(bucketMs: number): Dimensions {
  return (record) => ({
    team: record.team,
    bucket_start: Math.floor(Date.parse(record.started_at) / bucketMs) * bucketMs,
    key_id: record.key_id,
    upstream: record.upstream,
    endpoint: record.endpoint,
    model: modelOf(record),
    service_tier: record.service_tier ?? '',
    usage_source: record.usage_source,
  });
}

const DAY_MS = 86_400_000;
const TABLES: Readonly<Record<string, Dimensions>> = {
  usage_minute: usageDimensions(60_000),
  usage_hour: usageDimensions(3_600_000),
  usage_day: usageDimensions(DAY_MS),
  user_day: (record) => {
    const { team = '', bucket_start = 0, ...rest } = usageDimensions(DAY_MS)(record);
    return { team, bucket_start, user: record.user ?? '', ...rest };
  },
  agent_day: (record) => ({
    team: record.team,
    bucket_start: Math.floor(Date.parse(record.started_at) / DAY_MS) * DAY_MS,
    agent: record.agent ?? '',
    key_id: record.key_id,
    upstream: record.upstream,
    model: modelOf(record),
    usage_source: record.usage_source,
  }),
  activity: (record) => ({
    team: record.team,
    bucket_start: Math.floor(Date.parse(record.started_at) / DAY_MS) * DAY_MS,
    session_id: record.session_id ?? '',
    run_id: record.run_id ?? '',
    key_id: record.key_id,
    upstream: record.upstream,
    model: modelOf(record),
    agent: record.agent ?? '',
    usage_source: record.usage_source,
  }),
};

/** The sums by hand: each record folded on its own into the group of its dimensions. */
function foldBy(records: readonly CallRecord[], dimensions: Dimensions): Map<string, MutableSums> {
  const groups = new Map<string, MutableSums>();
  for (const record of records) {
    const key = JSON.stringify(dimensions(record));
    const sums = groups.get(key) ?? emptySums();
    addSums(sums, sumsOfRecord(record));
    groups.set(key, sums);
  }
  return groups;
}

function readTable(database: DatabaseSync, table: string, names: readonly string[]): Map<string, MutableSums> {
  const money = READ_MONEY_NAMES.map((name) => `CAST(${name} AS TEXT) AS ${name}_text`);
  const columns = [...names, ...READ_NUMBER_NAMES, ...money];
  const rows = database.prepare(`SELECT ${columns.join(', ')} FROM ${table}`).all();
  return new Map(
    rows.map((row) => [JSON.stringify(Object.fromEntries(names.map((name) => [name, row[name]]))), sumsOfRow(row)]),
  );
}

/** Expects every roll-up to be the fold of the records. */
function expectFolded(database: DatabaseSync, records: readonly CallRecord[]): void {
  for (const [table, dimensions] of Object.entries(TABLES)) {
    const names = Object.keys(dimensions(callRecord()));
    const summed = records.filter((record) => {
      if (table === 'user_day') return record.user !== null;
      return table !== 'agent_day' || record.agent !== null;
    });
    expect(readTable(database, table, names)).toEqual(foldBy(summed, dimensions));
  }
}

/** A call as it comes: often opened before, sometimes queued, sometimes finished or opened again. */
const steps = fc.array(fc.tuple(endedRecord, fc.boolean(), fc.boolean(), fc.boolean()), { maxLength: 30 });

describe('roll-ups', () => {
  it('equal a fold over the records, however the rows are cut into batches and repeated', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 12 }), fc.boolean(), (calls, batchSize, repeatAll) => {
        const { database, writer } = openMemory();
        const script = calls.flatMap(([record, isOpened, isQueued, isRepeated]) => {
          const open = openCallRecord({ ...record, ending: 'in_flight', usage: null, usage_raw: null, ended_at: null });
          return [
            ...(isOpened ? [['open', open] as const] : []),
            ...(isQueued ? [['finish', { ...open, ending: 'queued' as const }] as const] : []),
            ['finish', record] as const,
            ...(isRepeated ? [['finish', { ...record, usage: callUsage({ total_tokens: 9 }) }] as const] : []),
            ...(isRepeated ? [['open', open] as const] : []),
          ];
        });
        const rows = rowsOf(script);
        for (const pass of repeatAll ? [rows, rows] : [rows]) {
          for (let at = 0; at < pass.length; at += batchSize) writer.write(pass.slice(at, at + batchSize));
        }

        expectFolded(
          database,
          calls.map(([record]) => record),
        );
        database.close();
      }),
      { numRuns: 80 },
    );
  });

  it.each<Partial<CallRecord>>([
    { team: 'another' },
    { key_id: 'another' },
    { run_id: 'another' },
    { session_id: 'another' },
    { agent: 'another' },
    { agent: null },
    { user: 'another' },
    { user: null },
    { upstream: 'another' },
    { endpoint: 'responses' },
    { response_model: 'another' },
    { service_tier: 'flex' },
    { usage_source: 'estimated' },
    { started_at: '2026-03-01T00:00:00.000Z' },
  ])('keep calls apart of which only one thing differs, as they come in turn in one batch: %o', (difference) => {
    const { database, writer } = openMemory();
    const one = { user: 'ada', session_id: 'night' };
    const records = [one, { ...one, ...difference }, one, { ...one, ...difference }].map(callRecord);
    writer.write(rowsOf(records.map((record) => ['finish', record] as const)));
    expectFolded(database, records);
    database.close();
  });

  it('are bucketed by the lengths that the readers rely on', () => {
    expect(BUCKET_MS).toEqual({
      usage_minute: 60_000,
      usage_hour: 3_600_000,
      usage_day: DAY_MS,
      activity: DAY_MS,
      user_day: DAY_MS,
      agent_day: DAY_MS,
    });
  });

  it('have a row for calls of no run, session or agent too', () => {
    const { database, writer } = openMemory();
    writer.write(rowsOf([['finish', callRecord({ run_id: null, session_id: null, agent: null })]]));
    expect(database.prepare('SELECT run_id, session_id, agent, records FROM activity').all()).toEqual([
      { run_id: '', session_id: '', agent: '', records: 1 },
    ]);
    database.close();
  });

  it.each([
    ['is of many batches', 500],
    ['comes in one', 3000],
  ])('stop at four billion USD, where an upstream reports absurdly much that %s, and stall nothing', (_, batch) => {
    const { database, writer } = openMemory();
    const cost = { cost_nano_usd: Number.MAX_SAFE_INTEGER, cost_output_nano_usd: Number.MAX_SAFE_INTEGER };
    for (let at = 0; at < 3000; at += batch) {
      const calls = Array.from({ length: batch }, () => callRecord({ ...cost, user: 'u', agent: 'a' }));
      expect(writer.write(rowsOf(calls.map((call) => ['finish', call] as const)))).toEqual([]);
    }
    const most = 4_000_000_000_000_000_000n;
    for (const table of ['usage_minute', 'usage_hour', 'usage_day', 'user_day', 'agent_day', 'activity']) {
      const row = database.prepare(`SELECT records, cost_nano_usd, cost_output_nano_usd FROM ${table}`);
      row.setReadBigInts(true);
      expect({ ...row.get() }, table).toEqual({ records: 3000n, cost_nano_usd: most, cost_output_nano_usd: most });
    }
    const runs = database.prepare('SELECT cost_nano_usd FROM runs');
    runs.setReadBigInts(true);
    expect({ ...runs.get() }).toEqual({ cost_nano_usd: most });
  });

  it('stop there too where what many batches have added is moved together', () => {
    const { database, writer } = openMemory();
    const cost = { cost_nano_usd: Number.MAX_SAFE_INTEGER, cost_output_nano_usd: Number.MAX_SAFE_INTEGER };
    database.exec('BEGIN');
    for (let batch = 0; batch < 6; batch++) {
      const rows = Array.from({ length: 500 }, (_, sequence) => {
        const columns = columnsOfRecord(callRecord({ ...cost, user: 'u', agent: 'a' }));
        return { sequence, step: 'finish' as const, columns, call: endedCallOf(columns), instanceId: 'test', line: '' };
      });
      expect(writer.enter(rows)).toEqual([]);
    }
    for (const moving of writer.recent) moving.move();
    database.exec('COMMIT');
    for (const table of ['usage_minute', 'usage_hour', 'usage_day', 'user_day', 'agent_day', 'activity', 'runs']) {
      const row = database.prepare(`SELECT cost_nano_usd FROM ${table}`);
      row.setReadBigInts(true);
      expect({ ...row.get() }, table).toEqual({ cost_nano_usd: 4_000_000_000_000_000_000n });
    }
  });

  it('add up exactly to just below that', () => {
    const { database, writer } = openMemory();
    const cost = Number.MAX_SAFE_INTEGER;
    for (let round = 0; round < 4; round++) {
      const calls = Array.from({ length: 111 }, () => callRecord({ cost_nano_usd: cost }));
      writer.write(rowsOf(calls.map((call) => ['finish', call] as const)));
    }
    const day = database.prepare('SELECT cost_nano_usd FROM usage_day');
    day.setReadBigInts(true);
    expect({ ...day.get() }).toEqual({ cost_nano_usd: 444n * BigInt(cost) });
  });

  it('count a queued response only when it has ended', () => {
    const { database, writer } = openMemory();
    const record = callRecord({ endpoint: 'responses' });
    writer.write(rowsOf([['finish', { ...record, ending: 'queued', usage: null, usage_source: 'missing' }]]));
    expect(database.prepare('SELECT count(*) AS rows FROM usage_day').get()).toEqual({ rows: 0 });
    writer.write(rowsOf([['finish', record]]));
    expect(database.prepare('SELECT records, total_tokens FROM usage_day').all()).toEqual([
      { records: 1, total_tokens: 1500 },
    ]);
    database.close();
  });
});

describe('a batch', () => {
  it('tells a record that has an end already from one that was written', () => {
    const { database, writer } = openMemory();
    const record = callRecord();
    expect(writer.write(rowsOf([['finish', record]]))).toEqual([]);
    expect(writer.write(rowsOf([['finish', { ...record, status: 500 }]]))).toMatchObject([
      { sequence: 0, why: 'known' },
    ]);
    expect(database.prepare('SELECT status FROM records').all()).toEqual([{ status: 200 }]);
    database.close();
  });

  it('writes its other rows where one cannot be kept', () => {
    const { database, writer } = openMemory();
    const unusable = [
      callRecord({ usage: callUsage({ total_tokens: 1.5 }) }),
      callRecord({ usage: callUsage({ output_tokens: -1 }) }),
      callRecord({ usage: callUsage({ input_tokens: 1e300 }) }),
      { ...callRecord(), started_at: 'yesterday' },
      callRecord({ status: 200.5 }),
    ];
    const good = callRecord();
    const unwritten = writer.write(rowsOf([...unusable, good].map((record) => ['finish', record] as const)));
    expect(unwritten.map((row) => [row.sequence, row.why])).toEqual(unusable.map((_, sequence) => [sequence, 'fault']));
    expect(database.prepare('SELECT id FROM records').all()).toEqual([{ id: good.id }]);
    expect(database.prepare('SELECT sum(records) AS records FROM usage_day').get()).toEqual({ records: 1 });
    database.close();
  });

  it('counts as many rows to be moved as there are roll-ups that they go to', () => {
    const { database, writer } = openMemory();
    writer.enter(segmentRowsOf(callRecord({ user: 'ada' })));
    expect(writer.recent.map(({ rows }) => rows)).toEqual([3, 1, 1, 1, 1]);
    database.close();
  });

  it('is written whole or not at all', () => {
    const { database, writer } = openMemory();
    database.exec(`CREATE TRIGGER full_disk BEFORE INSERT ON activity BEGIN SELECT raise(ROLLBACK, 'full'); END`);
    expect(() => writer.write(rowsOf([['finish', callRecord()]]))).toThrow('full');
    database.exec('DROP TRIGGER full_disk');
    expect(database.prepare('SELECT count(*) AS rows FROM records').get()).toEqual({ rows: 0 });
    writer.write(rowsOf([['finish', callRecord()]]));
    expect(database.prepare('SELECT records FROM usage_day').all()).toEqual([{ records: 1 }]);
    database.close();
  });
});
