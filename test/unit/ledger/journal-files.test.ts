import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { type Journal, type JournalOptions, openJournal } from '../../../src/ledger/journal.ts';
import type { LedgerState } from '../../../src/ledger/ledger.ts';
import { MIGRATIONS, migrate } from '../../../src/ledger/migrations.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { lineOf } from '../../../src/ledger/row-lines.ts';
import { segmentsFolder } from '../../../src/ledger/segment-name.ts';
import { callRecord, openCallRecord } from '../../support/call-record.ts';
import { PlayedFile, PlayedSegment, rowsIn, sealedRows } from '../../support/segment-files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const WAIT = { timeout: 10_000, interval: 5 };
const RUN = { team: 'research', runId: 'nightly-42' };

/** A call as the proxy makes it: opened, and finished. */
function call(journal: Journal, overrides: Partial<CallRecord> = {}): Promise<void> {
  const record = callRecord(overrides);
  journal.open(openCallRecord({ id: record.id }));
  return journal.finish(record);
}

const segmentsIn = (dataDir: string): string[] => readdirSync(segmentsFolder(dataDir));

async function recordsOf(journal: Journal): Promise<number> {
  const sums = await journal.reader.sumsOfRun(RUN);
  return sums.reduce((total, sum) => total + sum.records, 0);
}

async function openOn(
  file: PlayedFile,
  options: Partial<JournalOptions> = {},
): Promise<{ journal: Journal; states: LedgerState[] }> {
  const states: LedgerState[] = [];
  const journal = await openTestJournal({
    openSegment: async () => file,
    onStateChange: (state) => states.push(state),
    ...options,
  });
  return { journal, states };
}

describe('a call', () => {
  it('is durable in a file that only the owner can read, before the thread has anything of it', async () => {
    const dataDir = temporaryFolder();
    const journal = await openTestJournal({ dataDir });
    const blocker = new DatabaseSync(join(dataDir, 'metertap.db'));
    onTestFinished(() => blocker.close());
    blocker.exec('BEGIN IMMEDIATE');
    await Promise.all([call(journal), call(journal)]);
    expect(journal.state.kind).toBe('ready');
    const [name = ''] = segmentsIn(dataDir);
    expect(statSync(join(segmentsFolder(dataDir), name)).mode & 0o777).toBe(0o600);
    blocker.exec('COMMIT');
    expect(await recordsOf(journal)).toBe(2);
  });

  it('is told to listeners once, and its commit with the waits of its records', async () => {
    const waits: number[] = [];
    const journal = await openTestJournal({ onCommit: (recordWaitsMs) => waits.push(...recordWaitsMs) });
    const told: string[] = [];
    journal.onCommitted((record) => told.push(record.id));
    const record = callRecord();
    journal.open(openCallRecord({ id: record.id }));
    await journal.finish(record);
    await journal.finish(record);
    expect(told).toEqual([record.id]);
    expect(waits).toHaveLength(2);
  });

  it('leaves nothing in the folder of the journal when all is closed', async () => {
    const dataDir = temporaryFolder();
    const journal = await openTestJournal({ dataDir });
    await Promise.all(Array.from({ length: 50 }, () => call(journal)));
    await journal.close();
    expect(segmentsIn(dataDir)).toEqual([]);
    const database = new DatabaseSync(join(dataDir, 'metertap.db'), { readOnly: true });
    onTestFinished(() => database.close());
    expect(database.prepare('SELECT count(*) AS rows FROM records').get()).toEqual({ rows: 50 });
    expect(database.prepare('SELECT count(*) AS rows FROM journal_segments').get()).toEqual({ rows: 0 });
  });

  it('goes from file to file, and those that are booked are removed', { timeout: 20_000 }, async () => {
    const dataDir = temporaryFolder();
    const journal = await openTestJournal({ dataDir, segmentBytes: 20_000 });
    for (let turn = 0; turn < 40; turn++) {
      await Promise.all(Array.from({ length: 10 }, () => call(journal)));
      if (turn % 10 === 9) await journal.book();
    }
    await vi.waitFor(async () => {
      await journal.book();
      expect(segmentsIn(dataDir).length).toBeLessThanOrEqual(2);
    }, WAIT);
    expect(await recordsOf(journal)).toBe(400);
    expect(segmentsIn(dataDir).every((name) => !name.endsWith('-0.rows'))).toBe(true);
  });

  it('survives a loss of power with `synchronous: full`, as far as the disk says so', async () => {
    const file = new PlayedFile();
    const { journal } = await openOn(file, { synchronous: 'full' });
    await call(journal);
    expect(file.syncs).toBeGreaterThan(0);
    const dataDir = temporaryFolder();
    const real = await openTestJournal({ dataDir, synchronous: 'full' });
    await call(real);
    expect(await recordsOf(real)).toBe(1);
  });
});

