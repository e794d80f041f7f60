import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LedgerError } from './ledger-error.ts';
import { migrate } from './migrations.ts';
import { integer, text } from './row-values.ts';
import { sqliteCode, toLedgerError } from './sqlite-error.ts';

export interface DatabaseOptions {
  readonly dataDir: string;
  /** `normal`: a commit survives the end of the process. `full`: it survives the loss of power too. */
  readonly synchronous: 'normal' | 'full';
  /** A quota for the database file; null leaves it to the disk. */
  readonly maxDatabaseBytes: number | null;
}

/** Roll-up pages are written by nearly every commit; the longer the log, the seldomer they are copied out of it. */
const CHECKPOINT_PAGES = 4_000;
const MAX_IDLE_LOG_BYTES = 64 * 1024 * 1024;
const CACHE_KIB = 16_384;
const BUSY_TIMEOUT_MS = 3_000;
/** Beyond this the whole file is not read at every start; damage is then told when the damaged page is touched. */
const QUICK_CHECK_LIMIT_BYTES = 64 * 1024 * 1024;

/** Path of the ledger's database. */
export function databaseFile(dataDir: string): string {
  return join(dataDir, 'metertap.db');
}

/**
 * Opens the ledger for writing: makes the folder and the file where there are none, checks what is there, and brings
 * the schema up to date. Must be called by one process at a time (`withStartupLock`).
 *
 * @throws LedgerError with a hint; a damaged or foreign file is never replaced
 */
export function openDatabase(options: DatabaseOptions): DatabaseSync {
  const file = databaseFile(options.dataDir);
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    checkWhole(database);
    database.exec('PRAGMA journal_mode = WAL');
    database.exec(`PRAGMA synchronous = ${options.synchronous}`);
    database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    database.exec(`PRAGMA journal_size_limit = ${MAX_IDLE_LOG_BYTES}`);
    database.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
    migrate(database, file);
    if (options.maxDatabaseBytes !== null) setQuota(database, options.maxDatabaseBytes);
    return database;
  } catch (error) {
    database?.close();
    throw toLedgerError(error);
  }
}

/** Opens the ledger for reading only. @throws LedgerError */
export function openForReading(dataDir: string): DatabaseSync {
  try {
    return new DatabaseSync(databaseFile(dataDir), { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  } catch (error) {
    throw toLedgerError(error);
  }
}

/** Makes the data folder. @throws LedgerError `unwritable` */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new LedgerError('unwritable', `The data folder ${folder} cannot be made (${reason}).`, {
      hint: 'Let the user that runs Metertap write there, or set another data folder.',
      cause,
    });
  }
}

function checkWhole(database: DatabaseSync): void {
  const bytes = pragma(database, 'page_count') * pragma(database, 'page_size');
  if (bytes === 0 || bytes > QUICK_CHECK_LIMIT_BYTES) return;
  const row = database.prepare('PRAGMA quick_check(1)').get();
  const finding = row ? text(row, 'quick_check') : 'ok';
  if (finding === 'ok') return;
  throw new LedgerError('corrupt', `The ledger file is damaged: ${finding}`, {
    hint: 'Restore the file from a backup, or move it (with its -wal and -shm files) aside to begin a new ledger.',
  });
}

function setQuota(database: DatabaseSync, maxBytes: number): void {
  const pages = Math.max(1, Math.floor(maxBytes / pragma(database, 'page_size')));
  database.exec(`PRAGMA max_page_count = ${pages}`);
}

function pragma(database: DatabaseSync, name: 'page_count' | 'page_size'): number {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return row ? integer(row, name) : 0;
}

/** Runs `work` in a transaction that takes the right to write at its beginning. */
export function inTransaction<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // On a full disk SQLite has rolled back by itself.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Runs `read` so that all it reads is of one moment, also where it takes several statements. */
export function inSnapshot<Result>(database: DatabaseSync, read: (database: DatabaseSync) => Result): Result {
  database.exec('BEGIN');
  try {
    return read(database);
  } finally {
    if (database.isTransaction) database.exec('COMMIT');
  }
}

/** Moves all of the write-ahead log into the database and empties it; left undone where readers are still active. */
export function emptyWriteAheadLog(database: DatabaseSync): void {
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch (error) {
    const busy = sqliteCode(error) === 5 || sqliteCode(error) === 6;
    if (!busy) throw error; // busy: the log stays beside the database and is read at the next start
  }
}
