import { inspectLedger, type LedgerFindings } from '../../ledger/inspect.ts';
import { LedgerError } from '../../ledger/ledger-error.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const MEBIBYTE = 1_048_576;
/** Far above the point from which the log is emptied on the way; a reader that does not end keeps it from that. */
const LONG_LOG_BYTES = 512 * MEBIBYTE;

/** The ledger in the data folder: whether it opens, its schema, its pages, its log, and who writes to it. */
export function checkLedger(dataDir: string): Finding[] {
  let found: LedgerFindings | null;
  try {
    found = inspectLedger(dataDir);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return [fail('ledger', error.message, error.hint)];
  }
  if (found === null) return [ok('ledger', 'none yet; it is made at the first start')];
  return [schemaFinding(found), integrityFinding(found), logFinding(found), instancesFinding(found)];
}

function schemaFinding({ schema, newestSchema, databaseBytes }: LedgerFindings): Finding {
  const size = `${(databaseBytes / MEBIBYTE).toFixed(1)} MiB`;
  if (schema > newestSchema) {
    const hint = 'Run the version that wrote it, or a later one.';
    return fail('ledger', `schema ${schema} is newer than this version, which knows ${newestSchema}`, hint);
  }
  if (schema === newestSchema) return ok('ledger', `schema ${schema}, ${size}`);
  return ok('ledger', `schema ${schema}, ${size}; the next start brings it to ${newestSchema} and keeps a copy`);
}

function integrityFinding({ integrity }: LedgerFindings): Finding {
  if (integrity === 'ok') return ok('integrity', 'the quick check of SQLite finds nothing');
  if (integrity === null) return ok('integrity', 'not checked: the ledger is larger than 1 GiB');
  const hint = 'Restore it from a backup, or move it (with its -wal and -shm files) aside to begin a new one.';
  return fail('integrity', `the ledger is damaged: ${integrity}`, hint);
}

function logFinding({ writeAheadLogBytes }: LedgerFindings): Finding {
  const text = `${(writeAheadLogBytes / MEBIBYTE).toFixed(1)} MiB`;
  if (writeAheadLogBytes < LONG_LOG_BYTES) return ok('write-ahead log', text);
  const hint = 'Look for a program that keeps the ledger open for reading, and end it; the log then empties itself.';
  return warn('write-ahead log', `${text}: it is not being emptied`, hint);
}

function instancesFinding({ livingInstances }: LedgerFindings): Finding {
  if (livingInstances === null) return ok('processes', 'one is just starting');
  if (livingInstances === 0) return ok('processes', 'none writes to the ledger now');
  return ok('processes', livingInstances === 1 ? 'one writes to the ledger' : `${livingInstances} write to the ledger`);
}
