import type { DatabaseSync } from 'node:sqlite';
import type {
  AuditEntry,
  ChangeAuthor,
  ChangeOutcome,
  KeyChange,
  KeyRow,
  KeySettings,
  KeyUse,
  TeamChange,
  TeamRow,
} from './access-book.ts';
import { findKey, findTeam, SETTING_COLUMNS, settingValues } from './access-rows.ts';
import { inTransaction } from './database.ts';
import { isoTime } from './iso-time.ts';
import { integer } from './row-values.ts';

/** Who makes a change, and when. */
export interface ChangeMoment extends ChangeAuthor {
  readonly nowMs: number;
}

type Change<Name extends string, Of extends { readonly action: string }> = Extract<Of, { readonly action: Name }>;

/** Makes a change of a team with its audit, in one transaction. Must be called on the connection that writes. */
export function changeTeam(database: DatabaseSync, change: TeamChange, moment: ChangeMoment): ChangeOutcome<TeamRow> {
  return durably(database, () => {
    switch (change.action) {
      case 'create':
        return createTeam(database, change, moment);
      case 'update':
        return updateTeam(database, change, moment);
      case 'delete':
        return deleteTeam(database, change, moment);
    }
  });
}

/** Makes a change of a key with its audit, in one transaction. Must be called on the connection that writes. */
export function changeKey(database: DatabaseSync, change: KeyChange, moment: ChangeMoment): ChangeOutcome<KeyRow> {
  return durably(database, () => {
    switch (change.action) {
      case 'create':
        return createKey(database, change, moment);
      case 'update':
        return updateKey(database, change, moment);
      case 'rotate':
        return rotateKey(database, change, moment);
      case 'revoke':
        return revokeKey(database, change, moment);
    }
  });
}

/** Notes when keys were used last, in one transaction. Must be called on the connection that writes. */
export function noteUses(database: DatabaseSync, uses: readonly KeyUse[]): void {
  const sql = `INSERT INTO key_uses (key_id, last_used_at) VALUES (?, ?)
    ON CONFLICT (key_id) DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at)`;
  const statement = database.prepare(sql);
  inTransaction(database, () => {
    for (const { keyId, atMs } of uses) statement.run(keyId, isoTime(atMs));
  });
}

/** A revocation must survive a loss of power too, whatever the journal does for records. */
function durably<Result>(database: DatabaseSync, work: () => Result): Result {
  const row = database.prepare('PRAGMA synchronous').get();
  const before = row ? integer(row, 'synchronous') : 1;
  database.exec('PRAGMA synchronous = full');
  try {
    return inTransaction(database, work);
  } finally {
    database.exec(`PRAGMA synchronous = ${before}`);
  }
}

/** The row of a team that was deleted becomes that of the new one; what it was is in the audit. */
const INSERT_TEAM = `
INSERT INTO teams (id, name, limits, created_at, updated_at, deleted_at, version)
VALUES (:id, :name, :limits, :now, :now, NULL, :version)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, limits = excluded.limits, created_at = excluded.created_at,
  updated_at = excluded.updated_at, deleted_at = NULL, version = excluded.version`;

function createTeam(
  database: DatabaseSync,
  { id, settings }: Change<'create', TeamChange>,
  moment: ChangeMoment,
): ChangeOutcome<TeamRow> {
  const existing = findTeam(database, id);
  if (existing !== null && existing.deleted_at === null) return { kind: 'refused', why: 'exists' };
  database.prepare(INSERT_TEAM).run({
    id,
    name: settings.name,
    limits: JSON.stringify(settings.limits),
    now: isoTime(moment.nowMs),
    version: nextVersion(database),
  });
  return teamChanged(database, { action: 'team.create', id, before: null }, moment);
}

function updateTeam(
  database: DatabaseSync,
  { id, settings }: Change<'update', TeamChange>,
  moment: ChangeMoment,
): ChangeOutcome<TeamRow> {
  const before = findTeam(database, id);
  if (before === null || before.deleted_at !== null) return { kind: 'refused', why: 'not_found' };
  const after = { ...before, ...settings };
  if (JSON.stringify(after) === JSON.stringify(before)) return { kind: 'unchanged', row: before };
  const sql = 'UPDATE teams SET name = ?, limits = ?, updated_at = ?, version = ? WHERE id = ?';
  const now = isoTime(moment.nowMs);
  database.prepare(sql).run(after.name, JSON.stringify(after.limits), now, nextVersion(database), id);
  return teamChanged(database, { action: 'team.update', id, before }, moment);
}

function deleteTeam(
  database: DatabaseSync,
  { id }: Change<'delete', TeamChange>,
  moment: ChangeMoment,
): ChangeOutcome<TeamRow> {
  const before = findTeam(database, id);
  if (before === null || before.deleted_at !== null) return { kind: 'refused', why: 'not_found' };
  const key = database.prepare('SELECT 1 FROM keys WHERE team = ? AND revoked_at IS NULL LIMIT 1').get(id);
  if (key !== undefined) return { kind: 'refused', why: 'has_keys' };
  const now = isoTime(moment.nowMs);
  const sql = 'UPDATE teams SET deleted_at = ?, updated_at = ?, version = ? WHERE id = ?';
  database.prepare(sql).run(now, now, nextVersion(database), id);
  return teamChanged(database, { action: 'team.delete', id, before }, moment);
}

const KEY_COLUMNS = ['id', 'team', ...SETTING_COLUMNS, 'created_at', 'updated_at', 'version'];
const INSERT_KEY = `INSERT INTO keys (${KEY_COLUMNS.join(', ')}) VALUES (${KEY_COLUMNS.map(() => '?').join(', ')})`;

