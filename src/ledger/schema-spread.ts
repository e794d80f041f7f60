/**
 * Less to write for calls that are spread over many runs. Whatever has a run in its key has a place of its own for each,
 * so that such a call touched a page of every table and index with runs in it, where others share theirs.
 *
 * - `runs_by_cost` moved with every call of a run. It has only runs that have cost something worth a place in a list of
 *   the dearest; the others of a team are looked through when a page comes that far.
 * - `activity_by_run` has only the rows of sessions. Without a session a row is found by its primary key, since `runs`
 *   tells on which days a run had calls (`queries/activity.ts`).
 *
 * The amount is frozen with this step.
 */
export const DEAR_RUN_NANO_USD = 100_000_000;

export const SCHEMA_SPREAD = `
DROP INDEX runs_by_cost;
CREATE INDEX runs_by_cost ON runs (team, cost_nano_usd DESC, run_id) WHERE cost_nano_usd >= ${DEAR_RUN_NANO_USD};
DROP INDEX activity_by_run;
CREATE INDEX activity_by_run ON activity (team, run_id) WHERE run_id <> '' AND session_id <> '';
`;