describe('a disk of the journal', () => {
  it.each([
    ['ENOSPC', /is full/],
    ['EIO', /reported an error/],
  ])('that says %s is told as a state, refuses in bounded time, and loses nothing', async (code, reason) => {
    const file = new PlayedFile();
    const { journal, states } = await openOn(file, { commitTimeoutMs: 100 });
    await call(journal);
    file.does.push(...Array.from({ length: 3 }, () => ({ error: code })));
    const committed: string[] = [];
    journal.onCommitted((record) => committed.push(record.id));
    await expect(call(journal)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(states).toMatchObject([{ kind: 'unavailable', reason: expect.stringMatching(reason) }]);
    await vi.waitFor(() => expect(journal.state.kind).toBe('ready'), WAIT);
    expect(journal.pendingRows).toBe(0);
    expect(committed).toHaveLength(1);
    await call(journal);
    expect(rowsIn(file.text)).toHaveLength(3 * 2);
  });

  it('that does not answer has waits given up, and is told at the end', async () => {
    const file = new PlayedFile();
    const { journal } = await openOn(file, { commitTimeoutMs: 100 });
    file.does.push('nothing');
    await expect(call(journal)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(journal.state).toMatchObject({ kind: 'unavailable', reason: 'The ledger does not answer.' });
    expect(journal.pendingRows).toBeGreaterThan(0);
    await expect(journal.close()).rejects.toMatchObject({ fault: 'unwritten_rows' });
  });

  it('has no more rows wait for it than there may', async () => {
    const file = new PlayedFile();
    const { journal } = await openOn(file, { maxPendingRows: 10, commitTimeoutMs: 60_000 });
    file.does.push({ error: 'EIO' }, { error: 'EIO' }, { error: 'EIO' });
    for (let n = 0; n < 5; n++) call(journal).catch(() => undefined);
    await expect(call(journal)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(journal.state).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('Too many') });
  });

  it('that may not be written to ends the start with a hint, and nothing is left open', async () => {
    const dataDir = temporaryFolder();
    const options = { dataDir, synchronous: 'normal', instanceId: 'one', clock: systemClock } as const;
    const forbidden = Object.assign(new Error('EROFS'), { code: 'EROFS' });
    const opening = openJournal({ ...options, openSegment: () => Promise.reject(forbidden) });
    await expect(opening).rejects.toBe(forbidden);
    rmSync(segmentsFolder(dataDir), { recursive: true });
    writeFileSync(segmentsFolder(dataDir), '');
    await expect(openJournal(options)).rejects.toMatchObject({
      fault: 'unwritable',
      hint: expect.stringContaining('folder'),
    });
    rmSync(segmentsFolder(dataDir));
    const journal = await openTestJournal(options);
    await call(journal);
  });
});

describe('books that cannot be written', () => {
  it('have new calls wait for them, take what is in the file later, and lose nothing', {
    timeout: 20_000,
  }, async () => {
    const bulky = { usage_raw: { filler: 'x'.repeat(20_000) } };
    const journal = await openTestJournal({ maxDatabaseBytes: 1_000_000, commitTimeoutMs: 300 });
    let given = 0;
    await vi.waitFor(
      async () => {
        given += 1;
        await call(journal, bulky);
        await journal.book();
        expect(journal.state).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('full') });
      },
      { ...WAIT, interval: 1 },
    );
    await expect(call(journal, bulky)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    await journal.prune(Date.now());
    await vi.waitFor(() => expect(journal.pendingRows).toBe(0), WAIT);
    expect(journal.state.kind).toBe('ready');
    expect(await recordsOf(journal)).toBe(given + 1);
  });

  it('have new calls wait for them when too much is in the files', { timeout: 20_000 }, async () => {
    const dataDir = temporaryFolder();
    const file = new PlayedFile();
    const { journal } = await openOn(file, { dataDir });
    const blocker = new DatabaseSync(join(dataDir, 'metertap.db'));
    onTestFinished(() => blocker.close());
    blocker.exec('BEGIN IMMEDIATE');
    new PlayedSegment(dataDir, { instanceId: 'two' }).write(['finish', callRecord()]); // the played file is not on the disk
    await Promise.all(Array.from({ length: 10_000 }, () => call(journal)));
    const late = Array.from({ length: 5 }, () => call(journal));
    expect(journal.pendingRows).toBe(10);
    blocker.exec('COMMIT');
    await Promise.all(late);
    expect(rowsIn(file.text)).toHaveLength(20_000);
    await call(journal);
    expect(rowsIn(file.text)).toHaveLength(20_002);
    expect(await recordsOf(journal)).toBe(1 + 5);
  });

  it('because their thread has died stop nobody for long', { timeout: 20_000 }, async () => {
    const workers: Worker[] = [];
    const journal = await openTestJournal({
      startWorker: (url, start) => {
        const worker = new Worker(url, { workerData: start });
        workers.push(worker);
        return worker;
      },
    });
    const open = openCallRecord();
    journal.open(open);
    const calls = Array.from({ length: 300 }, () => call(journal));
    const ended = workers[0]?.terminate();
    await Promise.all([...calls, ended]);
    await Promise.all(Array.from({ length: 300 }, () => call(journal)));
    expect(workers).toHaveLength(2);
    expect(await recordsOf(journal)).toBe(600);
    expect(await journal.reader.record(open.id, null)).toMatchObject({ ending: 'in_flight' });
  });
});

