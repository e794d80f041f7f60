import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { COLUMN_KINDS } from '../../../src/ledger/column-kinds.ts';
import { JournalWriter } from '../../../src/ledger/journal-writer.ts';
import { migrate } from '../../../src/ledger/migrations.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { RECORD_COLUMNS } from '../../../src/ledger/record-columns.ts';
import { lineOf, type ReadRow, type RowStep, rowsOfLines } from '../../../src/ledger/row-lines.ts';
import { endedRecord } from '../../support/arbitrary-record.ts';
import { callRecord, openCallRecord } from '../../support/call-record.ts';

type Step = readonly [RowStep, CallRecord];

function openMemory(): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  return database;
}

function openBooks(): { database: DatabaseSync; writer: JournalWriter; other: JournalWriter } {
  const database = openMemory();
  onTestFinished(() => database.close());
  return { database, writer: writerOf(database, 'one'), other: writerOf(database, 'two') };
}

function writerOf(database: DatabaseSync, instanceId: string): JournalWriter {
  const thread = `thread of ${instanceId}`;
  return new JournalWriter(database, new BatchWriter(database, instanceId), { instanceId, thread });
}

const ORIGIN = { instanceId: 'one', sequence: 0 };

function rowsOf(...steps: readonly Step[]): ReadRow[] {
  return rowsOfLines(steps.map(([step, record]) => lineOf(step, record)).join('\n'), ORIGIN);
}

const count = (database: DatabaseSync, table: string): unknown =>
  database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.['rows'];
const endings = (database: DatabaseSync): unknown[] =>
  database.prepare(`SELECT id, ending FROM records UNION ALL SELECT id, 'in_flight' FROM open_calls ORDER BY id`).all();

describe('what is committed', () => {
  it('is durable at once and entered in the books later, once', () => {
    const { database, writer } = openBooks();
    const [open, done] = [openCallRecord(), callRecord()];
    expect(writer.commit(rowsOf(['open', open], ['open', openCallRecord({ id: done.id })]))).toEqual([]);
    expect(writer.commit(rowsOf(['finish', done]))).toEqual([]);
    expect([count(database, 'unbooked'), count(database, 'records'), writer.unbookedRows]).toEqual([2, 0, 3]);

    writer.book();
    writer.book();
    expect([count(database, 'unbooked'), count(database, 'open_calls'), writer.unbookedRows]).toEqual([0, 1, 0]);
    expect(endings(database)).toEqual([
      { id: open.id, ending: 'in_flight' },
      { id: done.id, ending: 'completed' },
    ]);
    expect(database.prepare('SELECT records FROM usage_day').all()).toEqual([{ records: 1 }]);
  });

  it('is entered by whoever comes next, under the name of the process that opened it', () => {
    const { database, writer, other } = openBooks();
    const open = openCallRecord();
    writer.commit(rowsOf(['open', open], ['finish', callRecord()]));
    other.book();
    expect(database.prepare('SELECT instance_id FROM open_calls').all()).toEqual([{ instance_id: 'one' }]);
    // The other one's rows take the place that these had.
    other.commit(rowsOf(['finish', callRecord()]));
    writer.book();
    expect(database.prepare('SELECT sum(records) AS records FROM usage_day').get()).toEqual({ records: 2 });
    expect(writer.commit(rowsOf(['finish', callRecord({ id: open.id })]))).toEqual([]);
    writer.book();
    expect([count(database, 'records'), count(database, 'open_calls')]).toEqual([3, 0]);
  });

  it('is not committed when the transaction fails, and can be tried again', () => {
    const { database, writer } = openBooks();
    const rows = rowsOf(['finish', callRecord()]);
    database.exec(`CREATE TRIGGER full_disk BEFORE INSERT ON unbooked BEGIN SELECT raise(ROLLBACK, 'full'); END`);
    expect(() => writer.commit(rows)).toThrow('full');
    database.exec('DROP TRIGGER full_disk');
    expect(writer.commit(rows)).toEqual([]);
    writer.book();
    expect(count(database, 'records')).toBe(1);
  });

  it('stays durable when it cannot be entered', () => {
    const { database, writer } = openBooks();
    writer.commit(rowsOf(['finish', callRecord()]));
    database.exec(`CREATE TRIGGER full_disk BEFORE INSERT ON activity BEGIN SELECT raise(ROLLBACK, 'full'); END`);
    expect(() => writer.book()).toThrow('full');
    expect(() => writer.writeThrough(rowsOf(['finish', callRecord()]))).toThrow('full');
    expect(count(database, 'unbooked')).toBe(1);
    database.exec('DROP TRIGGER full_disk');
    expect(writer.writeThrough(rowsOf(['finish', callRecord()]))).toEqual([]);
    expect([count(database, 'unbooked'), count(database, 'records')]).toEqual([0, 2]);
  });
});