function createKey(
  database: DatabaseSync,
  change: Change<'create', KeyChange>,
  moment: ChangeMoment,
): ChangeOutcome<KeyRow> {
  const { id, team, settings } = change;
  if (findKey(database, id) !== null) return { kind: 'refused', why: 'exists' };
  if (change.makeTeam) {
    createTeam(database, { action: 'create', id: team, settings: { name: null, limits: [] } }, moment);
  }
  const now = isoTime(moment.nowMs);
  database.prepare(INSERT_KEY).run(id, team, ...settingValues(settings), now, now, nextVersion(database));
  addSecret(database, change, now);
  return keyChanged(database, { action: 'key.create', id, before: null }, moment);
}

const UPDATE_KEY = `UPDATE keys SET ${SETTING_COLUMNS.map((name) => `${name} = ?`).join(', ')},
  updated_at = ?, version = ? WHERE id = ?`;

function updateKey(
  database: DatabaseSync,
  { id, settings }: Change<'update', KeyChange>,
  moment: ChangeMoment,
): ChangeOutcome<KeyRow> {
  const before = findKey(database, id);
  if (before === null) return { kind: 'refused', why: 'not_found' };
  if (before.revoked_at !== null) return { kind: 'refused', why: 'revoked' };
  const after: KeySettings = { ...before, ...settings };
  if (JSON.stringify(after) === JSON.stringify(before)) return { kind: 'unchanged', row: before };
  const now = isoTime(moment.nowMs);
  database.prepare(UPDATE_KEY).run(...settingValues(after), now, nextVersion(database), id);
  return keyChanged(database, { action: 'key.update', id, before }, moment);
}

/** The secrets of before end when the grace does, unless they end earlier. */
const END_SECRETS = `UPDATE key_secrets SET expires_at = min(coalesce(expires_at, :end), :end) WHERE key_id = :id`;

function rotateKey(
  database: DatabaseSync,
  change: Change<'rotate', KeyChange>,
  moment: ChangeMoment,
): ChangeOutcome<KeyRow> {
  const { id } = change;
  const before = findKey(database, id);
  if (before === null) return { kind: 'refused', why: 'not_found' };
  if (before.revoked_at !== null) return { kind: 'refused', why: 'revoked' };
  database.prepare(END_SECRETS).run({ id, end: isoTime(moment.nowMs + change.graceMs) });
  addSecret(database, change, isoTime(moment.nowMs));
  touchKey(database, id, moment);
  return keyChanged(database, { action: 'key.rotate', id, before }, moment);
}

function revokeKey(
  database: DatabaseSync,
  { id }: Change<'revoke', KeyChange>,
  moment: ChangeMoment,
): ChangeOutcome<KeyRow> {
  const before = findKey(database, id);
  if (before === null) return { kind: 'refused', why: 'not_found' };
  if (before.revoked_at !== null) return { kind: 'unchanged', row: before };
  database.prepare('UPDATE keys SET revoked_at = ? WHERE id = ?').run(isoTime(moment.nowMs), id);
  touchKey(database, id, moment);
  return keyChanged(database, { action: 'key.revoke', id, before }, moment);
}

function touchKey(database: DatabaseSync, id: string, moment: ChangeMoment): void {
  const sql = 'UPDATE keys SET updated_at = ?, version = ? WHERE id = ?';
  database.prepare(sql).run(isoTime(moment.nowMs), nextVersion(database), id);
}

function addSecret(
  database: DatabaseSync,
  { id, secret }: Change<'create' | 'rotate', KeyChange>,
  createdAt: string,
): void {
  const sql = 'INSERT INTO key_secrets (digest, key_id, redacted_value, created_at) VALUES (?, ?, ?, ?)';
  database.prepare(sql).run(secret.digest, id, secret.redactedValue, createdAt);
}

function nextVersion(database: DatabaseSync): number {
  const row = database.prepare('UPDATE access_state SET version = version + 1 RETURNING version').get();
  if (row === undefined) throw new Error('The counter of changes is not there.');
  return integer(row, 'version');
}

interface AuditedChange<Row> {
  readonly action: string;
  readonly id: string;
  readonly before: Row | null;
}

function teamChanged(
  database: DatabaseSync,
  { action, id, before }: AuditedChange<TeamRow>,
  moment: ChangeMoment,
): ChangeOutcome<TeamRow> {
  const after = findTeam(database, id);
  if (after === null) throw new Error('The team that was just written is not there.');
  audit(database, { action, target: 'team', id, team: id, before, after }, moment);
  return { kind: 'changed', row: after };
}

function keyChanged(
  database: DatabaseSync,
  { action, id, before }: AuditedChange<KeyRow>,
  moment: ChangeMoment,
): ChangeOutcome<KeyRow> {
  const after = findKey(database, id);
  if (after === null) throw new Error('The key that was just written is not there.');
  audit(database, { action, target: 'key', id, team: after.team, before, after }, moment);
  return { kind: 'changed', row: after };
}

const AUDIT = `
INSERT INTO audit (at, actor, action, target_type, target_id, team, before, after, request_id, address)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Writes an entry of the audit. Must be called in the transaction that makes the change. */
export function audit(database: DatabaseSync, entry: AuditEntry, moment: ChangeMoment): void {
  database
    .prepare(AUDIT)
    .run(
      isoTime(moment.nowMs),
      moment.actor,
      entry.action,
      entry.target,
      entry.id,
      entry.team,
      entry.before === null ? null : JSON.stringify(entry.before),
      JSON.stringify(entry.after),
      moment.requestId,
      moment.address,
    );
}
