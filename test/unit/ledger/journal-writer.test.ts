import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { COLUMN_KINDS } from '../../../src/ledger/column-kinds.ts';
import { JournalWriter } from '../../../src/ledger/journal-writer.ts';
import { migrate } from '../../../src/ledger/migrations.ts';
import { columnsOfRecord, RECORD_COLUMNS } from '../../../src/ledger/record-columns.ts';
import { keepableLineOf, lineOf, type ReadRow, rowsOfLines } from '../../../src/ledger/row-lines.ts';
import { segmentsFolder } from '../../../src/ledger/segment-name.ts';
import { SegmentReader } from '../../../src/ledger/segment-reader.ts';
import { endedRecord } from '../../support/arbitrary-record.ts';
import { callRecord, callUsage, openCallRecord } from '../../support/call-record.ts';
import { PlayedSegment, type Step } from '../../support/segment-files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** A process on the ledger: what it appends, and what enters it. */
interface Played {
  readonly segment: PlayedSegment;
  readonly writer: JournalWriter;
}

function openMemory(): DatabaseSync {
  const database = new DatabaseSync(':memory:');
  migrate(database, ':memory:');
  return database;
}

function openBooks(): { database: DatabaseSync; one: Played; two: Played } {
  const database = openMemory();
  onTestFinished(() => database.close());
  const dataDir = temporaryFolder();
  return { database, one: played(database, dataDir, 'one'), two: played(database, dataDir, 'two') };
}

function played(database: DatabaseSync, dataDir: string, instanceId: string): Played {
  const segment = new PlayedSegment(dataDir, { instanceId });
  const segments = new SegmentReader(database, segmentsFolder(dataDir));
  onTestFinished(() => segments.close());
  const books = new BatchWriter(database, instanceId);
  const onRefused = (reasons: readonly string[]): never => expect.fail(reasons.join(' '));
  return { segment, writer: new JournalWriter({ database, books, segments, instanceId, onRefused }) };
}

const RUN_ID = callRecord().run_id;
const ORIGIN = { instanceId: 'one', sequence: 0 };

function rowsOf(...steps: readonly Step[]): ReadRow[] {
  return rowsOfLines(steps.map(([step, record]) => lineOf(step, record)).join('\n'), ORIGIN);
}

/** What calls of so many runs have left to be moved. */
function addRecentRuns(database: DatabaseSync, runs: number): void {
  database.exec(`WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${runs})
    INSERT INTO runs_recent (team, run_id, started_at, last_activity_at, cost_nano_usd)
      SELECT 'research', 'run-' || n, '2026-11-22T00:00:00.000Z', '2026-11-22T00:00:00.000Z', 1 FROM numbers`);
}

const count = (database: DatabaseSync, table: string): unknown =>
  database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.['rows'];
const endings = (database: DatabaseSync): unknown[] =>
  database.prepare(`SELECT id, ending FROM records UNION ALL SELECT id, 'in_flight' FROM open_calls ORDER BY id`).all();

