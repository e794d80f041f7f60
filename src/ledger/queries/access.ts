import type { DatabaseSync } from 'node:sqlite';
import {
  type AccessDelta,
  AUDIT_TARGETS,
  type AuditFilter,
  type AuditPage,
  type AuditRow,
  type IdPage,
  type KeyFilter,
  type KeyRow,
  type LiveKey,
  type TeamRow,
} from '../access-book.ts';
import { KEY_SQL, keyOfRow, liveKeyOfRow, liveTeamOfRow, secretsOf, teamOfRow } from '../access-rows.ts';
import { isoTime } from '../iso-time.ts';
import { integer, jsonObjectOrNull, oneOf, type Row, text, textOrNull } from '../row-values.ts';

/** Teams that are not deleted, in the order of their ids. */
export function listTeams(database: DatabaseSync, page: IdPage): TeamRow[] {
  const statement = database.prepare('SELECT * FROM teams WHERE deleted_at IS NULL AND id > ? ORDER BY id LIMIT ?');
  return statement.all(page.afterId ?? '', page.limit).map(teamOfRow);
}

/** Keys in the order of their ids. */
export function listKeys(database: DatabaseSync, filter: KeyFilter, page: IdPage): KeyRow[] {
  const conditions = ['id > ?'];
  const values = [page.afterId ?? ''];
  if (filter.team !== null) {
    conditions.push('team = ?');
    values.push(filter.team);
  }
  if (!filter.includeRevoked) conditions.push('revoked_at IS NULL');
  const statement = database.prepare(`${KEY_SQL} WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT ?`);
  return statement.all(...values, page.limit).map((row) => keyOfRow(row, secretsOf(database, text(row, 'id'))));
}

/** Entries of the audit, the newest first. */
export function listAudit(database: DatabaseSync, filter: AuditFilter, page: AuditPage): AuditRow[] {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const where = (condition: string, value: string | number | null): void => {
    if (value === null) return;
    conditions.push(condition);
    values.push(value);
  };
  where('id < ?', page.beforeId);
  where('target_type = ?', filter.targetType);
  where('target_id = ?', filter.targetId);
  where('actor = ?', filter.actor);
  where('action = ?', filter.action);
  where('at >= ?', filter.startMs === null ? null : isoTime(filter.startMs));
  where('at < ?', filter.endMs === null ? null : isoTime(filter.endMs));
  const all = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return database
    .prepare(`SELECT * FROM audit ${all} ORDER BY id DESC LIMIT ?`)
    .all(...values, page.limit)
    .map(auditOfRow);
}

/** One answer is not to hold a thread for long. */
const ROWS_PER_DELTA = 1_000;

/**
 * Rows that changed after `version`. While nothing has, it is the reading of one row. From 0 on, keys that are revoked
 * are left out: nobody has ever known them.
 */
export function changesSince(database: DatabaseSync, version: number, nowMs: number): AccessDelta {
  const state = database.prepare('SELECT version FROM access_state').get();
  const newest = state ? integer(state, 'version') : 0;
  if (newest === version) return { version, more: false, keys: [], teams: [] };

  const keys = rowsAfter(database, 'keys', version);
  const teams = rowsAfter(database, 'teams', version);
  // A table whose page is full may have more rows above its last one: what is beyond that comes with the next answer.
  const through = Math.min(newest, ...[keys, teams].flatMap(lastOfFullPage));
  const isWithin = (row: Row): boolean => integer(row, 'version') <= through;
  const isNews = (row: Row): boolean => version > 0 || textOrNull(row, 'revoked_at') === null;
  return {
    version: through,
    more: through < newest,
    keys: keys.filter((row) => isWithin(row) && isNews(row)).map((row) => liveKey(database, row, nowMs)),
    teams: teams.filter(isWithin).map(liveTeamOfRow),
  };
}

function rowsAfter(database: DatabaseSync, table: 'keys' | 'teams', version: number): Row[] {
  const sql = `SELECT * FROM ${table} WHERE version > ? ORDER BY version LIMIT ${ROWS_PER_DELTA}`;
  return database.prepare(sql).all(version);
}

function lastOfFullPage(rows: readonly Row[]): number[] {
  const last = rows.at(-1);
  return last === undefined || rows.length < ROWS_PER_DELTA ? [] : [integer(last, 'version')];
}

function liveKey(database: DatabaseSync, row: Row, nowMs: number): LiveKey {
  const sql = 'SELECT digest, expires_at FROM key_secrets WHERE key_id = ? AND (expires_at IS NULL OR expires_at > ?)';
  const secrets = database.prepare(sql).all(text(row, 'id'), isoTime(nowMs));
  return liveKeyOfRow(
    row,
    secrets.map((secret) => ({ digest: text(secret, 'digest'), expires_at: textOrNull(secret, 'expires_at') })),
  );
}

function auditOfRow(row: Row): AuditRow {
  return {
    id: integer(row, 'id'),
    at: text(row, 'at'),
    actor: text(row, 'actor'),
    action: text(row, 'action'),
    target_type: oneOf(row, 'target_type', AUDIT_TARGETS),
    target_id: text(row, 'target_id'),
    team: textOrNull(row, 'team'),
    before: jsonObjectOrNull(row, 'before'),
    after: jsonObjectOrNull(row, 'after'),
    request_id: textOrNull(row, 'request_id'),
    address: textOrNull(row, 'address'),
  };
}
