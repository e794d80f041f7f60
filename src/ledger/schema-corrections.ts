/**
 * Corrections of costs, and closed statements (docs/statements.md). Records are never edited: a correction is a row of
 * its own, which outlives the record, so it repeats what reports need of it.
 *
 * - `period` is the month that a correction stands in: that of the call, or the first open one where it is closed.
 * - The roll-ups keep what was recorded, and beside it what corrections have added since. The sums of corrections are
 *   columns of their own, so that writing a call does not touch them.
 * - `statement_lines` is what closed statements have stated of each month of calls (`of_month`), line by line, and
 *   `stated_months` the same by month. What the roll-ups have beyond it is late, and stands in the next statement.
 */
const CORRECTIONS = `
CREATE TABLE corrections (
  id TEXT NOT NULL UNIQUE,
  record_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  period TEXT NOT NULL,
  team TEXT NOT NULL,
  key_id TEXT NOT NULL,
  run_id TEXT,
  upstream TEXT NOT NULL,
  model TEXT NOT NULL,
  record_started_at TEXT NOT NULL,
  reason TEXT NOT NULL,
  actor TEXT NOT NULL,
  cost_before_nano_usd INTEGER,
  cost_after_nano_usd INTEGER NOT NULL,
  delta_nano_usd INTEGER NOT NULL,
  price_id_before TEXT,
  price_id_after TEXT NOT NULL
) STRICT;
CREATE INDEX corrections_by_record ON corrections (record_id);
CREATE INDEX corrections_by_period ON corrections (team, period);
`;

const CORRECTED_SUMS = ['usage_minute', 'usage_hour', 'usage_day', 'user_day', 'activity']
  .flatMap((table) =>
    ['corrections', 'priced_later', 'corrections_nano_usd'].map(
      (column) => `ALTER TABLE ${table} ADD COLUMN ${column} INTEGER NOT NULL DEFAULT 0;\n`,
    ),
  )
  .join('');

const STATEMENTS = `
CREATE TABLE statements (
  team TEXT NOT NULL,
  period TEXT NOT NULL,
  closed_at TEXT NOT NULL,
  closed_by TEXT NOT NULL,
  digests TEXT NOT NULL,
  opening_nano_usd INTEGER NOT NULL,
  total_nano_usd INTEGER NOT NULL,
  json TEXT NOT NULL,
  csv TEXT NOT NULL,
  html TEXT NOT NULL,
  PRIMARY KEY (team, period)
) STRICT;
CREATE TABLE stated_months (
  team TEXT NOT NULL,
  of_month TEXT NOT NULL,
  period TEXT NOT NULL,
  records INTEGER NOT NULL,
  corrections INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  corrections_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (team, of_month, period)
) STRICT, WITHOUT ROWID;
CREATE TABLE statement_lines (
  team TEXT NOT NULL,
  of_month TEXT NOT NULL,
  key_id TEXT NOT NULL,
  upstream TEXT NOT NULL,
  model TEXT NOT NULL,
  run_id TEXT NOT NULL,
  usage_source TEXT NOT NULL,
  period TEXT NOT NULL,
  records INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  missing_usage INTEGER NOT NULL,
  estimated INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  corrections INTEGER NOT NULL,
  priced_later INTEGER NOT NULL,
  corrections_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (team, period, of_month, key_id, upstream, model, run_id, usage_source)
) STRICT, WITHOUT ROWID;
`;

export const SCHEMA_CORRECTIONS = [CORRECTIONS, CORRECTED_SUMS, STATEMENTS].join('');
