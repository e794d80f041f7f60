import type { DatabaseSync } from 'node:sqlite';
import { firstIdAt } from '../../core/ids.ts';
import { COUNT_NAMES } from '../../metering/usage.ts';
import { isoTime } from '../iso-time.ts';
import {
  type NamedDimension,
  type NamedDimensions,
  USAGE_DIMENSIONS,
  type UsageDimension,
  type UsageQuery,
  type UsageRow,
  type UsageSums,
} from '../ledger-reader.ts';
import { HOUR_MS } from '../rollups.ts';
import { integer, type Row, text, textOrNull } from '../row-values.ts';
import { RECORD_MODEL_SQL, RECORD_SUM_SQL } from '../sums.ts';
import { sumsOfRow, sumsSql } from './sum-columns.ts';
import { QUERY_BUCKET_MS } from './usage-segments.ts';

/**
 * Sums by tags of calls and labels of keys. No roll-up knows them, since every call would pay for theirs: the records of
 * the range are read one by one. Whoever asks sees to it that they are not too many.
 */
export function usageByName(database: DatabaseSync, query: UsageQuery, named: NamedDimensions): UsageRow[] {
  const bucketMs = QUERY_BUCKET_MS[query.bucket];
  const plain = query.groupBy.map((name, at) => `${dimensionSql(name)} AS plain_${at}`);
  const names = named.groupBy.map((dimension, at) => `${namedSql(dimension)} AS named_${at}`);
  const groups = ['at', ...query.groupBy.map((_, at) => `plain_${at}`), ...named.groupBy.map((_, at) => `named_${at}`)];
  const conditions = [...timeConditions(query), ...dimensionConditions(query), ...namedConditions(named)];
  const sql = `SELECT ${[`unixepoch(started_at) * 1000 / ${bucketMs} * ${bucketMs} AS at`, ...plain, ...names].join(', ')},
      ${sumsSql((name) => sumSql(name, query.includeEstimated))}
    FROM records WHERE ${conditions.map((condition) => condition.sql).join(' AND ')}
    GROUP BY ${groups.join(', ')} ORDER BY ${groups.join(', ')}`;
  const values = [...named.groupBy.map(keyOf), ...conditions.flatMap((condition) => condition.values)];
  return database
    .prepare(sql)
    .all(...values)
    .map((row) => usageOfRow(row, query.groupBy, named.groupBy));
}

interface Condition {
  readonly sql: string;
  readonly values: readonly string[];
}

/** Ids make the range cheap. They may run away from the clock by a little where it was set back; the time decides. */
function timeConditions({ startMs, endMs }: UsageQuery): Condition[] {
  return [
    { sql: 'id >= ?', values: [firstIdAt(startMs - HOUR_MS)] },
    { sql: 'id < ?', values: [firstIdAt(endMs + HOUR_MS)] },
    { sql: 'started_at >= ?', values: [isoTime(startMs)] },
    { sql: 'started_at < ?', values: [isoTime(endMs)] },
    { sql: `ending NOT IN ('in_flight', 'queued')`, values: [] },
  ];
}

function dimensionConditions({ filters }: UsageQuery): Condition[] {
  return USAGE_DIMENSIONS.flatMap((name) => {
    const values = filters[name];
    return values === undefined ? [] : [{ sql: `${dimensionSql(name)} IN (${places(values)})`, values }];
  });
}

function namedConditions({ filters }: NamedDimensions): Condition[] {
  return filters.map(({ dimension, values }) => ({
    sql: `${namedSql(dimension)} IN (${places(values)})`,
    values: [keyOf(dimension), ...values],
  }));
}

function places(values: readonly string[]): string {
  return values.map(() => '?').join(', ');
}

/** '' for none. */
function dimensionSql(name: UsageDimension): string {
  return name === 'model' ? RECORD_MODEL_SQL : `coalesce("${name}", '')`;
}

/** The value of one tag or label, whose name is the parameter; null for none. Names are free text, so no path is made of them. */
function namedSql(dimension: NamedDimension): string {
  const column = dimension.startsWith('tag.') ? 'tags' : 'labels';
  return `iif(${column} = '{}', NULL, (SELECT value FROM json_each(records.${column}) WHERE key = ?))`;
}

/** The name of the tag or label itself. */
function keyOf(dimension: NamedDimension): string {
  return dimension.slice(dimension.indexOf('.') + 1);
}

const COUNTS: ReadonlySet<string> = new Set(COUNT_NAMES);

function sumSql(name: keyof UsageSums, includeEstimated: boolean): string {
  const sql = RECORD_SUM_SQL[name];
  return includeEstimated || !COUNTS.has(name) ? sql : `iif(usage_source = 'estimated', 0, ${sql})`;
}

function usageOfRow(row: Row, groupBy: readonly UsageDimension[], namedGroupBy: readonly NamedDimension[]): UsageRow {
  const dimensions: Partial<Record<UsageDimension, string | null>> = {};
  for (const [at, name] of groupBy.entries()) dimensions[name] = text(row, `plain_${at}`) || null;
  const named = Object.fromEntries(namedGroupBy.map((name, at) => [name, textOrNull(row, `named_${at}`)]));
  return { ...sumsOfRow(row), bucketStartMs: integer(row, 'at'), dimensions, named };
}