describe('what is appended', () => {
  it('may be entered without its roll-ups and runs, which any process moves to their tables later', () => {
    const { database, one, two } = openBooks();
    one.segment.write(['finish', callRecord()], ['finish', callRecord()]);
    one.writer.bookSome();
    const tables = ['records', 'usage_day', 'activity', 'runs'] as const;
    expect(tables.map((table) => count(database, table))).toEqual([2, 0, 0, 0]);
    two.writer.book();
    expect(tables.map((table) => count(database, table))).toEqual([2, 1, 1, 1]);
    expect(database.prepare('SELECT records, total_tokens FROM activity').all()).toEqual([
      { records: 2, total_tokens: 3000 },
    ]);
    one.writer.book();
    expect(database.prepare('SELECT records FROM usage_day').all()).toEqual([{ records: 2 }]);
  });

  it('is moved to roll-ups and runs when it is time, but where there is much of it the third time only', () => {
    const { database, one } = openBooks();
    addRecentRuns(database, 20_000);
    one.segment.write(['finish', callRecord()], ['finish', callRecord()]);
    const tables = ['records', 'usage_day', 'activity', 'runs', 'run_calls'] as const;
    const counts = (): unknown[] => tables.map((table) => count(database, table));
    expect([one.writer.rollUp(), counts()]).toEqual([true, [2, 1, 1, 0, 2]]);
    expect([one.writer.rollUp(), counts()]).toEqual([true, [2, 1, 1, 0, 2]]);
    expect([one.writer.rollUp(), counts()]).toEqual([false, [2, 1, 1, 20_001, 2]]);
    one.segment.write(['finish', callRecord()]);
    expect([one.writer.rollUp(), count(database, 'run_calls')]).toEqual([false, 3]);
    addRecentRuns(database, 20_000);
    expect([one.writer.rollUp(), one.writer.rollUp(), one.writer.rollUp()]).toEqual([true, true, false]);
  });

  it('is in all tables when it is read, though there is much of it in one only', () => {
    const { database, one } = openBooks();
    one.segment.write(['finish', callRecord()]);
    one.writer.bookSome();
    addRecentRuns(database, 20_000);
    one.writer.book();
    expect(['usage_day', 'activity', 'runs'].map((table) => count(database, table))).toEqual([1, 1, 20_001]);
  });

  it('is moved at once where there is very much of it', () => {
    const { database, one } = openBooks();
    addRecentRuns(database, 74_999);
    one.writer.bookSome();
    expect(count(database, 'runs')).toBe(0);
    one.segment.write(['finish', callRecord()]);
    one.writer.bookSome();
    expect([count(database, 'runs'), count(database, 'runs_recent')]).toEqual([75_000, 0]);
  });

  it('is moved to runs in parts, and of each run as it was told, where a part ends within it', () => {
    const { database, one } = openBooks();
    database.exec(`WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 60000)
      INSERT INTO runs_recent (team, run_id, session_id, parent_run_id, started_at, last_activity_at, cost_nano_usd)
        SELECT 'research', 'run-' || (n % 2), 's-' || n, 'p-' || n, '2026-11-22T00:00:00.000Z', '2026-11-22T00:00:00.000Z', n
        FROM numbers`);
    one.writer.book();
    expect(count(database, 'runs_recent')).toBe(0);
    const columns = 'run_id, parent_run_id, session_id, cost_nano_usd';
    expect(database.prepare(`SELECT ${columns} FROM runs ORDER BY run_id`).all()).toEqual([
      { run_id: 'run-0', parent_run_id: 'p-2', session_id: 's-60000', cost_nano_usd: 900_030_000 },
      { run_id: 'run-1', parent_run_id: 'p-1', session_id: 's-59999', cost_nano_usd: 900_000_000 },
    ]);
  });

  it('is all in its tables before it is read, also where another process adds much at that moment', () => {
    const { database, one } = openBooks();
    one.segment.write(['finish', callRecord()]);
    one.writer.bookSome();
    const exec = database.exec.bind(database);
    database.exec = (sql) => {
      if (sql === 'BEGIN IMMEDIATE' && count(database, 'runs_recent') === 1) addRecentRuns(database, 20_000);
      exec(sql);
    };
    one.writer.book();
    expect(database.prepare(`SELECT run_id FROM runs WHERE run_id = ?`).all(RUN_ID)).toHaveLength(1);
  });

  it('is entered in the books later, once', () => {
    const { database, one } = openBooks();
    const [open, done] = [openCallRecord(), callRecord()];
    one.segment.write(['open', open], ['open', openCallRecord({ id: done.id })]);
    one.segment.write(['finish', done]);
    expect(count(database, 'records')).toBe(0);
    one.writer.book();
    one.writer.book();
    expect(count(database, 'open_calls')).toBe(1);
    expect(endings(database)).toEqual([
      { id: open.id, ending: 'in_flight' },
      { id: done.id, ending: 'completed' },
    ]);
    expect(database.prepare('SELECT records FROM usage_day').all()).toEqual([{ records: 1 }]);
  });

  it('is entered before anything that is written through, also what another process has appended', () => {
    const { database, one, two } = openBooks();
    const open = openCallRecord();
    one.segment.write(['open', open]);
    expect(two.writer.writeThrough(rowsOf(['finish', callRecord({ id: open.id })]))).toEqual([]);
    expect(endings(database)).toEqual([{ id: open.id, ending: 'completed' }]);
    one.writer.book();
    expect([count(database, 'records'), count(database, 'open_calls')]).toEqual([1, 0]);
  });

  it('stays durable when it cannot be entered, and what is written through is not written then', () => {
    const { database, one } = openBooks();
    one.segment.write(['finish', callRecord()]);
    database.exec(`CREATE TRIGGER full_disk BEFORE INSERT ON activity BEGIN SELECT raise(ROLLBACK, 'full'); END`);
    expect(() => one.writer.book()).toThrow('full');
    expect(() => one.writer.writeThrough(rowsOf(['finish', callRecord()]))).toThrow('full');
    database.exec('DROP TRIGGER full_disk');
    expect(one.writer.writeThrough(rowsOf(['finish', callRecord()]))).toEqual([]);
    expect(count(database, 'records')).toBe(2);
  });

  it('is not written where much that waits cannot be moved, so that it is not taken for known when it is tried again', () => {
    const { database, one } = openBooks();
    addRecentRuns(database, 20_000);
    database.exec(`CREATE TRIGGER full_disk BEFORE INSERT ON runs BEGIN SELECT raise(ROLLBACK, 'full'); END`);
    const rows = rowsOf(['finish', callRecord()]);
    expect(() => one.writer.writeThrough(rows)).toThrow('full');
    database.exec('DROP TRIGGER full_disk');
    expect(one.writer.writeThrough(rows)).toEqual([]);
    expect(['records', 'runs', 'runs_recent'].map((table) => count(database, table))).toEqual([1, 20_001, 0]);
  });
});

