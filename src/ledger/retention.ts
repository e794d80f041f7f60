import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstIdAt } from '../core/ids.ts';
import { inTransaction } from './database.ts';
import { distinctTeams } from './distinct-teams.ts';
import type { PruneResult } from './journal-messages.ts';
import { passedByAllSinks, pruneOutbox, UNDELIVERED_KEPT_MS } from './outbox-rows.ts';
import { BUCKET_MS, DAY_MS, floorTo, HOUR_MS } from './rollups.ts';
import { integer, integerOrNull, text, textOrNull } from './row-values.ts';

/** Minute and hour roll-ups are for looking closely at the near past; the day rows stay for ever (standards.md 11.3). */
const MINUTES_KEPT_MS = 8 * DAY_MS;
const HOURS_KEPT_MS = 400 * DAY_MS;

const RECORDS_PER_STEP = 500;
/**
 * After each step three times as long as it took belongs to others: a retention that was made shorter has millions of
 * records to delete at once, on the thread that books calls and the core that they have.
 */
const REST_PER_STEP = 3;

export interface PruneOptions {
  /** Records that began before this are deleted; null keeps all. */
  readonly beforeMs: number | null;
  readonly nowMs: number;
  /** Ends it after a step. What is left is deleted by the next one. */
  readonly signal: AbortSignal;
}

/**
 * Deletes what is older than its retention, in small transactions with a rest between them, so that neither commits nor
 * bookings of running calls are kept waiting. Open calls are never deleted, and what day roll-ups, runs and
 * sessions say does not change. Records that a sink still waits for stay for up to `UNDELIVERED_KEPT_MS` longer.
 */
export async function prune(database: DatabaseSync, options: PruneOptions): Promise<PruneResult> {
  const { signal } = options;
  const deleted = { records: 0, undelivered: 0, minuteRows: 0, hourRows: 0 };
  let beganAtMs = performance.now();
  for (const step of stepsOf(database, options)) {
    for (const name of KINDS) deleted[name] += step[name] ?? 0;
    await sleep((performance.now() - beganAtMs) * REST_PER_STEP, null, { signal }).catch(() => null);
    if (signal.aborted) break;
    beganAtMs = performance.now();
  }
  return deleted;
}

const KINDS = ['records', 'undelivered', 'minuteRows', 'hourRows'] as const satisfies (keyof PruneResult)[];

/** Each step is a transaction, and says what it has deleted. */
type Steps = Generator<Partial<PruneResult>, void>;

function* stepsOf(database: DatabaseSync, { beforeMs, nowMs }: PruneOptions): Steps {
  pruneOutbox(database, nowMs);
  if (beforeMs !== null) yield* pruneRecords(database, beforeMs);
  for (const rows of pruneBuckets(database, 'usage_minute', nowMs - MINUTES_KEPT_MS)) yield { minuteRows: rows };
  for (const rows of pruneBuckets(database, 'usage_hour', nowMs - HOURS_KEPT_MS)) yield { hourRows: rows };
}

export type PrunedTable = 'records' | 'usage_minute' | 'usage_hour';

/** From when on each table has everything, in Unix milliseconds; 0 where nothing was ever deleted. */
export function readKeptFrom(database: DatabaseSync): Record<PrunedTable, number> {
  const kept = new Map<string, number>();
  for (const row of database.prepare('SELECT table_name, from_ms FROM kept_from').all()) {
    kept.set(text(row, 'table_name'), integer(row, 'from_ms'));
  }
  const keptFrom = (table: PrunedTable): number => kept.get(table) ?? 0;
  return {
    records: keptFrom('records'),
    usage_minute: keptFrom('usage_minute'),
    usage_hour: keptFrom('usage_hour'),
  };
}

/** Written before anything is deleted, so that no reader takes what is left for the whole. */
function writeKeptFrom(database: DatabaseSync, table: PrunedTable, fromMs: number): void {
  const sql = `INSERT INTO kept_from (table_name, from_ms) VALUES (?, ?)
    ON CONFLICT (table_name) DO UPDATE SET from_ms = max(from_ms, excluded.from_ms)`;
  database.prepare(sql).run(table, fromMs);
}

function* pruneRecords(database: DatabaseSync, beforeMs: number): Steps {
  writeKeptFrom(database, 'records', beforeMs);
  const stepEnd = database.prepare(
    `SELECT max(id) AS last_id FROM (SELECT id FROM records WHERE id > ? AND id < ? ORDER BY id LIMIT ${RECORDS_PER_STEP})`,
  );
  const isOver = `id > ? AND id <= ? AND ending NOT IN ('in_flight', 'queued')
    AND (settlement IS NULL OR settlement <= ? OR id < ?)`;
  const deleteStep = database.prepare(`DELETE FROM records WHERE ${isOver}`);
  const deleteOfRuns = database.prepare(
    `DELETE FROM run_calls WHERE (team, run_id, id) IN
      (SELECT team, run_id, id FROM records WHERE ${isOver} AND run_id IS NOT NULL)`,
  );
  const countUndelivered = database.prepare(
    'SELECT count(*) AS rows FROM records WHERE id > ? AND id <= ? AND id < ? AND settlement > ?',
  );
  const before = firstIdAt(beforeMs);
  const keptFrom = firstIdAt(beforeMs - UNDELIVERED_KEPT_MS);
  const passed = passedByAllSinks(database) ?? Number.MAX_SAFE_INTEGER;
  let after = '';
  for (;;) {
    const row = stepEnd.get(after, before);
    const last = row ? textOrNull(row, 'last_id') : null;
    if (last === null) return;
    const lost = countUndelivered.get(after, last, keptFrom, passed);
    const records = inTransaction(database, () => {
      deleteOfRuns.run(after, last, passed, keptFrom);
      return Number(deleteStep.run(after, last, passed, keptFrom).changes);
    });
    yield { records, undelivered: lost ? integer(lost, 'rows') : 0 };
    after = last;
  }
}

/**
 * Steps of one hour of buckets of one team: the key's order, so that each step touches neighbouring rows. Gives how many
 * each has deleted.
 */
function* pruneBuckets(
  database: DatabaseSync,
  table: 'usage_minute' | 'usage_hour',
  beforeMs: number,
): Generator<number, void> {
  const oldest = database.prepare(
    `SELECT min(bucket_start) AS oldest FROM ${table} WHERE team = ? AND bucket_start < ?`,
  );
  const deleteStep = database.prepare(`DELETE FROM ${table} WHERE team = ? AND bucket_start >= ? AND bucket_start < ?`);
  const fromMs = -floorTo(-beforeMs, BUCKET_MS[table]);
  writeKeptFrom(database, table, fromMs);
  for (const team of distinctTeams(database, table)) {
    for (;;) {
      const row = oldest.get(team, fromMs);
      const start = row ? integerOrNull(row, 'oldest') : null;
      if (start === null) break;
      yield Number(deleteStep.run(team, start, Math.min(start + HOUR_MS, fromMs)).changes);
    }
  }
}
