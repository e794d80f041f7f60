import { existsSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BatchWriter } from '../../../src/ledger/batch-writer.ts';
import { makeFolder, openDatabase } from '../../../src/ledger/database.ts';
import { JournalWriter } from '../../../src/ledger/journal-writer.ts';
import {
  columnsOfRecord,
  RECORD_COLUMNS,
  RECORD_COLUMNS_SQL,
  recordOfRow,
} from '../../../src/ledger/record-columns.ts';
import { lineOf } from '../../../src/ledger/row-lines.ts';
import { segmentsFolder } from '../../../src/ledger/segment-name.ts';
import { SegmentReader } from '../../../src/ledger/segment-reader.ts';
import { callRecord, openCallRecord } from '../../support/call-record.ts';
import { PlayedSegment, sealed, sealedRows } from '../../support/segment-files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

interface Books {
  readonly dataDir: string;
  readonly database: DatabaseSync;
  readonly segments: SegmentReader;
  readonly writer: JournalWriter;
  readonly refused: readonly string[];
}

/** As a process has them. */
function openBooks(dataDir = temporaryFolder(), instanceId = 'one'): Books {
  makeFolder(segmentsFolder(dataDir));
  const database = openDatabase({ dataDir, synchronous: 'normal', maxDatabaseBytes: null });
  const segments = new SegmentReader(database, segmentsFolder(dataDir));
  onTestFinished(() => {
    segments.close();
    database.close();
  });
  const refused: string[] = [];
  const onRefused = (reasons: readonly string[]): void => void refused.push(...reasons);
  const books = new BatchWriter(database, instanceId);
  return {
    dataDir,
    database,
    segments,
    writer: new JournalWriter({ database, books, segments, instanceId, onRefused }),
    refused,
  };
}

const count = ({ database }: Books, table: string): unknown =>
  database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.['rows'];
const summed = ({ database }: Books): unknown =>
  database.prepare('SELECT coalesce(sum(records), 0) AS rows FROM usage_day').get()?.['rows'];

describe('the end of a segment', () => {
  it('that was cut off at any byte is no row, and is one when the rest has come', () => {
    const books = openBooks();
    const segment = new PlayedSegment(books.dataDir);
    const short = { run_id: null, agent: 'é', usage_raw: null };
    const whole = sealedRows(['finish', callRecord(short)]);
    segment.append(whole);
    for (let cut = 0; cut < whole.length; cut++) {
      const rows = sealedRows(['finish', callRecord(short)]);
      const before = Number(count(books, 'records'));
      segment.append(rows.subarray(0, cut));
      books.writer.book();
      expect(count(books, 'records')).toBe(cut === 0 ? 1 : before);
      segment.append(rows.subarray(cut));
      books.writer.book();
      expect(count(books, 'records')).toBe(cut === 0 ? 2 : before + 1);
    }
    expect(summed(books)).toBe(whole.length + 1);
    expect(count(books, 'refused_rows')).toBe(0);
  });

  it('that was cut off is not looked at again, and its segment goes with its process', () => {
    const books = openBooks();
    const segment = new PlayedSegment(books.dataDir);
    segment.append(sealedRows(['finish', callRecord()]).subarray(0, -1));
    books.writer.book();
    expect(books.segments.hasNew()).toBe(false);
    books.segments.removeOf(() => true);
    expect(existsSync(segment.path)).toBe(false);
    expect(count(books, 'journal_segments')).toBe(0);
  });
});

