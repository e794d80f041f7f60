/**
 * Rows that were durable and not yet in the books, as versions before `journal_segments` kept them: one row for a commit,
 * `lines` with one call's row per line (`row-lines.ts`). What such a version has left is still entered.
 *
 * `refused_rows` keeps what the books would not take, with the reason. Rows are checked before they are acknowledged, so
 * there should never be any.
 */
export const SCHEMA_UNBOOKED = `
CREATE TABLE unbooked (
  position INTEGER PRIMARY KEY,
  instance_id TEXT NOT NULL,
  thread TEXT NOT NULL,
  lines TEXT NOT NULL
) STRICT;
CREATE TABLE refused_rows (
  line TEXT NOT NULL,
  instance_id TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
`;
