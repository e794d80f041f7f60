import { existsSync, statSync } from 'node:fs';
import { databaseFile, openForReading } from './database.ts';
import { instancesFolder, otherInstances, withStartupLock } from './instance-lock.ts';
import { MIGRATIONS, schemaVersion } from './migrations.ts';
import { text } from './row-values.ts';
import { toLedgerError } from './sqlite-error.ts';

/** What can be seen of a ledger from beside it, whether a process writes to it or not. */
export interface LedgerFindings {
  readonly schema: number;
  /** The schema that this version writes. */
  readonly newestSchema: number;
  /** What SQLite's quick check finds; `ok` where nothing, null where the file is too large to be read through. */
  readonly integrity: string | null;
  readonly databaseBytes: number;
  readonly writeAheadLogBytes: number;
  /** How many processes write to it now; null while one of them starts. */
  readonly livingInstances: number | null;
}

/** Reading so much takes some seconds. */
const MOST_CHECKED_BYTES = 1_073_741_824;

/**
 * Looks at the ledger in a data folder without changing it. Gives null where there is none yet. Blocks while it reads:
 * for commands, never for a process that serves.
 *
 * @throws LedgerError where it cannot be read
 */
export function inspectLedger(dataDir: string): LedgerFindings | null {
  const file = databaseFile(dataDir);
  if (!existsSync(file)) return null;
  const database = openForReading(dataDir);
  try {
    const databaseBytes = statSync(file).size;
    return {
      schema: schemaVersion(database),
      newestSchema: MIGRATIONS.at(-1)?.version ?? 0,
      integrity: databaseBytes > MOST_CHECKED_BYTES ? null : quickCheck(database),
      databaseBytes,
      writeAheadLogBytes: statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0,
      livingInstances: livingInstances(dataDir),
    };
  } catch (error) {
    throw toLedgerError(error);
  } finally {
    database.close();
  }
}

function quickCheck(database: ReturnType<typeof openForReading>): string {
  const row = database.prepare('PRAGMA quick_check(1)').get();
  return row ? text(row, 'quick_check') : 'ok';
}

/** Under the lock of those that start, because a look at a lock takes it for a moment. */
function livingInstances(dataDir: string): number | null {
  if (!existsSync(instancesFolder(dataDir))) return 0;
  return withStartupLock(dataDir, 'skip', () => otherInstances(dataDir, '').alive.length);
}