describe('a line that is not what was written', () => {
  it('is kept aside with its reason, and the others are entered', () => {
    const books = openBooks();
    const segment = new PlayedSegment(books.dataDir);
    const bad = sealedRows(['finish', callRecord()]);
    bad[20] = (bad[20] ?? 0) ^ 1;
    segment.write(['finish', callRecord()]);
    segment.append(bad);
    segment.append(Buffer.from('\nzzzzzzzz f[]\n'));
    segment.append(sealed('fnonsense', 'f{}'));
    segment.write(['finish', callRecord()]);
    books.writer.book(() => false);
    expect(count(books, 'records')).toBe(2);
    expect(books.refused).toHaveLength(5);
    const kept = books.database.prepare('SELECT line, instance_id, reason FROM refused_rows').all();
    expect(kept).toMatchObject([
      { line: bad.toString().trimEnd(), instance_id: 'one', reason: expect.stringContaining('checksum') },
      { line: '', reason: expect.stringContaining('checksum') },
      { line: 'zzzzzzzz f[]', reason: expect.stringContaining('checksum') },
      { line: 'fnonsense' },
      { line: 'f{}', reason: expect.stringContaining('array') },
    ]);
  });

  it('is looked at twice where its process may be writing it', () => {
    const books = openBooks();
    const segment = new PlayedSegment(books.dataDir);
    const rows = Buffer.concat(Array.from({ length: 3 }, () => sealedRows(['finish', callRecord()])));
    const holed = Buffer.from(rows);
    const middle = Math.floor(rows.length / 2);
    holed.fill(0, middle, middle + 40); // what a file system may show that writes in pieces
    segment.append(holed);
    books.writer.book();
    expect([count(books, 'records'), count(books, 'refused_rows')]).toEqual([1, 0]);
    writeFileSync(segment.path, rows);
    books.writer.book();
    expect([count(books, 'records'), count(books, 'refused_rows')]).toEqual([3, 0]);

    segment.append(holed);
    segment.write(['finish', callRecord()]);
    books.writer.book();
    expect(count(books, 'records')).toBe(3);
    books.writer.book();
    expect([count(books, 'records'), count(books, 'refused_rows')]).toEqual([4, 1]);
  });

  it('takes the rows with it that were sealed with it, and no others', () => {
    const books = openBooks();
    const segment = new PlayedSegment(books.dataDir);
    const rows = sealedRows(...Array.from({ length: 200 }, () => ['finish', callRecord()] as const));
    rows[30] = (rows[30] ?? 0) ^ 1;
    segment.append(rows);
    books.writer.book(() => false);
    expect(count(books, 'refused_rows')).toBe(1);
    const [{ line = '' } = {}] = books.database.prepare('SELECT line FROM refused_rows').all();
    const lost = String(line).split('\x1e').length;
    expect(lost).toBeGreaterThan(1);
    expect(String(line).length).toBeLessThan(20_000);
    expect(count(books, 'records')).toBe(200 - lost);
  });
});

describe('a segment of an earlier version', () => {
  /** As it sealed a row, by itself. */
  const sealedAlone = (row: string): string => `${crc32(row).toString(16).padStart(8, '0')} ${row}\n`;

  it('is entered, whole and beside those of this one', () => {
    const books = openBooks();
    const earlier = new PlayedSegment(books.dataDir, { isOfEarlier: true });
    const record = callRecord({ agent: 'é', usage_raw: { total_tokens: 1500, note: 'tab\t"quoted"' } });
    const opening = openCallRecord();
    const opened = columnsOfRecord(opening).slice(0, RECORD_COLUMNS.indexOf('usage_source') + 1);
    earlier.append(Buffer.from(sealedAlone(`o${JSON.stringify(opened)}`)));
    earlier.append(Buffer.from(sealedAlone(`f${JSON.stringify(columnsOfRecord(record))}`)));
    new PlayedSegment(books.dataDir, { number: 1 }).write(['finish', callRecord()]);
    books.writer.book();
    expect([count(books, 'records'), count(books, 'open_calls'), summed(books)]).toEqual([2, 1, 2]);
    const kept = books.database.prepare(`SELECT ${RECORD_COLUMNS_SQL} FROM records WHERE id = ?`).get(record.id) ?? {};
    expect(recordOfRow(kept)).toEqual(record);
    expect(existsSync(earlier.path)).toBe(false); // its successor has rows
  });

  it('whose process forgets how far a segment of this one is booked costs no more than another reading', () => {
    const books = openBooks();
    const segment = new PlayedSegment(books.dataDir);
    for (let n = 0; n < 4; n++) segment.write(['finish', callRecord({ usage_raw: { filler: 'x'.repeat(1_000_000) } })]);
    books.database.exec(
      `CREATE TRIGGER forget AFTER INSERT ON journal_segments BEGIN DELETE FROM journal_segments; END`,
    );
    expect(() => books.writer.book()).toThrow('not moved');
    books.database.exec('DROP TRIGGER forget');
    books.writer.book();
    expect([count(books, 'records'), summed(books), count(books, 'refused_rows')]).toEqual([4, 4, 0]);
  });
});

