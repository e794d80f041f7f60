import { USAGE_DIMENSIONS, type UsageDimension, type UsageQuery, type UsageSpan } from '../ledger-reader.ts';
import type { PrunedTable } from '../retention.ts';
import { BUCKET_MS, DAY_MS, floorTo, HOUR_MS, MINUTE_MS } from '../rollups.ts';

/**
 * Which tables answer a question of usage. The middle of its time range is read from the coarsest table that knows its
 * dimensions and is no coarser than its buckets; what is left at the two ends comes from finer tables, so that a range
 * that begins at half past ten is exact, and still costs as many rows as it has days.
 */
export type UsageTable = keyof typeof BUCKET_MS;
export interface Segment {
  readonly source: UsageTable | 'records';
  readonly startMs: number;
  readonly endMs: number;
}

export interface Horizon {
  readonly nowMs: number;
  /** From when on the tables have everything. Tables of days are kept for ever. */
  readonly keptFrom: Readonly<Record<PrunedTable, number>>;
}

export const QUERY_BUCKET_MS = { '1m': MINUTE_MS, '1h': HOUR_MS, '1d': DAY_MS } as const;

/** Each table knows all dimensions but these. */
const UNKNOWN_TO_USAGE: ReadonlySet<UsageDimension> = new Set(['run_id', 'session_id', 'agent', 'user']);
const UNKNOWN_TO_USERS: ReadonlySet<UsageDimension> = new Set(['run_id', 'session_id', 'agent']);
const UNKNOWN_TO_AGENTS: ReadonlySet<UsageDimension> = new Set([
  'run_id',
  'session_id',
  'user',
  'endpoint',
  'service_tier',
]);
const UNKNOWN_TO_ACTIVITY: ReadonlySet<UsageDimension> = new Set(['endpoint', 'service_tier', 'user']);

/** Cuts the range of the query into segments, none overlapping, in no order. */
export function segmentsOf(query: UsageQuery, horizon: Horizon): Segment[] {
  return cut(query, ladderOf(query), horizon);
}

/** The tables that can answer, coarse to fine. */
function ladderOf(query: UsageQuery): readonly Segment['source'][] {
  const used = USAGE_DIMENSIONS.filter((name) => query.groupBy.includes(name) || query.filters[name] !== undefined);
  if (!used.some((name) => UNKNOWN_TO_USAGE.has(name))) {
    const usage = ['usage_day', 'usage_hour', 'usage_minute', 'records'] as const;
    return usage.slice(query.bucket === '1d' ? 0 : query.bucket === '1h' ? 1 : 2);
  }
  if (query.bucket !== '1d') return ['records'];
  if (!used.some((name) => UNKNOWN_TO_USERS.has(name))) return ['user_day', 'records'];
  if (!used.some((name) => UNKNOWN_TO_AGENTS.has(name))) return ['agent_day', 'records'];
  if (!used.some((name) => UNKNOWN_TO_ACTIVITY.has(name))) return ['activity', 'records'];
  return ['records'];
}

/** The range that the answer to a query is of. It is wider than what was asked where nothing finer is kept any more. */
export function spanOf(query: UsageQuery, horizon: Horizon): UsageSpan {
  const asked = { startMs: query.startMs, endMs: query.endMs };
  const segments = segmentsOf(query, horizon).sort((a, b) => a.startMs - b.startMs);
  const [first, last] = [segments[0], segments.at(-1)];
  const recordsKeptFromMs = horizon.keptFrom.records;
  if (first === undefined || last === undefined) {
    return { ...asked, startUnit: query.bucket, endUnit: query.bucket, recordsKeptFromMs };
  }
  // After now nothing has happened: what ends there is as wide as asked.
  const endMs = asked.endMs >= horizon.nowMs ? asked.endMs : last.endMs;
  return { startMs: first.startMs, endMs, startUnit: unitOf(first), endUnit: unitOf(last), recordsKeptFromMs };
}

function unitOf({ source }: Segment): UsageQuery['bucket'] {
  if (source === 'records') return '1m';
  const unit = BUCKET_MS[source];
  return unit === DAY_MS ? '1d' : unit === HOUR_MS ? '1h' : '1m';
}

interface Range {
  readonly startMs: number;
  readonly endMs: number;
}

function cut(range: Range, ladder: readonly Segment['source'][], horizon: Horizon): Segment[] {
  const [source, ...finer] = ladder;
  if (source === undefined || range.startMs >= range.endMs) return [];
  if (source === 'records') return [{ source, startMs: range.startMs, endMs: range.endMs }];
  const unit = BUCKET_MS[source];

  // Rows of this table that are not kept any more may still be there as records.
  const keptMs = keptFrom(source, horizon);
  if (range.startMs < keptMs) {
    const edge = Math.min(keptMs, range.endMs);
    return [...cut({ ...range, endMs: edge }, finer, horizon), ...cut({ ...range, startMs: edge }, ladder, horizon)];
  }

  const start = wholeStart(range.startMs, { unit, finer, horizon });
  const end = wholeEnd(range.endMs, { unit, finer, horizon });
  if (start >= end) return cut(range, finer, horizon);
  return [
    ...cut({ startMs: range.startMs, endMs: start }, finer, horizon),
    { source, startMs: start, endMs: end },
    ...cut({ startMs: end, endMs: range.endMs }, finer, horizon),
  ];
}

interface Edge {
  readonly unit: number;
  readonly finer: readonly Segment['source'][];
  readonly horizon: Horizon;
}

/** Where whole buckets begin. An end that no finer table can give is rounded outwards to a whole bucket. */
function wholeStart(ms: number, edge: Edge): number {
  const inside = -floorTo(-ms, edge.unit);
  return ms >= oldestIn(edge) ? inside : floorTo(ms, edge.unit);
}

/** Where whole buckets end. After now nothing has happened, so the bucket of now is whole. */
function wholeEnd(ms: number, edge: Edge): number {
  const inside = floorTo(ms, edge.unit);
  const fromFiner = inside >= oldestIn(edge) && ms < edge.horizon.nowMs;
  return fromFiner ? inside : -floorTo(-ms, edge.unit);
}

/** From when on the finer tables have everything. */
function oldestIn({ finer, horizon }: Edge): number {
  return Math.min(...finer.map((source) => keptFrom(source, horizon)));
}

function keptFrom(source: Segment['source'], horizon: Horizon): number {
  return source === 'records' || source === 'usage_minute' || source === 'usage_hour' ? horizon.keptFrom[source] : 0;
}
