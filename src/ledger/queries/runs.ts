import type { DatabaseSync } from 'node:sqlite';
import { audit, type ChangeMoment } from '../access-writer.ts';
import { inTransaction } from '../database.ts';
import { distinctTeams } from '../distinct-teams.ts';
import { isoTime } from '../iso-time.ts';
import type { RunCursor, RunDeclaration, RunFilter, RunKey, RunRow } from '../ledger-reader.ts';
import { integer, jsonArray, jsonStrings, type Row, text, textOrNull } from '../row-values.ts';
import { DEAR_RUN_NANO_USD } from '../schema-spread.ts';

const RUN_COLUMNS = `
SELECT team, run_id, parent_run_id, session_id, labels, limits,
  coalesce(started_at, declared_at, last_activity_at) AS first_at, last_activity_at,
  (SELECT count(*) FROM records INDEXED BY records_open WHERE records.team = runs.team AND records.run_id = runs.run_id
    AND ending IN ('in_flight', 'queued'))
  + (SELECT count(*) FROM open_calls WHERE open_calls.team = runs.team AND open_calls.run_id = runs.run_id) AS in_flight,
  CAST(cost_nano_usd AS TEXT) AS cost_text`;
const RUN_SQL = `${RUN_COLUMNS} FROM runs`;

/** One run; null where no call named it and nobody declared it. */
export function findRun(database: DatabaseSync, run: RunKey): RunRow | null {
  const row = database.prepare(`${RUN_SQL} WHERE team = ? AND run_id = ?`).get(run.team, run.runId);
  return row ? runOfRow(row) : null;
}

/** The teams that have a run of this id. */
export function teamsOfRun(database: DatabaseSync, runId: string): string[] {
  const exists = database.prepare('SELECT 1 FROM runs WHERE team = ? AND run_id = ?');
  return distinctTeams(database, 'runs').filter((team) => exists.get(team, runId) !== undefined);
}

/** The runs that name this one as their parent, in the order of their ids. */
export function childrenOf(database: DatabaseSync, run: RunKey): RunRow[] {
  // By the order alone SQLite would choose the primary key, and walk all runs of the team.
  const statement = database.prepare(
    `${RUN_SQL} INDEXED BY runs_by_parent WHERE team = ? AND parent_run_id = ? ORDER BY run_id`,
  );
  return statement.all(run.team, run.runId).map(runOfRow);
}

/** Whether any run was declared with limits of its own: one look into an index that holds nothing else. */
export function hasRunLimits(database: DatabaseSync): boolean {
  return (
    database.prepare(`SELECT 1 FROM runs INDEXED BY runs_limited WHERE limits <> '[]' LIMIT 1`).get() !== undefined
  );
}

export interface RunPage {
  readonly limit: number;
  readonly after: RunCursor | null;
}

/**
 * Lists runs, by cost or by their last activity, highest first; equals by team and run id. A run is inside a time range
 * when it was active in it: it began before the end, and its last activity is not before the start.
 *
 * Over all teams the page is gathered team by team, each through its own index, and rows that cannot come onto the page
 * any more are not read.
 */
export function listRuns(database: DatabaseSync, filter: RunFilter, page: RunPage): RunRow[] {
  const teams = filter.team === null ? distinctTeams(database, 'runs') : [filter.team];
  let rows: RunRow[] = [];
  for (const team of teams) {
    const worst = rows.length >= page.limit ? (rows.at(-1) ?? null) : null;
    rows.push(...listRunsOfTeam(database, { filter, page, team, worst }));
    rows.sort(filter.order === '-cost' ? byCost : byActivity);
    rows = rows.slice(0, page.limit);
  }
  return rows;
}

interface TeamPage {
  readonly filter: RunFilter;
  readonly page: RunPage;
  readonly team: string;
  /** The last row of a page that is full already: only higher values can still come onto it. */
  readonly worst: RunRow | null;
}

/** By cost, dear runs are found by their index; the others are looked through only where a page has room for them. */
function listRunsOfTeam(database: DatabaseSync, asked: TeamPage): RunRow[] {
  if (asked.filter.order !== '-cost' || asked.filter.sessionId !== null) return readRuns(database, asked, 'all');
  const dear = readRuns(database, asked, 'dear');
  const isEnough = dear.length >= asked.page.limit || (asked.worst?.cost_nano_usd ?? 0n) >= DEAR_RUN_NANO_USD;
  return isEnough ? dear : [...dear, ...readRuns(database, asked, 'others')].slice(0, asked.page.limit);
}

/** Which runs of a team, and how they are found. A session has few: sorting them costs less than walking in order. */
const PARTS = {
  all: { table: 'runs', condition: null },
  dear: { table: 'runs INDEXED BY runs_by_cost', condition: `cost_nano_usd >= ${DEAR_RUN_NANO_USD}` },
  others: { table: 'runs', condition: `cost_nano_usd < ${DEAR_RUN_NANO_USD}` },
} as const;

