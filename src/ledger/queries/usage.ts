import type { DatabaseSync } from 'node:sqlite';
import { firstIdAt } from '../../core/ids.ts';
import { COUNT_NAMES } from '../../metering/usage.ts';
import { distinctTeamsSql } from '../distinct-teams.ts';
import { isoTime } from '../iso-time.ts';
import {
  USAGE_DIMENSIONS,
  type UsageDimension,
  type UsageQuery,
  type UsageRow,
  type UsageSpan,
  type UsageSums,
} from '../ledger-reader.ts';
import { readKeptFrom } from '../retention.ts';
import { HOUR_MS } from '../rollups.ts';
import { integerAt, listOf, textAt } from '../row-values.ts';
import { emptySums, type MutableSums, RECORD_MODEL_SQL, RECORD_SUM_SQL } from '../sums.ts';
import { activityOfRunsSql } from './activity.ts';
import { idsOfRunsSql } from './run-calls.ts';
import { addChosen, type ChosenSums, chosenSums, readSums, subtractChosen, sumsSql } from './sum-columns.ts';
import { usageByName } from './usage-by-name.ts';
import { QUERY_BUCKET_MS, type Segment, segmentsOf, spanOf } from './usage-segments.ts';

/**
 * Sums by time bucket and dimensions, in the order of the buckets. Calls count where they began; only calls that have
 * an end count. The range is exact, or rounded to whole buckets where nothing finer is kept any more.
 */
export function usage(database: DatabaseSync, query: UsageQuery, nowMs: number): UsageRow[] {
  if (query.named !== undefined) return usageByName(database, query, query.named);
  const groupBy = USAGE_DIMENSIONS.filter((name) => query.groupBy.includes(name));
  // Whether calls that name nobody are left is told by the number of records.
  const chosen = chosenSums(query.sums === undefined ? undefined : ['records', ...query.sums]);
  const asked: Asked = { ...query, groupBy, chosen };
  const horizon = { nowMs, keptFrom: readKeptFrom(database) };
  const parts = segmentsOf(query, horizon).map((segment) => readSource(database, segment, asked));
  // What SQLite gives is in this order already, but for characters beyond the basic plane.
  return merged(parts, asked).sort((a, b) => a.bucketStartMs - b.bucketStartMs || byDimensions(a, b, groupBy));
}

/** The range that `usage` sums. */
export function usageSpan(database: DatabaseSync, query: UsageQuery, nowMs: number): UsageSpan {
  return spanOf(query, { nowMs, keptFrom: readKeptFrom(database) });
}

type Asked = UsageQuery & { readonly chosen: ChosenSums };
type FoundRow = MutableSums & Pick<UsageRow, 'bucketStartMs' | 'dimensions'>;

/** One list of several, with one row for each bucket and dimensions. Each list has one already. */
function merged(parts: readonly FoundRow[][], asked: Asked): FoundRow[] {
  const [only = [], ...more] = parts.filter((part) => part.length > 0);
  return more.length === 0 ? only : [...rowsByGroup([only, ...more], asked).values()];
}

function rowsByGroup(parts: readonly (readonly FoundRow[])[], { groupBy, chosen }: Asked): Map<string, FoundRow> {
  const found = new Map<string, FoundRow>();
  for (const row of parts.flat()) {
    const key = groupKey(row, groupBy);
    const known = found.get(key);
    if (known === undefined) found.set(key, row);
    else addChosen(known, row, chosen);
  }
  return found;
}

function groupKey(row: UsageRow, groupBy: readonly UsageDimension[]): string {
  let key = `${row.bucketStartMs}`;
  for (const name of groupBy) key += `\0${row.dimensions[name] ?? ''}`;
  return key;
}

/** The tables that have only the calls that name someone, and by which dimension. */
const NAMING_TABLES = { user_day: 'user', agent_day: 'agent' } as const;

function isNamingTable(source: Segment['source']): source is keyof typeof NAMING_TABLES {
  return source in NAMING_TABLES;
}