describe('booking', () => {
  it('enters each row once, whichever process does it', () => {
    const one = openBooks();
    const two = openBooks(one.dataDir, 'two');
    const segments = [new PlayedSegment(one.dataDir), new PlayedSegment(one.dataDir, { instanceId: 'two' })];
    for (let turn = 0; turn < 30; turn++) {
      segments[turn % 2]?.write(['open', openCallRecord()], ['finish', callRecord()]);
      if (turn % 3 === 0) one.writer.book();
      if (turn % 5 === 0) two.writer.book();
      if (turn % 7 === 0) two.writer.book();
    }
    two.writer.book();
    one.writer.book();
    expect([count(one, 'records'), summed(one), count(one, 'open_calls')]).toEqual([30, 30, 30]);
    const owners = one.database.prepare('SELECT instance_id, count(*) AS rows FROM open_calls GROUP BY 1').all();
    expect(owners).toEqual([
      { instance_id: 'one', rows: 15 },
      { instance_id: 'two', rows: 15 },
    ]);
  });

  it('that fails half way has entered nothing, and is done by whoever comes next', () => {
    const one = openBooks();
    const two = openBooks(one.dataDir, 'two');
    new PlayedSegment(one.dataDir).write(['finish', callRecord()], ['finish', callRecord()]);
    one.database.exec(`CREATE TRIGGER full_disk BEFORE INSERT ON activity BEGIN SELECT raise(ROLLBACK, 'full'); END`);
    expect(() => one.writer.book()).toThrow('full');
    expect([count(one, 'records'), count(one, 'journal_segments')]).toEqual([0, 0]);
    one.database.exec('DROP TRIGGER full_disk');
    two.writer.book();
    one.writer.book();
    expect([count(one, 'records'), summed(one)]).toEqual([2, 2]);
  });

  it('takes much in several transactions, also one line that is longer than a read', () => {
    const books = openBooks();
    const segment = new PlayedSegment(books.dataDir);
    const huge = callRecord({ usage_raw: { filler: 'ü'.repeat(3_000_000) } });
    segment.write(['finish', huge]);
    for (let n = 0; n < 30; n++) segment.write(['finish', callRecord({ usage_raw: { filler: 'x'.repeat(200_000) } })]);
    books.writer.book();
    expect([count(books, 'records'), summed(books)]).toEqual([31, 31]);
    const row = books.database.prepare('SELECT usage_raw FROM records WHERE id = ?').get(huge.id);
    expect(row).toEqual({ usage_raw: JSON.stringify(huge.usage_raw) });
  });

  it('enters what an earlier version has left, beside what is in the segments', () => {
    const books = openBooks();
    const good = lineOf('finish', callRecord());
    books.database
      .prepare(`INSERT INTO unbooked (instance_id, thread, lines) VALUES ('gone', 'gone', ?)`)
      .run(`fnonsense\n${good}\nf{}`);
    new PlayedSegment(books.dataDir).write(['finish', callRecord()]);
    books.writer.book();
    expect([count(books, 'records'), count(books, 'unbooked')]).toEqual([2, 0]);
    expect(books.database.prepare('SELECT line, instance_id FROM refused_rows').all()).toEqual([
      { line: 'fnonsense', instance_id: 'gone' },
      { line: 'f{}', instance_id: 'gone' },
    ]);
  });
});

describe('a segment that is booked', () => {
  it('is removed when its successor has rows, and no sooner', () => {
    const books = openBooks();
    const first = new PlayedSegment(books.dataDir);
    first.write(['finish', callRecord()]);
    const second = new PlayedSegment(books.dataDir, { number: 1 });
    books.writer.book();
    expect(existsSync(first.path)).toBe(true); // it is only made ahead
    first.write(['finish', callRecord()]);
    second.write(['finish', callRecord()]);
    books.writer.book();
    expect([existsSync(first.path), existsSync(second.path)]).toEqual([false, true]);
    expect(count(books, 'journal_segments')).toBe(1);
    expect([count(books, 'records'), summed(books)]).toEqual([3, 3]);
  });

  it('of another process is left to it', () => {
    const books = openBooks(temporaryFolder(), 'another');
    const first = new PlayedSegment(books.dataDir);
    first.write(['finish', callRecord()]);
    new PlayedSegment(books.dataDir, { number: 1 }).write(['finish', callRecord()]);
    books.writer.book();
    expect(existsSync(first.path)).toBe(true);
  });

  it('is removed after its process, when nothing was added for long enough', () => {
    const books = openBooks();
    const mine = new PlayedSegment(books.dataDir, { instanceId: 'one' });
    const old = new PlayedSegment(books.dataDir, { instanceId: 'old' });
    const late = new PlayedSegment(books.dataDir, { instanceId: 'late' });
    for (const segment of [mine, old, late]) segment.write(['finish', callRecord()]);
    books.writer.book();
    late.write(['finish', callRecord()]); // nobody has booked this
    for (const segment of [mine, old, late]) utimesSync(segment.path, 1_000, 1_000);
    books.segments.removeOf((instanceId) => instanceId !== 'one', 999_999);
    expect(existsSync(old.path)).toBe(true);
    books.segments.removeOf((instanceId) => instanceId !== 'one', 1_000_000);
    expect([mine, old, late].map(({ path }) => existsSync(path))).toEqual([true, false, true]);
  });

  it('is not read from its beginning where its row is lost with it', () => {
    const one = openBooks();
    const two = openBooks(one.dataDir, 'two');
    const segment = new PlayedSegment(one.dataDir);
    segment.write(['finish', callRecord()]);
    two.writer.book();
    one.writer.book();
    one.segments.removeOf(() => true);
    two.writer.book();
    expect(summed(two)).toBe(1);
  });
});

it('a file that is no segment is left alone', () => {
  const books = openBooks();
  const segment = new PlayedSegment(books.dataDir);
  const other = `${segment.path}.bak`;
  writeFileSync(other, 'notes\n');
  truncateSync(segment.path, 0);
  books.writer.book();
  books.segments.removeOf(() => true);
  expect(readFileSync(other, 'utf8')).toBe('notes\n');
});
