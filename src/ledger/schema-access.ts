/**
 * Teams, keys and the audit of their changes.
 *
 * - Secrets are here as HMACs only. A key has several while one replaces another (standards.md 9, "Rotation with overlap").
 * - A key that is revoked and a team that is deleted stay as rows, because records name them.
 * - `version` of a row is the number of the change that touched it last, out of `access_state`: who has seen everything
 *   up to a number asks for the rows above it.
 * - When a key was used last is no change of it and has a table of its own.
 * - The audit can be added to and nothing else, whoever writes.
 */
export const SCHEMA_ACCESS = `
CREATE TABLE teams (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT,
  limits TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  deleted_at TEXT,
  version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX teams_by_version ON teams (version);

CREATE TABLE keys (
  id TEXT PRIMARY KEY NOT NULL,
  team TEXT NOT NULL,
  name TEXT,
  labels TEXT NOT NULL,
  scopes TEXT NOT NULL,
  models TEXT,
  endpoints TEXT,
  limits TEXT NOT NULL,
  client_leaves TEXT,
  usage_event TEXT,
  unpriced_models TEXT,
  requests_per_minute INTEGER,
  disabled INTEGER NOT NULL,
  expires_at TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  revoked_at TEXT,
  version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX keys_by_version ON keys (version);
CREATE INDEX keys_by_team ON keys (team, id);

CREATE TABLE key_secrets (
  digest TEXT PRIMARY KEY NOT NULL,
  key_id TEXT NOT NULL,
  redacted_value TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT
) STRICT;
CREATE INDEX key_secrets_by_key ON key_secrets (key_id, created_at);

CREATE TABLE key_uses (
  key_id TEXT PRIMARY KEY NOT NULL,
  last_used_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE access_state (
  one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
  version INTEGER NOT NULL
) STRICT;
INSERT INTO access_state VALUES (1, 0);

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  target_type TEXT NOT NULL,
  target_id TEXT NOT NULL,
  team TEXT,
  before TEXT,
  after TEXT,
  request_id TEXT,
  address TEXT
) STRICT;
CREATE INDEX audit_by_target ON audit (target_type, target_id, id);
CREATE INDEX audit_by_time ON audit (at, id);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
`;
