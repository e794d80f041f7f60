import type { DatabaseSync } from 'node:sqlite';
import { firstIdAt } from '../../core/ids.ts';
import type { RecordFilter, RunKey } from '../ledger-reader.ts';
import { OPEN_CALLS_SQL } from '../open-calls.ts';
import type { CallRecord } from '../record.ts';
import { RECORD_COLUMNS_SQL, recordOfRow } from '../record-columns.ts';
import { RECORD_MODEL_SQL } from '../sums.ts';

const RECORD_SQL = `SELECT ${RECORD_COLUMNS_SQL} FROM records`;
const OPEN_CALL_SQL = `SELECT ${RECORD_COLUMNS_SQL} FROM ${OPEN_CALLS_SQL}`;

/** The answers whose own id is looked up later; the partial index `records_by_response` has the same list. */
const RESPONSES_ENDPOINTS: ReadonlySet<string> = new Set(['responses', 'responses/compact']);

/** Tells whether the record is of a Responses object that can be found by its own id. */
export function isResponsesRecord(record: CallRecord): boolean {
  return RESPONSES_ENDPOINTS.has(record.endpoint);
}

export function findRecord(database: DatabaseSync, id: string, team: string | null): CallRecord | null {
  const row =
    database.prepare(`${RECORD_SQL} WHERE id = ?`).get(id) ?? database.prepare(`${OPEN_CALL_SQL} WHERE id = ?`).get(id);
  const record = row ? recordOfRow(row) : null;
  return record !== null && (team === null || record.team === team) ? record : null;
}

/** The newest record of a Responses object of this id. */
export function findByUpstreamId(database: DatabaseSync, upstreamId: string, team: string | null): CallRecord | null {
  const statement = database.prepare(
    `${RECORD_SQL} WHERE upstream_id = ? AND endpoint IN ('responses', 'responses/compact')
      AND (? IS NULL OR team = ?) ORDER BY id DESC LIMIT 1`,
  );
  const row = statement.get(upstreamId, team, team);
  return row ? recordOfRow(row) : null;
}

/** The calls of a run that have an end, as they began. */
export function recordsOfRun(database: DatabaseSync, run: RunKey): CallRecord[] {
  const statement = database.prepare(
    `${RECORD_SQL} WHERE team = ? AND run_id = ? AND ending NOT IN ('in_flight', 'queued') ORDER BY id`,
  );
  return statement.all(run.team, run.runId).map(recordOfRow);
}

export interface RecordPage {
  readonly limit: number;
  readonly beforeId: string | null;
}

/** What narrows a list of records, in SQL. */
export interface RecordConditions {
  readonly conditions: string[];
  readonly values: string[];
}

/** The conditions of a filter. Times mean when a call began, by its id. */
export function recordConditions(filter: RecordFilter): RecordConditions {
  const conditions: string[] = [];
  const values: string[] = [];
  const where = (condition: string, value: string | null): void => {
    if (value === null) return;
    conditions.push(condition);
    values.push(value);
  };
  where('id >= ?', filter.startMs === null ? null : firstIdAt(filter.startMs));
  where('id < ?', filter.endMs === null ? null : firstIdAt(filter.endMs));
  where('team = ?', filter.team);
  where('key_id = ?', filter.keyId);
  where('run_id = ?', filter.runId);
  where('session_id = ?', filter.sessionId);
  where(`${RECORD_MODEL_SQL} = ?`, filter.model);
  where('ending = ?', filter.ending);
  return { conditions, values };
}

/** Lists records and calls in flight, the newest first. */
export function listRecords(database: DatabaseSync, filter: RecordFilter, page: RecordPage): CallRecord[] {
  const { conditions, values } = recordConditions(filter);
  if (page.beforeId !== null) {
    conditions.push('id < ?');
    values.push(page.beforeId);
  }
  const areOpen = filter.ending === 'in_flight' || filter.ending === 'queued';
  const where = conditions.length === 0 ? 'WHERE true' : `WHERE ${conditions.join(' AND ')}`;
  const read = (sql: string): CallRecord[] =>
    database
      .prepare(`${sql} ORDER BY id DESC LIMIT ?`)
      .all(...values, page.limit)
      .map(recordOfRow);

  const inFlight = filter.ending === null || filter.ending === 'in_flight' ? read(`${OPEN_CALL_SQL} ${where}`) : [];
  const records = areOpen
    ? read(`${RECORD_SQL} INDEXED BY records_open ${where} AND ending IN ('in_flight', 'queued')`)
    : read(`${RECORD_SQL} ${where}`);
  if (inFlight.length === 0) return records;
  return [...inFlight, ...records].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, page.limit);
}
