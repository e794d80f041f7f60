/**
 * What a key may be used for (standards.md 9). A scope says which door it opens, nothing of how much.
 *
 * - `inference`: calls to the proxied API
 * - `usage:read`: usage, runs, records and keys of its own team in the management API
 * - `metrics:read`: `GET /metrics`
 * - `admin:read`: everything that an administrator sees
 * - `admin:write`: everything that an administrator does
 */
export const SCOPES = ['inference', 'usage:read', 'metrics:read', 'admin:read', 'admin:write'] as const;
export type Scope = (typeof SCOPES)[number];

/** What a key may do when nothing is said of it; also what the client's own credential may in passthrough mode. */
export const DEFAULT_SCOPES: readonly Scope[] = ['inference', 'usage:read'];

export interface Permissions {
  readonly scopes: readonly Scope[];
  /** Models that calls may name, exact or globs; null: all. */
  readonly models: readonly string[] | null;
  /** Endpoints that may be called, exact or globs; null: all. */
  readonly endpoints: readonly string[] | null;
}

export const DEFAULT_PERMISSIONS: Permissions = { scopes: DEFAULT_SCOPES, models: null, endpoints: null };

/** Takes the scopes that this version knows. Others, of a newer version, open nothing here. */
export function knownScopes(scopes: readonly string[]): Scope[] {
  return SCOPES.filter((scope) => scopes.includes(scope));
}