describe('a record that has an end', () => {
  const known = [{ sequence: 0, why: 'known' }];

  it('is known, in the books and before', () => {
    const { writer } = openBooks();
    const record = callRecord();
    writer.commit(rowsOf(['finish', record]));
    expect(writer.commit(rowsOf(['finish', { ...record, status: 500 }]))).toMatchObject(known);
    writer.book();
    expect(writer.commit(rowsOf(['finish', record]))).toMatchObject(known);
    expect(writer.writeThrough(rowsOf(['finish', record]))).toMatchObject(known);
  });

  it('is not opened again by an opening that comes late', () => {
    const { database, writer } = openBooks();
    const record = callRecord();
    const late = openCallRecord({ id: record.id });
    writer.commit(rowsOf(['finish', record]));
    writer.commit(rowsOf(['open', late]));
    expect(writer.commit(rowsOf(['finish', record]))).toMatchObject(known);
    writer.book();
    writer.commit(rowsOf(['open', late]));
    writer.book();
    expect(endings(database)).toEqual([{ id: record.id, ending: 'completed' }]);
    expect(database.prepare('SELECT records FROM usage_day').all()).toEqual([{ records: 1 }]);
  });

  it('is known where another process has settled it and nobody has entered it yet', () => {
    const { database, writer, other } = openBooks();
    const queued = callRecord({ endpoint: 'responses', ending: 'queued', usage: null, usage_source: 'missing' });
    const settled = callRecord({ ...callRecord(), id: queued.id, endpoint: 'responses' });
    expect(writer.commit(rowsOf(['finish', queued]))).toEqual([]);
    other.book();
    expect(other.commit(rowsOf(['finish', settled]))).toEqual([]);
    expect(writer.commit(rowsOf(['finish', settled]))).toMatchObject(known);
    writer.book();
    expect(endings(database)).toEqual([{ id: queued.id, ending: 'completed' }]);
  });
});

describe('a row that cannot be kept', () => {
  it('is told before anything is acknowledged, and the others are written', () => {
    const { database, writer } = openBooks();
    const rows = rowsOf(
      ['finish', callRecord({ status: 0.5 })],
      ['finish', { ...callRecord(), started_at: 'yesterday' }],
      ['open', openCallRecord({ client_retry: 0.5 })],
      ['finish', callRecord()],
    );
    for (const write of [() => writer.commit(rows), () => writer.writeThrough(rows)]) {
      expect(write().filter(({ why }) => why === 'fault')).toMatchObject([
        { sequence: 0, message: expect.stringContaining('status') },
        { sequence: 1, message: expect.stringContaining('started_at') },
        { sequence: 2, message: expect.stringContaining('client_retry') },
      ]);
    }
    expect(count(database, 'records')).toBe(1);
    expect(count(database, 'refused_rows')).toBe(0);
  });

  it('is kept aside where the books find it later', () => {
    const { database, writer } = openBooks();
    const good = lineOf('finish', callRecord());
    database
      .prepare(`INSERT INTO unbooked (instance_id, thread, lines) VALUES ('gone', 'gone', ?)`)
      .run(`fnonsense\n${good}\nf{}`);
    writer.book();
    expect(count(database, 'records')).toBe(1);
    expect(database.prepare('SELECT line, instance_id FROM refused_rows').all()).toEqual([
      { line: 'fnonsense', instance_id: 'gone' },
      { line: 'f{}', instance_id: 'gone' },
    ]);
  });
});

