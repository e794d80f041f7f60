import type { DatabaseSync } from 'node:sqlite';
import { firstIdAt } from '../../core/ids.ts';
import type { RecordFilter, RunKey } from '../ledger-reader.ts';
import { OPEN_CALLS_SQL } from '../open-calls.ts';
import type { CallRecord } from '../record.ts';
import { RECORD_COLUMNS_SQL, recordOfRow } from '../record-columns.ts';
import { RECORD_MODEL_SQL } from '../sums.ts';
import { CALLS_OF_RUN_SQL, idsOfRunsSql, LATE_RECORDS_SQL, OPEN_RECORDS_SQL } from './run-calls.ts';

const RECORD_SQL = `SELECT ${RECORD_COLUMNS_SQL} FROM records`;
const OPEN_CALL_SQL = `SELECT ${RECORD_COLUMNS_SQL} FROM ${OPEN_CALLS_SQL}`;

/** Ids are ASCII. */
const AFTER_ALL_IDS = '\u{7f}';

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
    `${RECORD_SQL} WHERE id IN (${idsOfRunsSql('team = ?1 AND run_id = ?2')})
      AND ending NOT IN ('in_flight', 'queued') ORDER BY id`,
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
  const lists = sourcesOf(filter, page).map(({ table, ids, values: first = [] }) =>
    database
      .prepare(`${table} AND ${['true', ...conditions].join(' AND ')} ORDER BY ${ids} DESC LIMIT ?`)
      .all(...first, ...values, page.limit)
      .map(recordOfRow),
  );
  const [only = [], ...more] = lists.filter((list) => list.length > 0);
  if (more.length === 0) return only;
  const byId = new Map([only, ...more].flat().map((record) => [record.id, record]));
  return [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, page.limit);
}

interface Source {
  /** A SELECT that conditions can be added to. */
  readonly table: string;
  /** By which of its columns it is in the order of the ids. */
  readonly ids: string;
  readonly values?: readonly string[];
}

const IN_FLIGHT: Source = { table: `${OPEN_CALL_SQL} WHERE true`, ids: 'id' };
const QUEUED: Source = { table: `${RECORD_SQL} ${OPEN_RECORDS_SQL}`, ids: 'id' };
const LATE: Source = { table: `${RECORD_SQL} ${LATE_RECORDS_SQL}`, ids: 'id' };
const EVERY: Source = { table: `${RECORD_SQL} WHERE true`, ids: 'id' };

/**
 * Where the records are that a filter may fit; one may be in several. What is written meanwhile goes from each to those
 * behind it, so that none is missed where they are read one after the other.
 */
function sourcesOf({ ending, team, runId, startMs, endMs }: RecordFilter, { beforeId }: RecordPage): Source[] {
  if (ending === 'in_flight') return [IN_FLIGHT, QUEUED];
  if (ending === 'queued') return [QUEUED];
  const inFlight = ending === null ? [IN_FLIGHT] : [];
  if (team === null || runId === null) return [...inFlight, EVERY];
  const first = startMs === null ? '' : firstIdAt(startMs);
  const ends = [beforeId, endMs === null ? null : firstIdAt(endMs)].filter((id) => id !== null);
  const end = ends.sort()[0] ?? AFTER_ALL_IDS;
  const calls = {
    table: `SELECT ${RECORD_COLUMNS_SQL} FROM ${CALLS_OF_RUN_SQL}`,
    ids: 'call_id',
    values: [team, runId, first, end],
  };
  return [...inFlight, QUEUED, LATE, calls];
}
