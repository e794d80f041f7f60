import type { DatabaseSync } from 'node:sqlite';
import { firstIdAt } from '../../core/ids.ts';
import { COUNT_NAMES } from '../../metering/usage.ts';
import type { Correction, RepricedRecord, RepricingPage, RepricingRange, SettledCorrection } from '../correction.ts';
import { isoTime } from '../iso-time.ts';
import type { RecordFilter } from '../ledger-reader.ts';
import { RECORD_COLUMNS_SQL, recordOfRow, usageOfRow } from '../record-columns.ts';
import { readKeptFrom } from '../retention.ts';
import { HOUR_MS } from '../rollups.ts';
import { integer, integerOrNull, type Row, text, textOrNull } from '../row-values.ts';
import type { RecordConditions } from './records.ts';

/** The cost that holds for one row of `records`: that of its latest correction, else its own. */
const CURRENT_COST_SQL = `coalesce(
  (SELECT cost_after_nano_usd FROM corrections WHERE record_id = records.id ORDER BY corrections.rowid DESC LIMIT 1),
  cost_nano_usd)`;

const COUNTS_SQL = COUNT_NAMES.map((name) => `"${name}"`).join(', ');
const OPEN = new Set(['in_flight', 'queued']);

/** The records of a range, bounded by how many are looked at and not by how many fit, so that every page is quick. */
export function recordsToReprice(
  database: DatabaseSync,
  range: RepricingRange,
  page: { afterId: string | null; limit: number },
): RepricingPage {
  // Ids make the range cheap. They may run away from the clock by a little where it was set back; the time decides.
  const conditions = ['id > ?', 'id < ?'];
  const values = [page.afterId ?? firstIdAt(range.startMs - HOUR_MS), firstIdAt(range.endMs + HOUR_MS)];
  if (range.team !== null) {
    conditions.push('team = ?');
    values.push(range.team);
  }
  const rows = database
    .prepare(
      `SELECT id, started_at, ending, team, upstream, request_model, response_model, service_tier, usage_source, details,
        ${COUNTS_SQL}, ${CURRENT_COST_SQL} AS current_cost
      FROM records WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT ?`,
    )
    .all(...values, page.limit);
  const last = rows.at(-1);
  return {
    records: rows.flatMap((row) => repricedRecordOf(row, range) ?? []),
    examined: rows.length,
    lastId: last === undefined || rows.length < page.limit ? null : text(last, 'id'),
    keptFromMs: readKeptFrom(database).records,
  };
}

function repricedRecordOf(row: Row, range: RepricingRange): RepricedRecord | null {
  const startedAt = text(row, 'started_at');
  if (startedAt < isoTime(range.startMs) || startedAt >= isoTime(range.endMs)) return null;
  const usage = text(row, 'usage_source') === 'missing' || OPEN.has(text(row, 'ending')) ? null : usageOfRow(row);
  if (usage === null) return null;
  return {
    id: text(row, 'id'),
    startedMs: Date.parse(startedAt),
    team: text(row, 'team'),
    upstream: text(row, 'upstream'),
    requestModel: textOrNull(row, 'request_model'),
    responseModel: textOrNull(row, 'response_model'),
    serviceTier: textOrNull(row, 'service_tier'),
    usage,
    costNanoUsd: integerOrNull(row, 'current_cost'),
  };
}

/** What of a correction `settledCorrectionsOf` reads. */
export const SETTLED_CORRECTION_SQL = `id, record_id, created_at, period, reason, actor, cost_before_nano_usd,
  cost_after_nano_usd, delta_nano_usd, price_id_before, price_id_after, team, key_id, run_id, upstream, model,
  record_started_at`;

/** Corrections in the order of their rows, each with its call where that is still there. */
export function settledCorrectionsOf(database: DatabaseSync, rows: readonly Row[]): SettledCorrection[] {
  const ids = JSON.stringify(rows.map((row) => text(row, 'record_id')));
  const found = database
    .prepare(`SELECT ${RECORD_COLUMNS_SQL} FROM records WHERE id IN (SELECT value FROM json_each(?))`)
    .all(ids);
  const records = new Map(found.map((row) => [text(row, 'id'), recordOfRow(row)]));
  return rows.map((row) => ({
    ...correctionOfRow(row),
    team: text(row, 'team'),
    key_id: text(row, 'key_id'),
    run_id: textOrNull(row, 'run_id'),
    upstream: text(row, 'upstream'),
    model: text(row, 'model'),
    record_started_at: text(row, 'record_started_at'),
    record: records.get(text(row, 'record_id')) ?? null,
  }));
}

/**
 * The conditions of a filter of records, for the corrections of the same records. Sessions and endings stand in the
 * records alone: once retention has removed those, such a filter does not find their corrections.
 */
export function correctionConditions(filter: RecordFilter): RecordConditions {
  const conditions: string[] = [];
  const values: string[] = [];
  const where = (condition: string, value: string | null): void => {
    if (value === null) return;
    conditions.push(condition);
    values.push(value);
  };
  where('record_id >= ?', filter.startMs === null ? null : firstIdAt(filter.startMs));
  where('record_id < ?', filter.endMs === null ? null : firstIdAt(filter.endMs));
  where('team = ?', filter.team);
  where('key_id = ?', filter.keyId);
  where('run_id = ?', filter.runId);
  where('model = ?', filter.model);
  const ofRecord = 'EXISTS (SELECT 1 FROM records WHERE records.id = corrections.record_id AND';
  where(`${ofRecord} records.session_id = ?)`, filter.sessionId);
  where(`${ofRecord} records.ending = ?)`, filter.ending);
  return { conditions, values };
}

const CORRECTION_COLUMNS = `id, record_id, created_at, period, reason, actor, cost_before_nano_usd, cost_after_nano_usd,
  delta_nano_usd, price_id_before, price_id_after`;

/** All corrections of some records, in the order in which they were made. */
export function correctionsOf(database: DatabaseSync, recordIds: readonly string[]): Correction[] {
  return database
    .prepare(
      `SELECT ${CORRECTION_COLUMNS} FROM corrections WHERE record_id IN (SELECT value FROM json_each(?)) ORDER BY rowid`,
    )
    .all(JSON.stringify(recordIds))
    .map(correctionOfRow);
}

function correctionOfRow(row: Row): Correction {
  return {
    id: text(row, 'id'),
    record_id: text(row, 'record_id'),
    created_at: text(row, 'created_at'),
    period: text(row, 'period'),
    reason: text(row, 'reason'),
    actor: text(row, 'actor'),
    cost_before_nano_usd: integerOrNull(row, 'cost_before_nano_usd'),
    cost_after_nano_usd: integer(row, 'cost_after_nano_usd'),
    delta_nano_usd: integer(row, 'delta_nano_usd'),
    price_id_before: textOrNull(row, 'price_id_before'),
    price_id_after: text(row, 'price_id_after'),
  };
}
