/**
 * Rows that are durable and not yet in the books: the journal proper. A commit of a few calls adds one row here; some
 * tens of milliseconds later the calls of many commits are entered in `records`, the roll-ups and `runs` together, in
 * the transaction that takes them out here. Each of those tables costs a transaction pages of its own, however few
 * calls it has.
 *
 * - `lines` has one call's row per line (`row-lines.ts`), in the order in which they came.
 * - `thread` tells the threads that wrote them apart, because a thread that is started again bears the same instance.
 * - `refused_rows` keeps what the books would not take, with the reason. Rows are checked before they are
 *   acknowledged, so there should never be any.
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
