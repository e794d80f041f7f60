import type { DatabaseSync } from 'node:sqlite';
import type { ActivitySum, RunKey } from '../ledger-reader.ts';
import { DAY_MS } from '../rollups.ts';
import { oneOf, type Row, text } from '../row-values.ts';
import { sumsOfRow, sumsSql } from './sum-columns.ts';

/** The day that a time is in, as `bucket_start` has it. */
const daySql = (column: string): string => `unixepoch(${column}) * 1000 / ${DAY_MS} * ${DAY_MS}`;

/**
 * The rows of `activity` of some runs, as a table of a SELECT. Those of sessions are found by an index. The others stand
 * where their day and run say; the row of a run tells the days: each of its calls began between the first and the last.
 *
 * @param condition holds for `team` and `run_id` of these runs and no others; it is put in twice, so its parameters are
 *   numbered
 */
export function activityOfRunsSql(condition: string): string {
  return `(WITH RECURSIVE days (day_team, day_run, at, last) AS (
      SELECT team, run_id, ${daySql('coalesce(started_at, last_activity_at)')}, ${daySql('last_activity_at')}
        FROM runs WHERE ${condition}
      UNION ALL SELECT day_team, day_run, at + ${DAY_MS}, last FROM days WHERE at < last
    )
    SELECT activity.* FROM days CROSS JOIN activity
      ON team = day_team AND bucket_start = at AND session_id = '' AND run_id = day_run
    UNION ALL
    SELECT * FROM activity INDEXED BY activity_by_run WHERE ${condition} AND run_id <> '' AND session_id <> '')`;
}

/** A run's row names its session only where all its calls are of one. */
const SUMS_OF_RUN = `
SELECT team, run_id, iif(min(session_id) = max(session_id), min(session_id), '') AS session_id,
  key_id, upstream, model, agent, usage_source, min(first_at) AS first_at, max(last_at) AS last_at, ${sumsSql()}
FROM ${activityOfRunsSql('team = ?1 AND run_id = ?2')}
GROUP BY key_id, upstream, model, agent, usage_source
ORDER BY first_at, key_id, upstream, model, agent, usage_source`;

const SUMS_OF_SESSION = `
SELECT team, run_id, session_id,
  key_id, upstream, model, agent, usage_source, min(first_at) AS first_at, max(last_at) AS last_at, ${sumsSql()}
FROM activity INDEXED BY activity_by_session WHERE session_id = ? AND session_id <> '' AND (? IS NULL OR team = ?)
GROUP BY team, run_id, key_id, upstream, model, agent, usage_source
ORDER BY first_at, team, run_id, key_id, upstream, model, agent, usage_source`;

/** The sums of one run: a row for each key, upstream, model, agent and usage source. */
export function sumsOfRun(database: DatabaseSync, run: RunKey): ActivitySum[] {
  return database.prepare(SUMS_OF_RUN).all(run.team, run.runId).map(activityOfRow);
}

/** The sums of one session: the same rows, for each of its runs. */
export function sumsOfSession(
  database: DatabaseSync,
  session: { team: string | null; sessionId: string },
): ActivitySum[] {
  return database.prepare(SUMS_OF_SESSION).all(session.sessionId, session.team, session.team).map(activityOfRow);
}

function activityOfRow(row: Row): ActivitySum {
  return {
    ...sumsOfRow(row),
    team: text(row, 'team'),
    run_id: text(row, 'run_id') || null,
    session_id: text(row, 'session_id') || null,
    key_id: text(row, 'key_id'),
    upstream: text(row, 'upstream'),
    model: text(row, 'model') || null,
    agent: text(row, 'agent') || null,
    usage_source: oneOf(row, 'usage_source', ['reported', 'estimated', 'missing']),
    first_at: text(row, 'first_at'),
    last_at: text(row, 'last_at'),
  };
}