function readSource(database: DatabaseSync, segment: Segment, asked: Asked): FoundRow[] {
  if (!isNamingTable(segment.source)) return readSegment(database, segment, asked);
  const dimension = NAMING_TABLES[segment.source];
  const { [dimension]: names, ...filters } = asked.filters;
  const named = readSegment(database, segment, asked);
  if (names !== undefined && !names.includes('')) return named;
  const all = names === undefined ? named : readSegment(database, segment, { ...asked, filters });
  const nobody = usageOfNobody(database, { segment, dimension, asked: { ...asked, filters }, named: all });
  return asked.groupBy.includes(dimension) ? named.concat(nobody) : merged([named, nobody], asked);
}

interface Nobody {
  readonly segment: Segment;
  readonly dimension: UsageDimension;
  /** Without a filter of the dimension. */
  readonly asked: Asked;
  /** What its calls that name someone come to. */
  readonly named: readonly FoundRow[];
}

/** The sums of calls that name nobody: those of all calls, less those of calls that name someone. */
function usageOfNobody(database: DatabaseSync, { segment, dimension, asked, named }: Nobody): FoundRow[] {
  const groupBy = asked.groupBy.filter((name) => name !== dimension);
  const everybody = readSegment(database, { ...segment, source: 'usage_day' }, { ...asked, groupBy });
  const sums = rowsByGroup([everybody], { ...asked, groupBy });
  for (const row of named) {
    const all = sums.get(groupKey(row, groupBy));
    if (all !== undefined) subtractChosen(all, row, asked.chosen);
  }
  const isGrouped = asked.groupBy.includes(dimension);
  return [...sums.values()]
    .filter((row) => row.records > 0)
    .map((row) => (isGrouped ? { ...row, dimensions: { ...row.dimensions, [dimension]: null } } : row));
}

function readSegment(database: DatabaseSync, segment: Segment, query: Asked): FoundRow[] {
  const bucketMs = QUERY_BUCKET_MS[query.bucket];
  const conditions = new Conditions();
  restrictTime(conditions, segment);
  restrictDimensions(conditions, segment, query);

  const start = segment.source === 'records' ? 'unixepoch(started_at) * 1000' : 'bucket_start';
  const columns = query.groupBy.map((name) => `${dimensionSql(segment, name)} AS "d_${name}"`);
  const groups = ['at', ...query.groupBy.map((name) => `"d_${name}"`)];
  const table = tableSql(segment, query);
  const sql = `SELECT ${[`${start} / ${bucketMs} * ${bucketMs} AS at`, ...columns].join(', ')},
      ${sumsSql((name) => sumSql(segment, name, query.includeEstimated), query.chosen)}
    FROM ${table.sql} WHERE ${conditions.sql.join(' AND ')} GROUP BY ${groups.join(', ')}`;
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  return statement.all(...table.values, ...conditions.values).map((row) => usageOfRow(listOf(row), query));
}

class Conditions {
  readonly sql: string[] = [];
  readonly values: (string | number)[] = [];

  add(sql: string, ...values: readonly (string | number)[]): void {
    this.sql.push(sql);
    this.values.push(...values);
  }
}

/** Ids make a range cheap. They may run away from the clock by a little where it was set back; the time decides. */
function idsAround({ startMs, endMs }: Pick<Segment, 'startMs' | 'endMs'>): { first: string; end: string } {
  return { first: firstIdAt(startMs - HOUR_MS), end: firstIdAt(endMs + HOUR_MS) };
}

function restrictTime(conditions: Conditions, { source, startMs, endMs }: Segment): void {
  if (source !== 'records') {
    conditions.add('bucket_start >= ?', startMs);
    conditions.add('bucket_start < ?', endMs);
    return;
  }
  const ids = idsAround({ startMs, endMs });
  conditions.add('id >= ?', ids.first);
  conditions.add('id < ?', ids.end);
  conditions.add('started_at >= ?', isoTime(startMs));
  conditions.add('started_at < ?', isoTime(endMs));
  conditions.add(`ending NOT IN ('in_flight', 'queued')`);
}

