import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LedgerError } from '../../../src/ledger/ledger-error.ts';
import { MIGRATIONS, type Migration, migrate, schemaVersion } from '../../../src/ledger/migrations.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NOW = MIGRATIONS.length;
const NEXT = NOW + 1;
const ADDS_NOTES: Migration = {
  version: NEXT,
  up: (database) => database.exec('CREATE TABLE notes (text TEXT) STRICT'),
};
const FAILS: Migration = {
  version: NEXT,
  up: (database) => database.exec('CREATE TABLE notes (text TEXT) STRICT; SELECT broken FROM nowhere'),
};

function openFile(): { database: DatabaseSync; file: string } {
  const file = join(temporaryFolder(), 'metertap.db');
  const database = new DatabaseSync(file);
  onTestFinished(() => database.close());
  return { database, file };
}

function openWithRun(): { database: DatabaseSync; file: string } {
  const opened = openFile();
  migrate(opened.database, opened.file, MIGRATIONS);
  opened.database.exec(
    `INSERT INTO runs VALUES ('research', 'nightly', NULL, NULL, '{}', '[]', NULL, NULL, '2026-11-22T00:00:00.000Z', 7)`,
  );
  return opened;
}

describe('migrate', () => {
  it('makes the newest schema in an empty file, without a backup', () => {
    const { database, file } = openFile();
    migrate(database, file);
    expect(schemaVersion(database)).toBe(MIGRATIONS.at(-1)?.version);
    expect(existsSync(`${file}.before-v${NOW}`)).toBe(false);
  });

  it('has versions that rise by one', () => {
    expect(MIGRATIONS.map((migration) => migration.version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });

  it('keeps what is there, and a copy of how it was', () => {
    const { database, file } = openWithRun();
    migrate(database, file, [...MIGRATIONS, ADDS_NOTES]);
    expect(schemaVersion(database)).toBe(NEXT);
    expect(database.prepare('SELECT run_id FROM runs').all()).toEqual([{ run_id: 'nightly' }]);

    const copy = new DatabaseSync(`${file}.before-v${NEXT}`, { readOnly: true });
    onTestFinished(() => copy.close());
    expect(schemaVersion(copy)).toBe(NOW);
    expect(copy.prepare('SELECT run_id FROM runs').all()).toEqual([{ run_id: 'nightly' }]);
  });

  it('leaves everything as it was when a step fails, and can be run again', () => {
    const { database, file } = openWithRun();
    expect(() => migrate(database, file, [...MIGRATIONS, FAILS])).toThrow('nowhere');
    expect(schemaVersion(database)).toBe(NOW);
    expect(database.prepare(`SELECT name FROM sqlite_schema WHERE name = 'notes'`).all()).toEqual([]);
    migrate(database, file, [...MIGRATIONS, ADDS_NOTES]);
    expect(schemaVersion(database)).toBe(NEXT);
  });

  it('refuses a schema that it does not know, and changes nothing', () => {
    const { database, file } = openWithRun();
    database.exec('PRAGMA user_version = 99');
    const refusal = catchError(() => migrate(database, file));
    expect(refusal).toMatchObject({ fault: 'newer_schema' });
    expect(refusal?.message).toContain('99');
    expect(refusal?.hint).toContain('before-v99');
    expect(schemaVersion(database)).toBe(99);
  });

  it('refuses the database of another program', () => {
    const { database, file } = openFile();
    database.exec('CREATE TABLE customers (name TEXT)');
    expect(catchError(() => migrate(database, file))).toMatchObject({ fault: 'not_a_ledger' });
    expect(database.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'customers' }]);
  });
});

function catchError(work: () => void): LedgerError | null {
  try {
    work();
    return null;
  } catch (error) {
    return error instanceof LedgerError ? error : null;
  }
}
