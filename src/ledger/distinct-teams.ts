import type { DatabaseSync } from 'node:sqlite';
import { text } from './row-values.ts';

export type TeamLedTable = 'usage_minute' | 'usage_hour' | 'usage_day' | 'user_day' | 'agent_day' | 'activity' | 'runs';

/**
 * A subquery of all teams of a table whose primary key begins with `team`: it jumps from team to team through the key
 * instead of reading every row. With `team IN (…)` in front, questions over all teams use the key as well.
 */
export function distinctTeamsSql(table: TeamLedTable): string {
  return `WITH RECURSIVE teams (team) AS (
    SELECT min(team) FROM ${table}
    UNION ALL
    SELECT (SELECT min(team) FROM ${table} WHERE team > teams.team) FROM teams WHERE teams.team IS NOT NULL
  ) SELECT team FROM teams WHERE team IS NOT NULL`;
}

/** All teams of such a table, in order. */
export function distinctTeams(database: DatabaseSync, table: TeamLedTable): string[] {
  return database
    .prepare(distinctTeamsSql(table))
    .all()
    .map((row) => text(row, 'team'));
}
