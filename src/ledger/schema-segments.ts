/**
 * How far the files of the journal (`segment-name.ts`) are booked. A booking moves `booked_bytes` in the transaction that
 * enters the rows, so that each row is entered once, whichever process does it and whoever dies. A row whose file is gone
 * means nothing: a file is removed before its row, and its name never comes again.
 */
export const SCHEMA_SEGMENTS = `
CREATE TABLE journal_segments (
  name TEXT PRIMARY KEY NOT NULL,
  booked_bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;
