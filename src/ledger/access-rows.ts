import type { DatabaseSync } from 'node:sqlite';
import type { KeyRow, KeySettings, LimitRuleData, LiveKey, LiveTeam, SecretRow, TeamRow } from './access-book.ts';
import { integer, integerOrNull, jsonArray, jsonStrings, oneOf, type Row, text, textOrNull } from './row-values.ts';

/** Columns of `keys` that settings are written to, in the order of `settingValues`. */
export const SETTING_COLUMNS = [
  'name',
  'labels',
  'scopes',
  'models',
  'endpoints',
  'limits',
  'client_leaves',
  'usage_event',
  'unpriced_models',
  'requests_per_minute',
  'disabled',
  'expires_at',
] as const satisfies readonly (keyof KeySettings)[];

/** The settings of a key as values of those columns. */
export function settingValues(settings: KeySettings): (string | number | null)[] {
  return [
    settings.name,
    JSON.stringify(settings.labels),
    JSON.stringify(settings.scopes),
    settings.models === null ? null : JSON.stringify(settings.models),
    settings.endpoints === null ? null : JSON.stringify(settings.endpoints),
    JSON.stringify(settings.limits),
    settings.client_leaves,
    settings.usage_event,
    settings.unpriced_models,
    settings.requests_per_minute,
    settings.disabled ? 1 : 0,
    settings.expires_at,
  ];
}

export function teamOfRow(row: Row): TeamRow {
  return {
    id: text(row, 'id'),
    name: textOrNull(row, 'name'),
    limits: rules(row),
    created_at: text(row, 'created_at'),
    updated_at: text(row, 'updated_at'),
    deleted_at: textOrNull(row, 'deleted_at'),
  };
}

export function keyOfRow(row: Row, secrets: readonly SecretRow[]): KeyRow {
  return {
    id: text(row, 'id'),
    team: text(row, 'team'),
    ...settingsOfRow(row),
    created_at: text(row, 'created_at'),
    updated_at: text(row, 'updated_at'),
    revoked_at: textOrNull(row, 'revoked_at'),
    last_used_at: textOrNull(row, 'last_used_at'),
    secrets,
  };
}

/** @param digests the secrets that still hold; those of a revoked key do not matter any more */
export function liveKeyOfRow(row: Row, digests: LiveKey['secrets']): LiveKey {
  const { name: _name, ...settings } = settingsOfRow(row);
  return {
    id: text(row, 'id'),
    team: text(row, 'team'),
    ...settings,
    revoked_at: textOrNull(row, 'revoked_at'),
    secrets: digests,
  };
}

export function liveTeamOfRow(row: Row): LiveTeam {
  return { id: text(row, 'id'), limits: rules(row), deleted_at: textOrNull(row, 'deleted_at') };
}

export function secretOfRow(row: Row): SecretRow {
  return {
    redacted_value: text(row, 'redacted_value'),
    created_at: text(row, 'created_at'),
    expires_at: textOrNull(row, 'expires_at'),
  };
}

/** Rows of `keyOfRow`; conditions follow. */
export const KEY_SQL = 'SELECT keys.*, last_used_at FROM keys LEFT JOIN key_uses ON key_id = id';

/** A key with its secrets, revoked or not; null where there never was one. */
export function findKey(database: DatabaseSync, id: string): KeyRow | null {
  const row = database.prepare(`${KEY_SQL} WHERE id = ?`).get(id);
  return row ? keyOfRow(row, secretsOf(database, id)) : null;
}

/** The secrets of a key, the oldest first. */
export function secretsOf(database: DatabaseSync, keyId: string): SecretRow[] {
  const statement = database.prepare('SELECT * FROM key_secrets WHERE key_id = ? ORDER BY created_at, rowid');
  return statement.all(keyId).map(secretOfRow);
}

/** A team, deleted or not; null where there never was one. */
export function findTeam(database: DatabaseSync, id: string): TeamRow | null {
  const row = database.prepare('SELECT * FROM teams WHERE id = ?').get(id);
  return row ? teamOfRow(row) : null;
}

function settingsOfRow(row: Row): KeySettings {
  return {
    name: textOrNull(row, 'name'),
    labels: jsonStrings(row, 'labels'),
    scopes: texts(row, 'scopes'),
    models: textsOrNull(row, 'models'),
    endpoints: textsOrNull(row, 'endpoints'),
    limits: rules(row),
    client_leaves: choiceOrNull(row, 'client_leaves', ['drain', 'abort']),
    usage_event: choiceOrNull(row, 'usage_event', ['hide', 'pass']),
    unpriced_models: choiceOrNull(row, 'unpriced_models', ['allow', 'refuse']),
    requests_per_minute: integerOrNull(row, 'requests_per_minute'),
    disabled: integer(row, 'disabled') === 1,
    expires_at: textOrNull(row, 'expires_at'),
  };
}

function choiceOrNull<Value extends string>(row: Row, name: string, allowed: readonly Value[]): Value | null {
  return textOrNull(row, name) === null ? null : oneOf(row, name, allowed);
}

function textsOrNull(row: Row, name: string): string[] | null {
  return textOrNull(row, name) === null ? null : texts(row, name);
}

function texts(row: Row, name: string): string[] {
  return jsonArray(row, name).filter((value) => typeof value === 'string');
}

function rules(row: Row): LimitRuleData[] {
  return jsonArray(row, 'limits').filter(isRule);
}

/** One measure with its number, words, flags, and shares of the limit. */
function isRule(value: unknown): value is LimitRuleData {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every(
    (member) => Array.isArray(member) || ['string', 'number', 'boolean'].includes(typeof member),
  );
}
