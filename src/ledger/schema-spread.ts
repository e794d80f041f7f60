import { SUMS_OF_AGENTS } from './schema-agents.ts';

/**
 * Less to write for calls that are spread over many runs or keys. Whatever has a run or a key in its key has a place of
 * its own for each, so that such a call touched a page of every such table and index, where others share theirs.
 *
 * - `usage_recent` is where bookings put what belongs in the roll-ups of minutes, hours and days: one row after the other,
 *   in no order. They are moved there together, in the order of the roll-ups, before anybody reads them (`rollups.ts`).
 * - `runs_by_cost` moved with every call of a run. It has only runs that have cost something worth a place in a list of
 *   the dearest; the others of a team are looked through when a page comes that far.
 * - `activity_by_run` has only the rows of sessions. Without a session a row is found by its primary key, since `runs`
 *   tells on which days a run had calls (`queries/activity.ts`).
 *
 * All of it is frozen with this step.
 */
export const DEAR_RUN_NANO_USD = 100_000_000;

const USAGE_KEY = ['key_id', 'upstream', 'endpoint', 'model', 'service_tier', 'usage_source'] as const;

export const SCHEMA_SPREAD = `
CREATE TABLE usage_recent (
  team TEXT NOT NULL,
  bucket_start INTEGER NOT NULL,
  ${USAGE_KEY.map((name) => `${name} TEXT NOT NULL`).join(',\n  ')},
  ${SUMS_OF_AGENTS.map((name) => `${name} INTEGER NOT NULL`).join(',\n  ')}
) STRICT;
DROP INDEX runs_by_cost;
CREATE INDEX runs_by_cost ON runs (team, cost_nano_usd DESC, run_id) WHERE cost_nano_usd >= ${DEAR_RUN_NANO_USD};
DROP INDEX activity_by_run;
CREATE INDEX activity_by_run ON activity (team, run_id) WHERE run_id <> '' AND session_id <> '';
`;
