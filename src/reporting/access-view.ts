import type { KeyRow, KeySettings, SecretRow, TeamRow, TeamSettings } from '../ledger/access-book.ts';

/** A key of the configuration file, as far as it may be shown. */
export interface FileKey extends KeySettings {
  readonly id: string;
  readonly team: string;
  readonly redacted_value: string;
}

/** A team that the configuration file lists, or that one of its keys names. */
export interface FileTeam extends TeamSettings {
  readonly id: string;
}

/** A team as the API gives it. Times are null where the file has it. */
export interface TeamView extends TeamSettings {
  readonly id: string;
  readonly source: 'api' | 'file';
  readonly created_at: string | null;
  readonly updated_at: string | null;
}

/** A key as the API gives it: never with a secret. */
export interface KeyView extends KeySettings {
  readonly id: string;
  readonly team: string;
  readonly source: 'api' | 'file';
  readonly status: 'active' | 'disabled' | 'expired' | 'revoked';
  readonly created_at: string | null;
  readonly updated_at: string | null;
  readonly revoked_at: string | null;
  /** Known to the minute; null where it was never used, and of keys of the file. */
  readonly last_used_at: string | null;
  /** What may be shown of the newest secret. */
  readonly redacted_value: string;
  /** The secrets that are valid now, the oldest first; two while one replaces another. */
  readonly secrets: readonly SecretRow[];
}

export function viewTeam(team: TeamRow): TeamView {
  const { id, name, limits, created_at, updated_at } = team;
  return { id, name, limits, source: 'api', created_at, updated_at };
}

export function viewFileTeam({ id, name, limits }: FileTeam): TeamView {
  return { id, name, limits, source: 'file', created_at: null, updated_at: null };
}

export function viewKey(
  { id, team, secrets, created_at, updated_at, revoked_at, last_used_at, ...settings }: KeyRow,
  nowMs: number,
): KeyView {
  const valid = revoked_at === null ? secrets.filter((secret) => !isPast(secret.expires_at, nowMs)) : [];
  return {
    id,
    team,
    source: 'api',
    status: revoked_at === null ? statusOf(settings, nowMs) : 'revoked',
    ...settings,
    created_at,
    updated_at,
    revoked_at,
    last_used_at,
    redacted_value: secrets.at(-1)?.redacted_value ?? '',
    secrets: valid,
  };
}

export function viewFileKey({ id, team, redacted_value, ...settings }: FileKey, nowMs: number): KeyView {
  const times = { created_at: null, updated_at: null, revoked_at: null, last_used_at: null };
  const status = statusOf(settings, nowMs);
  return { id, team, source: 'file', status, ...settings, ...times, redacted_value, secrets: [] };
}

function statusOf(settings: KeySettings, nowMs: number): 'active' | 'disabled' | 'expired' {
  if (settings.disabled) return 'disabled';
  return isPast(settings.expires_at, nowMs) ? 'expired' : 'active';
}

function isPast(time: string | null, nowMs: number): boolean {
  return time !== null && Date.parse(time) <= nowMs;
}
