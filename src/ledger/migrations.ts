import { renameSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { LedgerError } from './ledger-error.ts';
import { OUTBOX_SCHEMA } from './outbox-schema.ts';
import { integer } from './row-values.ts';
import { SCHEMA_ACCESS } from './schema-access.ts';
import { SCHEMA_AGENTS } from './schema-agents.ts';
import { SCHEMA_CORRECTIONS } from './schema-corrections.ts';
import { SCHEMA_NAMED_RECENT } from './schema-named-recent.ts';
import { SCHEMA_OPEN_CALLS } from './schema-open-calls.ts';
import { SCHEMA_RUN_CALLS } from './schema-run-calls.ts';
import { SCHEMA_SEGMENTS } from './schema-segments.ts';
import { SCHEMA_SPREAD } from './schema-spread.ts';
import { SCHEMA_UNBOOKED } from './schema-unbooked.ts';
import { SCHEMA_V1 } from './schema-v1.ts';
import { SETTLED_CORRECTIONS } from './settled-corrections.ts';
import { SETTLEMENT_SCHEMA } from './settlement.ts';
import { addUsageDimensions } from './usage-dimensions.ts';

/** One step of the schema. `version` is what `PRAGMA user_version` says after it. */
export interface Migration {
  readonly version: number;
  readonly up: (database: DatabaseSync) => void;
}

/** The runs with limits of their own: most ledgers have none, and calls ask before they look up their run. */
const LIMITED_RUNS = `CREATE INDEX runs_limited ON runs (team, run_id) WHERE limits <> '[]'`;

/** Forward only, in order, never edited once released. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, up: (database) => database.exec(SCHEMA_V1) },
  { version: 2, up: (database) => database.exec(SCHEMA_ACCESS) },
  { version: 3, up: (database) => database.exec(SETTLEMENT_SCHEMA) },
  { version: 4, up: (database) => database.exec(OUTBOX_SCHEMA) },
  { version: 5, up: addUsageDimensions },
  { version: 6, up: (database) => database.exec(SCHEMA_CORRECTIONS) },
  { version: 7, up: (database) => database.exec(LIMITED_RUNS) },
  { version: 8, up: (database) => database.exec(SCHEMA_UNBOOKED) },
  { version: 9, up: (database) => database.exec(SETTLED_CORRECTIONS) },
  { version: 10, up: (database) => database.exec(SCHEMA_OPEN_CALLS) },
  { version: 11, up: (database) => database.exec(SCHEMA_AGENTS) },
  { version: 12, up: (database) => database.exec(SCHEMA_SEGMENTS) },
  { version: 13, up: (database) => database.exec(SCHEMA_SPREAD) },
  { version: 14, up: (database) => database.exec(SCHEMA_NAMED_RECENT) },
  { version: 15, up: (database) => database.exec(SCHEMA_RUN_CALLS) },
];

/** The schema version of an open database; 0 where nothing was ever written. */
export function schemaVersion(database: DatabaseSync): number {
  const row = database.prepare('PRAGMA user_version').get();
  return row ? integer(row, 'user_version') : 0;
}

/**
 * Brings the schema to the newest version, in one exclusive transaction. An existing database is copied before to
 * `<file>.before-v<version>`, so that the operator can go back.
 *
 * @param file path of the database
 * @throws LedgerError `newer_schema` or `not_a_ledger`; then nothing is changed
 */
export function migrate(database: DatabaseSync, file: string, migrations: readonly Migration[] = MIGRATIONS): void {
  const current = schemaVersion(database);
  const newest = migrations.at(-1)?.version ?? 0;
  if (current === newest) return;
  if (current > newest) throw newerSchema(current, newest);
  if (current > 0) backUp(database, `${file}.before-v${newest}`);
  else refuseForeignTables(database);

  database.exec('BEGIN EXCLUSIVE');
  try {
    for (const migration of migrations) {
      if (migration.version <= current) continue;
      migration.up(database);
      database.exec(`PRAGMA user_version = ${migration.version}`);
    }
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Written beside and renamed, so that a backup is either whole or not there. */
function backUp(database: DatabaseSync, target: string): void {
  const unfinished = `${target}.unfinished`;
  rmSync(unfinished, { force: true });
  database.prepare('VACUUM INTO ?').run(unfinished);
  renameSync(unfinished, target);
}

function refuseForeignTables(database: DatabaseSync): void {
  const row = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get();
  if (!row || integer(row, 'tables') === 0) return;
  throw new LedgerError('not_a_ledger', 'The ledger file is a database of another program.', {
    hint: 'Set another data folder, or move the file aside.',
  });
}

function newerSchema(current: number, newest: number): LedgerError {
  return new LedgerError(
    'newer_schema',
    `The ledger has schema ${current}; this version of Metertap knows schemas up to ${newest}.`,
    { hint: `Run the newer version of Metertap again, or go back to the copy metertap.db.before-v${current}.` },
  );
}
