import { LedgerError, type LedgerFault } from './ledger-error.ts';

interface ErrorRow {
  readonly fault: LedgerFault;
  readonly reason: string;
  readonly hint: string;
}

const UNWRITABLE_HINT = 'Let the user that runs Metertap write to the data folder, or set another one.';
const CORRUPT: ErrorRow = {
  fault: 'corrupt',
  reason: 'The ledger file is damaged.',
  hint: 'Stop Metertap, restore the file from a backup, or move it (with its -wal and -shm files) aside to begin a new ledger.',
};

const FULL: ErrorRow = {
  fault: 'full',
  reason: 'The disk, or the quota of the ledger, is full.',
  hint: 'Free space on the disk of the data folder, or shorten the retention. Writing is tried again by itself.',
};
const FAILING: ErrorRow = {
  fault: 'failed',
  reason: 'The disk reported an error on the ledger file.',
  hint: 'Check the disk and the mount of the data folder. Writing is tried again by itself.',
};
const FORBIDDEN: ErrorRow = {
  fault: 'unwritable',
  reason: 'The ledger file may not be accessed.',
  hint: UNWRITABLE_HINT,
};

/** SQLite's primary result codes that an operator can do something about (https://www.sqlite.org/rescode.html). */
const ERROR_ROWS: Readonly<Record<number, ErrorRow>> = {
  3: FORBIDDEN,
  5: {
    fault: 'in_use',
    reason: 'Another process holds the ledger file for too long.',
    hint: 'End other programs that have the ledger file open for writing.',
  },
  8: { fault: 'unwritable', reason: 'The ledger file is read-only.', hint: UNWRITABLE_HINT },
  10: FAILING,
  11: CORRUPT,
  13: FULL,
  14: { fault: 'unwritable', reason: 'The ledger file cannot be opened.', hint: UNWRITABLE_HINT },
  26: { ...CORRUPT, reason: 'The ledger file is not a SQLite database, or its first page is damaged.' },
};

/** The same of the file system, for the segments of the journal. */
const FILE_ERROR_ROWS: ReadonlyMap<unknown, ErrorRow> = new Map([
  ['ENOSPC', FULL],
  ['EDQUOT', FULL],
  ['EIO', FAILING],
  ['EFBIG', FAILING],
  ['EACCES', FORBIDDEN],
  ['EPERM', FORBIDDEN],
  ['EROFS', FORBIDDEN],
]);

/** Codes that one row can cause by its own content: constraint, mismatch, too big, range. The others concern all. */
const ROW_CODES: ReadonlySet<number> = new Set([18, 19, 20, 25]);

/** SQLite's primary result code of a thrown value; null where it is not an error of SQLite. */
export function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & 0xff;
}

function fileCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null;
}

/** Tells whether a failed statement is the fault of the row that it wrote, so that other rows can still be written. */
export function isRowFault(error: unknown): boolean {
  const code = sqliteCode(error);
  if (code !== null) return ROW_CODES.has(code);
  return error instanceof TypeError || error instanceof RangeError;
}

/** Gives any thrown value as a `LedgerError` with a hint. */
export function toLedgerError(error: unknown): LedgerError {
  if (error instanceof LedgerError) return error;
  const row = ERROR_ROWS[sqliteCode(error) ?? -1] ?? FILE_ERROR_ROWS.get(fileCode(error));
  if (row) return new LedgerError(row.fault, row.reason, { hint: row.hint, cause: error });
  const message = error instanceof Error ? error.message : String(error);
  return new LedgerError('failed', `The ledger failed: ${message}`, {
    hint: 'This is not expected. Please report it with the log.',
    cause: error,
  });
}
