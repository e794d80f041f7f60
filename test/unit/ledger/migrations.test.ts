import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LedgerError } from '../../../src/ledger/ledger-error.ts';
import { MIGRATIONS, type Migration, migrate, schemaVersion } from '../../../src/ledger/migrations.ts';
import { lastSettlement } from '../../../src/ledger/settlement.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NEWEST = MIGRATIONS.length;
const ADDS_NOTES: Migration = {
  version: NEWEST + 1,
  up: (database) => database.exec('CREATE TABLE notes (text TEXT) STRICT'),
};
const FAILS: Migration = {
  version: NEWEST + 1,
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
    expect(existsSync(`${file}.before-v${NEWEST}`)).toBe(false);
  });

  it('has versions that rise by one', () => {
    expect(MIGRATIONS.map((migration) => migration.version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });

  it('keeps what is there, and a copy of how it was', () => {
    const { database, file } = openWithRun();
    migrate(database, file, [...MIGRATIONS, ADDS_NOTES]);
    expect(schemaVersion(database)).toBe(NEWEST + 1);
    expect(database.prepare('SELECT run_id FROM runs').all()).toEqual([{ run_id: 'nightly' }]);

    const copy = new DatabaseSync(`${file}.before-v${NEWEST + 1}`, { readOnly: true });
    onTestFinished(() => copy.close());
    expect(schemaVersion(copy)).toBe(NEWEST);
    expect(copy.prepare('SELECT run_id FROM runs').all()).toEqual([{ run_id: 'nightly' }]);
  });

  it('leaves everything as it was when a step fails, and can be run again', () => {
    const { database, file } = openWithRun();
    expect(() => migrate(database, file, [...MIGRATIONS, FAILS])).toThrow('nowhere');
    expect(schemaVersion(database)).toBe(NEWEST);
    expect(database.prepare(`SELECT name FROM sqlite_schema WHERE name = 'notes'`).all()).toEqual([]);
    migrate(database, file, [...MIGRATIONS, ADDS_NOTES]);
    expect(schemaVersion(database)).toBe(NEWEST + 1);
  });

  it('numbers the calls of a ledger from before that had ended, in the order in which they began', () => {
    const { database, file } = openFile();
    migrate(database, file, MIGRATIONS.slice(0, 1));
    const insert = database.prepare(
      `INSERT INTO records (id, schema, started_at, team, key_id, labels, tags, upstream, endpoint, stream, ending,
        client_retry, usage_source, instance_id)
        VALUES (?, 1, '2026-11-22T00:00:00.000Z', 'research', 'ci', '{}', '{}', 'openai', 'responses', 0, ?, 0, 'missing', 'i')`,
    );
    insert.run('02', 'completed');
    insert.run('03', 'in_flight');
    insert.run('01', 'timed_out');
    insert.run('04', 'queued');
    migrate(database, file);
    const numbers = database.prepare('SELECT id, settlement FROM records ORDER BY id').all();
    expect(numbers.map((row) => [row['id'], row['settlement']])).toEqual([
      ['01', 1],
      ['02', 2],
      ['04', null],
    ]);
    expect(lastSettlement(database)).toBe(2);
  });

  it('numbers the corrections of a ledger from before, after all calls that had ended', () => {
    const { database, file } = openFile();
    migrate(database, file, MIGRATIONS.slice(0, 7));
    database.exec('UPDATE settlement_counter SET last = 7');
    const insert = database.prepare(
      `INSERT INTO corrections (id, record_id, created_at, period, team, key_id, upstream, model, record_started_at,
        reason, actor, cost_after_nano_usd, delta_nano_usd, price_id_after)
        VALUES (?, 'r', '', '2026-11', 't', 'k', 'u', 'm', '', 'r', 'admin', 1, 1, 'p')`,
    );
    for (const id of ['b', 'a', 'c']) insert.run(id);
    migrate(database, file);
    const numbers = database.prepare('SELECT id, settlement FROM corrections ORDER BY settlement').all();
    expect(numbers.map((row) => [row['id'], row['settlement']])).toEqual([
      ['b', 8],
      ['a', 9],
      ['c', 10],
    ]);
    expect(lastSettlement(database)).toBe(10);
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