describe('a record that has an end', () => {
  const known = [{ sequence: 0, why: 'known' }];

  it('is known, in the books and before', () => {
    const { database, one } = openBooks();
    const record = callRecord();
    one.segment.write(['finish', record]);
    expect(one.writer.writeThrough(rowsOf(['finish', { ...record, status: 500 }]))).toMatchObject(known);
    expect(one.writer.writeThrough(rowsOf(['finish', record]))).toMatchObject(known);
    expect(database.prepare('SELECT status FROM records').all()).toEqual([{ status: record.status }]);
  });

  it('is not opened again by an opening that comes late, whichever way', () => {
    const { database, one } = openBooks();
    const record = callRecord();
    const late = openCallRecord({ id: record.id });
    one.writer.writeThrough(rowsOf(['finish', record]));
    one.segment.write(['open', late]);
    one.writer.book();
    one.writer.writeThrough(rowsOf(['open', late]));
    expect(endings(database)).toEqual([{ id: record.id, ending: 'completed' }]);
    expect(database.prepare('SELECT records FROM usage_day').all()).toEqual([{ records: 1 }]);
  });

  it('is known where another process has settled it and nobody has entered it yet', () => {
    const { database, one, two } = openBooks();
    const queued = callRecord({ endpoint: 'responses', ending: 'queued', usage: null, usage_source: 'missing' });
    const settled = callRecord({ ...callRecord(), id: queued.id, endpoint: 'responses' });
    one.segment.write(['finish', queued]);
    two.segment.write(['finish', settled]);
    expect(one.writer.writeThrough(rowsOf(['finish', settled]))).toMatchObject(known);
    expect(endings(database)).toEqual([{ id: queued.id, ending: 'completed' }]);
  });
});

describe('a row that cannot be kept', () => {
  const steps: readonly Step[] = [
    ['finish', callRecord({ status: 0.5 })],
    ['finish', { ...callRecord(), started_at: 'yesterday' }],
    ['open', openCallRecord({ client_retry: 0.5 })],
    ['finish', callRecord({ units: -1 })],
    ['finish', callRecord({ usage: callUsage({ input_tokens: 1e13 }) })],
  ];
  const columns = ['status', 'started_at', 'client_retry', 'units', 'input_tokens'];

  it('is told before anything is acknowledged, and the others are written', () => {
    const { database, one } = openBooks();
    const unwritten = one.writer.writeThrough(rowsOf(...steps, ['finish', callRecord()]));
    expect(unwritten).toMatchObject(
      columns.map((name, sequence) => ({ sequence, why: 'fault', message: expect.stringContaining(name) })),
    );
    expect([count(database, 'records'), count(database, 'refused_rows')]).toEqual([1, 0]);
  });

  it('gets no line that is appended', () => {
    for (const [at, [step, record]] of steps.entries()) {
      expect(() => keepableLineOf(step, record)).toThrow(columns[at] ?? '');
    }
    const record = callRecord();
    expect(keepableLineOf('finish', record)).toBe(lineOf('finish', record));
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
    const values = columnsOfRecord(callRecord({ units: 7 }));
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
const TURNS = [
  'append',
  'through one',
  'through two',
  'book one',
  'book two',
  'book some one',
  'book some two',
  'roll up one',
] as const;
const cuts = fc.array(fc.constantFrom(...TURNS), { minLength: 60, maxLength: 60 });

it('what one process appends, two enter as one would, however they take turns', { timeout: 30_000 }, () => {
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
      const { database: turned, one, two } = openBooks();
      const rest = [...steps];
      for (const turn of turns) {
        const writer = turn.endsWith('two') ? two.writer : one.writer;
        if (turn === 'append') one.segment.write(...rest.splice(0, 3));
        else if (turn.startsWith('book some')) writer.bookSome();
        else if (turn.startsWith('roll up')) writer.rollUp();
        else if (turn.startsWith('book')) writer.book();
        else writer.writeThrough(rowsOf(...rest.splice(0, 3)));
      }
      one.segment.write(...rest);
      two.writer.book();
      two.writer.rollUp();
      const plain = openMemory();
      const written = played(plain, temporaryFolder(), 'one').writer;
      written.writeThrough(rowsOf(...steps));
      written.rollUp();
      for (const table of [
        'records',
        'open_calls',
        'usage_minute',
        'usage_hour',
        'usage_day',
        'user_day',
        'agent_day',
        'activity',
        'runs',
        'run_calls',
      ]) {
        const columns = table === 'records' ? 'id, ending, status, settlement IS NULL AS open, total_tokens' : '*';
        const rowsIn = (database: DatabaseSync): string[] => {
          const found = database.prepare(`SELECT ${columns} FROM ${table}`).all();
          return found.map((row) => JSON.stringify(row)).sort();
        };
        expect(rowsIn(turned)).toEqual(rowsIn(plain));
      }
      for (const table of [
        'usage_recent',
        'user_recent',
        'agent_recent',
        'activity_recent',
        'runs_recent',
        'refused_rows',
      ]) {
        expect(count(turned, table)).toBe(0);
      }
      plain.close();
    }),
    { numRuns: 40 },
  );
});