describe('a line', () => {
  it('has the values of its record, also where a text has line breaks', () => {
    const record = callRecord({ agent: 'two\nlines \u2028 \ud83d', tags: { a: 'b\r\n' } });
    const [row, ...more] = rowsOfLines(lineOf('finish', record), ORIGIN);
    expect(more).toEqual([]);
    expect(row?.columns[RECORD_COLUMNS.indexOf('agent')]).toBe(record.agent);
  });

  it('of an earlier version, which has fewer columns, has none of those that came later', () => {
    const values: unknown[] = JSON.parse(lineOf('finish', callRecord({ units: 7 })).slice(1));
    const [row] = rowsOfLines(`f${JSON.stringify(values.slice(0, -5))}`, ORIGIN);
    expect(row?.fault).toBeNull();
    expect(row?.columns.slice(-5)).toEqual([null, null, null, null, null]);
  });

  it('is checked by what the table says of its columns', () => {
    const { database } = openBooks();
    const columns = database.prepare(`SELECT name, type, "notnull" FROM pragma_table_info('records')`).all();
    const kinds = columns.map(({ name, type, notnull }) => [
      name,
      `${String(type).toLowerCase()}${notnull === 1 ? '' : ' or null'}`,
    ]);
    expect(Object.fromEntries(kinds)).toMatchObject(COLUMN_KINDS);
  });
});

const calls = fc.array(fc.tuple(endedRecord, fc.boolean(), fc.boolean(), fc.boolean()), { maxLength: 20 });
const cuts = fc.array(fc.constantFrom('one', 'two', 'book one', 'book two'), { minLength: 60, maxLength: 60 });

it('two writers enter what one would have, however they take turns', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(calls, cuts, (script, turns) => {
      const steps = script.flatMap(([record, isOpened, isRepeated, isLate]): Step[] => {
        const open = openCallRecord({ ...record, ending: 'in_flight', usage: null, usage_raw: null, ended_at: null });
        return [
          ...(isOpened ? [['open', open] as const] : []),
          ['finish', record],
          ...(isRepeated ? [['finish', { ...record, status: 299 }] as const] : []),
          ...(isLate ? [['open', open] as const] : []),
        ];
      });
      const turned = openMemory();
      const writers = { one: writerOf(turned, 'one'), two: writerOf(turned, 'two') };
      const rows = rowsOf(...steps);
      for (const turn of turns) {
        if (turn === 'book one') writers.one.book();
        else if (turn === 'book two') writers.two.book();
        else writers[turn === 'one' ? 'one' : 'two'].commit(rows.splice(0, 3));
      }
      writers.one.commit(rows);
      writers.two.book();
      const plain = openMemory();
      writerOf(plain, 'one').writeThrough(rowsOf(...steps));
      for (const table of [
        'records',
        'open_calls',
        'usage_minute',
        'usage_hour',
        'usage_day',
        'user_day',
        'activity',
        'runs',
      ]) {
        const columns = table === 'records' ? 'id, ending, status, settlement IS NULL AS open, total_tokens' : '*';
        const rowsIn = (database: DatabaseSync): string[] => {
          const found = database.prepare(`SELECT ${columns} FROM ${table}`).all();
          return found.map((row) => JSON.stringify(row)).sort();
        };
        expect(rowsIn(turned)).toEqual(rowsIn(plain));
      }
      expect(count(turned, 'refused_rows')).toBe(0);
      turned.close();
      plain.close();
    }),
    { numRuns: 40 },
  );
});