function readRuns(database: DatabaseSync, { filter, page, team, worst }: TeamPage, part: keyof typeof PARTS): RunRow[] {
  const column = filter.order === '-cost' ? 'cost_nano_usd' : 'last_activity_at';
  const conditions = ['team = ?'];
  const values: (string | bigint)[] = [team];
  const where = (condition: string, ...bound: (string | bigint)[]): void => {
    conditions.push(condition);
    values.push(...bound);
  };
  if (PARTS[part].condition !== null) where(PARTS[part].condition);
  if (filter.sessionId !== null) where('session_id = ?', filter.sessionId);
  if (filter.startMs !== null) where('last_activity_at >= ?', isoTime(filter.startMs));
  if (filter.endMs !== null) {
    where('coalesce(started_at, declared_at, last_activity_at) < ?', isoTime(filter.endMs));
  }
  if (worst !== null) where(`${column} >= ?`, orderValue(worst, filter.order));
  if (page.after !== null) {
    const value = filter.order === '-cost' ? BigInt(page.after.value) : page.after.value;
    if (team < page.after.team) where(`${column} < ?`, value);
    else if (team > page.after.team) where(`${column} <= ?`, value);
    else where(`(${column} < ? OR (${column} = ? AND run_id > ?))`, value, value, page.after.runId);
  }
  const table = filter.sessionId === null ? PARTS[part].table : 'runs INDEXED BY runs_by_session';
  const sql = `${RUN_COLUMNS} FROM ${table} WHERE ${conditions.join(' AND ')} ORDER BY ${column} DESC, run_id LIMIT ?`;
  return database
    .prepare(sql)
    .all(...values, page.limit)
    .map(runOfRow);
}

function orderValue(run: RunRow, order: RunFilter['order']): string | bigint {
  return order === '-cost' ? run.cost_nano_usd : run.last_activity_at;
}

function byCost(a: RunRow, b: RunRow): number {
  if (a.cost_nano_usd !== b.cost_nano_usd) return a.cost_nano_usd > b.cost_nano_usd ? -1 : 1;
  return byTeam(a, b);
}

function byActivity(a: RunRow, b: RunRow): number {
  if (a.last_activity_at !== b.last_activity_at) return a.last_activity_at > b.last_activity_at ? -1 : 1;
  return byTeam(a, b);
}

/** Within a team the rows stay in the order that SQLite gave them. */
function byTeam(a: RunRow, b: RunRow): number {
  if (a.team === b.team) return 0;
  return a.team < b.team ? -1 : 1;
}

const DECLARE_RUN = `
INSERT INTO runs (team, run_id, parent_run_id, labels, limits, declared_at, last_activity_at, cost_nano_usd)
VALUES (:team, :run_id, :parent, coalesce(:labels, '{}'), coalesce(:limits, '[]'), :now, :now, 0)
ON CONFLICT (team, run_id) DO UPDATE SET
  parent_run_id = iif(:parent_given, :parent, parent_run_id),
  labels = coalesce(:labels, labels),
  limits = coalesce(:limits, limits),
  declared_at = coalesce(declared_at, :now)`;

interface RunChange {
  readonly declared: RunDeclaration;
  readonly moment: ChangeMoment;
}

/**
 * Declares a run, or changes the parts that are given, with its audit in one transaction; what changes nothing has none.
 * Must be called on the connection that writes.
 */
export function declareRun(database: DatabaseSync, run: RunKey, change: RunChange): RunRow {
  return inTransaction(database, () => {
    const before = findRun(database, run);
    const after = writeDeclaration(database, run, change);
    const [was, is] = [before === null ? null : declarationOf(before), declarationOf(after)];
    if (JSON.stringify(was) !== JSON.stringify(is)) {
      const entry = {
        action: 'run.declare',
        target: 'run',
        id: run.runId,
        team: run.team,
        before: was,
        after: is,
      } as const;
      audit(database, entry, change.moment);
    }
    return after;
  });
}

function declarationOf({ parent_run_id, labels, limits }: RunRow) {
  return { parent_run_id, labels, limits };
}

function writeDeclaration(database: DatabaseSync, run: RunKey, { declared, moment }: RunChange): RunRow {
  database.prepare(DECLARE_RUN).run({
    team: run.team,
    run_id: run.runId,
    parent: declared.parentRunId ?? null,
    parent_given: declared.parentRunId === undefined ? 0 : 1,
    labels: declared.labels === undefined ? null : JSON.stringify(declared.labels),
    limits: declared.limits === undefined ? null : JSON.stringify(declared.limits),
    now: isoTime(moment.nowMs),
  });
  const row = findRun(database, run);
  if (row === null) throw new Error('The run that was just written is not there.');
  return row;
}

function runOfRow(row: Row): RunRow {
  return {
    team: text(row, 'team'),
    run_id: text(row, 'run_id'),
    parent_run_id: textOrNull(row, 'parent_run_id'),
    session_id: textOrNull(row, 'session_id'),
    labels: jsonStrings(row, 'labels'),
    limits: jsonArray(row, 'limits'),
    started_at: text(row, 'first_at'),
    last_activity_at: text(row, 'last_activity_at'),
    in_flight: integer(row, 'in_flight'),
    cost_nano_usd: BigInt(text(row, 'cost_text')),
  };
}
