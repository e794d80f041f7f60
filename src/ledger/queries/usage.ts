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
import { integer, type Row, text } from '../row-values.ts';
import { addSums, type MutableSums, RECORD_MODEL_SQL, RECORD_SUM_SQL, subtractSums } from '../sums.ts';
import { sumsOfRow, sumsSql } from './sum-columns.ts';
import { usageByName } from './usage-by-name.ts';
import { QUERY_BUCKET_MS, type Segment, segmentsOf, spanOf } from './usage-segments.ts';

/**
 * Sums by time bucket and dimensions, in the order of the buckets. Calls count where they began; only calls that have
 * an end count. The range is exact, or rounded to whole buckets where nothing finer is kept any more.
 */
export function usage(database: DatabaseSync, query: UsageQuery, nowMs: number): UsageRow[] {
  if (query.named !== undefined) return usageByName(database, query, query.named);
  const groupBy = USAGE_DIMENSIONS.filter((name) => query.groupBy.includes(name));
  const horizon = { nowMs, keptFrom: readKeptFrom(database) };
  const found = new Map<string, FoundRow>();
  for (const segment of segmentsOf(query, horizon)) {
    for (const row of readSource(database, segment, { ...query, groupBy })) addRow(found, row, groupBy);
  }
  return [...found.values()].sort((a, b) => a.bucketStartMs - b.bucketStartMs || byDimensions(a, b, groupBy));
}

/** The range that `usage` sums. */
export function usageSpan(database: DatabaseSync, query: UsageQuery, nowMs: number): UsageSpan {
  return spanOf(query, { nowMs, keptFrom: readKeptFrom(database) });
}

type FoundRow = MutableSums & Pick<UsageRow, 'bucketStartMs' | 'dimensions'>;

function addRow(found: Map<string, FoundRow>, row: UsageRow, groupBy: readonly UsageDimension[]): void {
  const key = groupKey(row, groupBy);
  const known = found.get(key);
  if (known === undefined) found.set(key, { ...row });
  else addSums(known, row);
}

function groupKey(row: UsageRow, groupBy: readonly UsageDimension[]): string {
  return JSON.stringify([row.bucketStartMs, ...groupBy.map((name) => row.dimensions[name])]);
}

function readSource(database: DatabaseSync, segment: Segment, query: UsageQuery): UsageRow[] {
  if (segment.source !== 'user_day') return readSegment(database, segment, query);
  const { user: users, ...filters } = query.filters;
  const named = readSegment(database, segment, query);
  if (users !== undefined && !users.includes('')) return named;
  return [...named, ...usageOfNobody(database, segment, { ...query, filters })];
}

/** The sums of calls that name no user: those of all calls, less those of calls that name one. */
function usageOfNobody(database: DatabaseSync, segment: Segment, query: UsageQuery): UsageRow[] {
  const groupBy = query.groupBy.filter((name) => name !== 'user');
  const sums = new Map<string, FoundRow>();
  for (const row of readSegment(database, { ...segment, source: 'usage_day' }, { ...query, groupBy })) {
    addRow(sums, row, groupBy);
  }
  for (const row of readSegment(database, segment, { ...query, groupBy })) {
    const all = sums.get(groupKey(row, groupBy));
    if (all !== undefined) subtractSums(all, row);
  }
  const isGrouped = query.groupBy.includes('user');
  return [...sums.values()]
    .filter((row) => row.records > 0)
    .map((row) => (isGrouped ? { ...row, dimensions: { ...row.dimensions, user: null } } : row));
}

function readSegment(database: DatabaseSync, segment: Segment, query: UsageQuery): UsageRow[] {
  const bucketMs = QUERY_BUCKET_MS[query.bucket];
  const conditions = new Conditions();
  restrictTime(conditions, segment);
  restrictDimensions(conditions, segment, query);

  const start = segment.source === 'records' ? 'unixepoch(started_at) * 1000' : 'bucket_start';
  const columns = query.groupBy.map((name) => `${dimensionSql(segment, name)} AS "d_${name}"`);
  const groups = ['at', ...query.groupBy.map((name) => `"d_${name}"`)];
  const table = tableSql(segment, query, conditions);
  const sql = `SELECT ${[`${start} / ${bucketMs} * ${bucketMs} AS at`, ...columns].join(', ')},
      ${sumsSql((name) => sumSql(segment, name, query.includeEstimated))}
    FROM ${table} WHERE ${conditions.sql.join(' AND ')} GROUP BY ${groups.join(', ')}`;
  return database
    .prepare(sql)
    .all(...conditions.values)
    .map((row) => usageOfRow(row, query.groupBy));
}

class Conditions {
  readonly sql: string[] = [];
  readonly values: (string | number)[] = [];

  add(sql: string, ...values: readonly (string | number)[]): void {
    this.sql.push(sql);
    this.values.push(...values);
  }
}

function restrictTime(conditions: Conditions, { source, startMs, endMs }: Segment): void {
  if (source !== 'records') {
    conditions.add('bucket_start >= ?', startMs);
    conditions.add('bucket_start < ?', endMs);
    return;
  }
  // Ids make the range cheap. They may run away from the clock by a little where it was set back; the time decides.
  conditions.add('id >= ?', firstIdAt(startMs - HOUR_MS));
  conditions.add('id < ?', firstIdAt(endMs + HOUR_MS));
  conditions.add('started_at >= ?', isoTime(startMs));
  conditions.add('started_at < ?', isoTime(endMs));
  conditions.add(`ending NOT IN ('in_flight', 'queued')`);
}

function restrictDimensions(conditions: Conditions, segment: Segment, query: UsageQuery): void {
  const { source } = segment;
  if (query.filters.team === undefined && source !== 'records') conditions.add(`team IN (${distinctTeamsSql(source)})`);
  for (const name of USAGE_DIMENSIONS) {
    const values = query.filters[name];
    if (values === undefined) continue;
    // The bare column lets the index of the runs be used; '' asks for calls that have no such value.
    const isPlain = source === 'records' && name !== 'model' && !values.includes('');
    const column = isPlain ? `"${name}"` : dimensionSql(segment, name);
    conditions.add(`${column} IN (${values.map(() => '?').join(', ')})`, ...values);
  }
}

/** The table, by way of its runs or sessions where only some of them are asked for. */
function tableSql({ source }: Segment, { filters }: UsageQuery, conditions: Conditions): string {
  if (source !== 'activity') return source;
  for (const [name, index] of ACTIVITY_INDEXES) {
    const values = filters[name];
    if (values === undefined || values.includes('')) continue;
    conditions.add(`${name} <> ''`); // as the partial index says
    return `${source} INDEXED BY ${index}`;
  }
  return source;
}

const ACTIVITY_INDEXES = [
  ['run_id', 'activity_by_run'],
  ['session_id', 'activity_by_session'],
] as const;

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

function usageOfRow(row: Row, groupBy: readonly UsageDimension[]): UsageRow {
  const dimensions: Partial<Record<UsageDimension, string | null>> = {};
  for (const name of groupBy) dimensions[name] = text(row, `d_${name}`) || null;
  return { ...sumsOfRow(row), bucketStartMs: integer(row, 'at'), dimensions };
}

function byDimensions(a: UsageRow, b: UsageRow, groupBy: readonly UsageDimension[]): number {
  for (const name of groupBy) {
    const left = a.dimensions[name] ?? '';
    const right = b.dimensions[name] ?? '';
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