describe('what a process has left that died', () => {
  it('is booked at the next start, up to the line that was cut off; damage is told and kept aside', async () => {
    const dataDir = temporaryFolder();
    const [done, open, cut] = [callRecord(), openCallRecord(), callRecord()];
    const segment = new PlayedSegment(dataDir, { instanceId: 'dead' });
    segment.write(['finish', done], ['open', open]);
    segment.append(Buffer.from('deadbeef f[]\n'));
    segment.append(sealedRows(['finish', cut]).subarray(0, -10));
    const errors: unknown[] = [];
    let refusedRows = 0;
    const journal = await openTestJournal({
      dataDir,
      onError: (error) => errors.push(error),
      onRefusedRows: (rows) => {
        refusedRows += rows;
      },
    });
    expect(journal.recoveredCalls).toBe(1);
    expect(await journal.reader.record(done.id, null)).toEqual(done);
    expect(await journal.reader.record(open.id, null)).toMatchObject({ ending: 'interrupted' });
    expect(await journal.reader.record(cut.id, null)).toBeNull();
    await vi.waitFor(() => expect(errors).toMatchObject([{ message: expect.stringContaining('checksum') }]), WAIT);
    expect(refusedRows).toBe(1);
    expect(existsSync(segment.path)).toBe(true); // its event loop may be writing yet
  });

  it('is removed when nothing was added for some minutes', async () => {
    const dataDir = temporaryFolder();
    const segment = new PlayedSegment(dataDir, { instanceId: 'dead' });
    segment.write(['finish', callRecord()]);
    const living = await openTestJournal({ dataDir });
    await call(living);
    const later = Date.now() + 3_600_000;
    const journal = await openTestJournal({
      dataDir,
      clock: { nowMs: () => later, monotonicMs: () => performance.now() },
    });
    expect(existsSync(segment.path)).toBe(false);
    expect(segmentsIn(dataDir)).toHaveLength(2);
    await call(living);
    expect(await recordsOf(journal)).toBe(3);
  });
});

it('a ledger of the version before is opened, and what it had not entered yet is', async () => {
  const dataDir = temporaryFolder();
  const file = join(dataDir, 'metertap.db');
  const database = new DatabaseSync(file);
  migrate(database, file, MIGRATIONS.slice(0, 11));
  const [done, open] = [callRecord(), openCallRecord()];
  database
    .prepare(`INSERT INTO unbooked (instance_id, thread, lines) VALUES ('dead', 'dead', ?)`)
    .run(`${lineOf('open', open)}\n${lineOf('finish', done)}`);
  database.close();
  const journal = await openTestJournal({ dataDir });
  expect(await journal.reader.record(done.id, null)).toEqual(done);
  expect(await journal.reader.record(open.id, null)).toMatchObject({ ending: 'interrupted' });
  await call(journal);
  expect(await recordsOf(journal)).toBe(3);
  expect(existsSync(`${file}.before-v${MIGRATIONS.length}`)).toBe(true);
});
