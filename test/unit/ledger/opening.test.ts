import { closeSync, copyFileSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { type Journal, openJournal } from '../../../src/ledger/journal.ts';
import { LedgerError } from '../../../src/ledger/ledger-error.ts';
import { callRecord } from '../../support/call-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { openTestJournal } from '../../support/test-journal.ts';

function openIn(dataDir: string, instanceId = 'one'): Promise<Journal> {
  return openJournal({ dataDir, synchronous: 'normal', instanceId, clock: systemClock });
}

async function refusalOf(opening: Promise<Journal>): Promise<LedgerError> {
  const outcome = await opening.then(
    (journal) => journal.close().then(() => null),
    (error: unknown) => error,
  );
  if (outcome instanceof LedgerError) return outcome;
  throw new Error(`expected a LedgerError, got ${String(outcome)}`);
}

async function folderWithRecords(): Promise<string> {
  const dataDir = temporaryFolder();
  const journal = await openIn(dataDir);
  await Promise.all(Array.from({ length: 200 }, () => journal.finish(callRecord())));
  await journal.close();
  return dataDir;
}

describe('opening the ledger', () => {
  it('makes the folder, and finds the records again', async () => {
    const dataDir = join(temporaryFolder(), 'deep', 'data');
    const record = callRecord();
    const first = await openIn(dataDir);
    await first.finish(record);
    await first.close();
    const second = await openTestJournal({ dataDir });
    expect(await second.reader.record(record.id, null)).toEqual(record);
  });

  it('leaves one file with everything in it when it is closed', async () => {
    const dataDir = await folderWithRecords();
    const elsewhere = join(temporaryFolder(), 'copy.db');
    copyFileSync(join(dataDir, 'metertap.db'), elsewhere);
    const database = new DatabaseSync(elsewhere, { readOnly: true });
    expect(database.prepare('SELECT count(*) AS records FROM records').get()).toEqual({ records: 200 });
    database.close();
  });

  it('refuses a file that is no database, and leaves it as it is', async () => {
    const dataDir = temporaryFolder();
    const file = join(dataDir, 'metertap.db');
    writeFileSync(file, 'This is my shopping list, not a database. '.repeat(300));
    const before = readFileSync(file);
    const refusal = await refusalOf(openIn(dataDir));
    expect(refusal.fault).toBe('corrupt');
    expect(refusal.hint).toContain('backup');
    expect(readFileSync(file)).toEqual(before);
  });

  it('refuses a damaged database', async () => {
    const dataDir = await folderWithRecords();
    const file = openSync(join(dataDir, 'metertap.db'), 'r+');
    for (let page = 2; page < 12; page++) writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
    closeSync(file);
    expect((await refusalOf(openIn(dataDir))).fault).toBe('corrupt');
  });

  it('refuses a database that was cut off', async () => {
    const dataDir = await folderWithRecords();
    truncateSync(join(dataDir, 'metertap.db'), 5 * 4096);
    expect((await refusalOf(openIn(dataDir))).fault).toBe('corrupt');
  });

  it('refuses a newer schema with what to do', async () => {
    const dataDir = await folderWithRecords();
    const database = new DatabaseSync(join(dataDir, 'metertap.db'));
    database.exec('PRAGMA user_version = 99');
    database.close();
    const refusal = await refusalOf(openIn(dataDir));
    expect(refusal.fault).toBe('newer_schema');
    expect(refusal.hint).not.toBe('');
  });

  it('says so where the folder cannot be made', async () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    const refusal = await refusalOf(openIn(join(file, 'data')));
    expect(refusal.fault).toBe('unwritable');
    expect(refusal.hint).toContain('folder');
  });

  it('refuses a second process of the same name', async () => {
    const dataDir = temporaryFolder();
    await openTestJournal({ dataDir, instanceId: 'one' });
    expect((await refusalOf(openIn(dataDir, 'one'))).fault).toBe('in_use');
  });

  it('can be tried again after a refusal', async () => {
    const dataDir = temporaryFolder();
    writeFileSync(join(dataDir, 'metertap.db'), 'no database at all '.repeat(300));
    await refusalOf(openIn(dataDir, 'one'));
    writeFileSync(join(dataDir, 'metertap.db'), '');
    const journal = await openTestJournal({ dataDir, instanceId: 'one' });
    await journal.finish(callRecord());
    expect(journal.state.kind).toBe('ready');
  });
});