function restrictDimensions(conditions: Conditions, segment: Segment, query: UsageQuery): void {
  const { source } = segment;
  const { team: teams, run_id: runs } = query.filters;
  if (source === 'records' && teams !== undefined && runs !== undefined && !runs.includes('')) {
    // With the range, so that of a run with very many calls those outside of it are not looked at.
    const ids = idsAround(segment);
    const ofRuns = `team IN (${places(teams)}) AND run_id IN (${places(runs)}) AND id >= ? AND id < ?`;
    const values = [...teams, ...runs, ids.first, ids.end];
    conditions.add(`id IN (${idsOfRunsSql(ofRuns)})`, ...values, ...values, ...values);
  }
  if (teams === undefined && source !== 'records') conditions.add(`team IN (${distinctTeamsSql(source)})`);
  for (const name of USAGE_DIMENSIONS) {
    const values = query.filters[name];
    if (values === undefined) continue;
    // The bare column lets an index be used; '' asks for calls that have no such value.
    const isPlain = source === 'records' && name !== 'model' && !values.includes('');
    const column = isPlain ? `"${name}"` : dimensionSql(segment, name);
    conditions.add(`${column} IN (${places(values)})`, ...values);
  }
}

/** The table, by way of its runs or sessions where only some of them are asked for. Its parameters come first. */
function tableSql({ source }: Segment, { filters }: UsageQuery): { sql: string; values: readonly string[] } {
  const plain = { sql: source, values: [] };
  if (source !== 'activity') return plain;
  const { run_id: runs = [''], session_id: sessions = [''], team: teams } = filters;
  if (!runs.includes('')) {
    const ofTeams = teams === undefined ? distinctTeamsSql('runs') : numbered(teams, runs.length);
    const condition = `team IN (${ofTeams}) AND run_id IN (${numbered(runs, 0)})`;
    return { sql: activityOfRunsSql(condition), values: [...runs, ...(teams ?? [])] };
  }
  // As the partial index says.
  return sessions.includes('') ? plain : { sql: SESSIONS_SQL, values: [] };
}

const SESSIONS_SQL = `(SELECT * FROM activity INDEXED BY activity_by_session WHERE session_id <> '')`;

function places(values: readonly string[]): string {
  return values.map(() => '?').join(', ');
}

/** Parameters for these values, from the one after `before` on. */
function numbered(values: readonly string[], before: number): string {
  return values.map((_, at) => `?${before + at + 1}`).join(', ');
}

/** A dimension in the words of the table; '' for none. */
function dimensionSql(segment: Segment, name: UsageDimension): string {
  if (segment.source !== 'records') return `"${name}"`;
  return name === 'model' ? RECORD_MODEL_SQL : `coalesce("${name}", '')`;
}

const COUNTS: ReadonlySet<string> = new Set(COUNT_NAMES);

function sumSql(segment: Segment, name: keyof UsageSums, includeEstimated: boolean): string {
  const sql = segment.source === 'records' ? RECORD_SUM_SQL[name] : name;
  return includeEstimated || !COUNTS.has(name) ? sql : `iif(usage_source = 'estimated', 0, ${sql})`;
}

function usageOfRow(row: readonly unknown[], { groupBy, chosen }: Asked): FoundRow {
  const dimensions: Partial<Record<UsageDimension, string | null>> = {};
  let at = 1;
  for (const name of groupBy) dimensions[name] = textAt(row, at++) || null;
  const found: FoundRow = { ...emptySums(), bucketStartMs: integerAt(row, 0), dimensions };
  readSums(found, row, { at, chosen });
  return found;
}

function byDimensions(a: UsageRow, b: UsageRow, groupBy: readonly UsageDimension[]): number {
  for (const name of groupBy) {
    const left = a.dimensions[name] ?? '';
    const right = b.dimensions[name] ?? '';
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
