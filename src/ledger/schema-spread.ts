import { SUMS_OF_AGENTS } from './schema-agents.ts';

/**
 * Less to write for calls that are spread over many runs or keys. Whatever has a run or a key in its key has a place of
 * its own for each, so that such a call touched a page of every such table and index, where others share theirs.
 *
 * - `usage_recent`, `activity_recent` and `runs_recent` are where bookings put what belongs in the roll-ups by time, in
 *   `activity` and in `runs`: one row after the other, in no order. They are moved there together, in the order of those
 *   tables, before anybody reads them (`rollups.ts`, `run-rows.ts`).
 * - `runs_by_cost` moved with every call of a run. It has only runs that have cost something worth a place in a list of
 *   the dearest; the others of a team are looked through when a page comes that far.
 * - `activity_by_run` has only the rows of sessions. Without a session a row is found by its primary key, since `runs`
 *   tells on which days a run had calls (`queries/activity.ts`).
 *
 * All of it is frozen with this step.
 */
export const DEAR_RUN_NANO_USD = 100_000_000;

const SUMS = SUMS_OF_AGENTS.map((name) => `${name} INTEGER NOT NULL`).join(',\n  ');

export const SCHEMA_SPREAD = `
CREATE TABLE usage_recent (
  team TEXT NOT NULL,
  bucket_start INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  upstream TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  service_tier TEXT NOT NULL,
  usage_source TEXT NOT NULL,
  ${SUMS}
) STRICT;
CREATE TABLE activity_recent (
  team TEXT NOT NULL,
  bucket_start INTEGER NOT NULL,
  session_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  upstream TEXT NOT NULL,
  model TEXT NOT NULL,
  agent TEXT NOT NULL,
  usage_source TEXT NOT NULL,
  first_at TEXT NOT NULL,
  last_at TEXT NOT NULL,
  ${SUMS}
) STRICT;
CREATE TABLE runs_recent (
  team TEXT NOT NULL,
  run_id TEXT NOT NULL,
  parent_run_id TEXT,
  session_id TEXT,
  started_at TEXT NOT NULL,
  last_activity_at TEXT NOT NULL,
  cost_nano_usd INTEGER NOT NULL
) STRICT;
DROP INDEX runs_by_cost;
CREATE INDEX runs_by_cost ON runs (team, cost_nano_usd DESC, run_id) WHERE cost_nano_usd >= ${DEAR_RUN_NANO_USD};
DROP INDEX activity_by_run;
CREATE INDEX activity_by_run ON activity (team, run_id) WHERE run_id <> '' AND session_id <> '';
`;
