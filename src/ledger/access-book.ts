/**
 * Teams and keys that are made over the management API, and the audit of their changes and all others. Those of the
 * configuration file are not here.
 *
 * Everything here is data: whether a scope, a pattern or a rule makes sense is for others to say.
 */
export interface AccessBook {
  /** A team that is not deleted. */
  team(id: string): Promise<TeamRow | null>;
  /** Teams that are not deleted, in the order of their ids. */
  teams(page: IdPage): Promise<TeamRow[]>;
  /** A key, revoked ones too. */
  key(id: string): Promise<KeyRow | null>;
  /** Keys in the order of their ids. */
  keys(filter: KeyFilter, page: IdPage): Promise<KeyRow[]>;
  /** The newest entry first. */
  audit(filter: AuditFilter, page: AuditPage): Promise<AuditRow[]>;

  /**
   * Makes a change and writes its entry of the audit, in one transaction that has been committed when this resolves.
   * Rejects with `ledger_unavailable` where it could not be; then nothing has changed.
   */
  changeTeam(change: TeamChange, author: ChangeAuthor): Promise<ChangeOutcome<TeamRow>>;
  changeKey(change: KeyChange, author: ChangeAuthor): Promise<ChangeOutcome<KeyRow>>;

  /**
   * Writes an entry of the audit for a change that is not made in the ledger; one that is has its entry in its own
   * transaction.
   */
  noteChange(entry: AuditEntry, author: ChangeAuthor): Promise<void>;

  /** Notes when keys were used last. A time before the one that is known changes nothing. */
  noteUses(uses: readonly KeyUse[]): Promise<void>;

  /** What has changed after version `version`, by whichever process; 0 gives all that is in force. */
  changesSince(version: number): Promise<AccessDelta>;
}

/** A limit rule in the shape of the configuration's (contract.md, "Limits"). */
export type LimitRuleData = Readonly<Record<string, string | number | boolean | readonly number[]>>;

export interface TeamSettings {
  /** For people. */
  readonly name: string | null;
  readonly limits: readonly LimitRuleData[];
}

export interface TeamRow extends TeamSettings {
  readonly id: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly deleted_at: string | null;
}

/** What may be changed about a key. Null: the general setting holds, or there is no bound. */
export interface KeySettings {
  readonly name: string | null;
  /** Copied into every record of the key. */
  readonly labels: Readonly<Record<string, string>>;
  readonly scopes: readonly string[];
  /** Exact names or globs. */
  readonly models: readonly string[] | null;
  readonly endpoints: readonly string[] | null;
  readonly limits: readonly LimitRuleData[];
  readonly client_leaves: 'drain' | 'abort' | null;
  readonly usage_event: 'hide' | 'pass' | null;
  readonly unpriced_models: 'allow' | 'refuse' | null;
  readonly requests_per_minute: number | null;
  readonly disabled: boolean;
  /** ISO 8601, UTC. */
  readonly expires_at: string | null;
}

export interface KeyRow extends KeySettings {
  readonly id: string;
  readonly team: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly revoked_at: string | null;
  /** Known to the minute; null where it was never used. */
  readonly last_used_at: string | null;
  /** The oldest first; those that a rotation has ended too. */
  readonly secrets: readonly SecretRow[];
}

export interface KeyUse {
  readonly keyId: string;
  readonly atMs: number;
}

/** One secret of a key, as it may be shown. */
export interface SecretRow {
  readonly redacted_value: string;
  readonly created_at: string;
  /** Set by the rotation that replaced it. */
  readonly expires_at: string | null;
}

/** A secret that has just been made: its HMAC in hex, and what may be shown of it. */
export interface NewSecret {
  readonly digest: string;
  readonly redactedValue: string;
}

export type TeamChange =
  | { readonly action: 'create'; readonly id: string; readonly settings: TeamSettings }
  | { readonly action: 'update'; readonly id: string; readonly settings: Partial<TeamSettings> }
  | { readonly action: 'delete'; readonly id: string };

export type KeyChange =
  | {
      readonly action: 'create';
      readonly id: string;
      readonly team: string;
      /** Whether a team that is not in the book is made with the key; false for one that the file has. */
      readonly makeTeam: boolean;
      readonly settings: KeySettings;
      readonly secret: NewSecret;
    }
  | { readonly action: 'update'; readonly id: string; readonly settings: Partial<KeySettings> }
  | { readonly action: 'rotate'; readonly id: string; readonly secret: NewSecret; readonly graceMs: number }
  | { readonly action: 'revoke'; readonly id: string };

/** Why a change was not made; then nothing was written. */
export type ChangeRefusal = 'exists' | 'not_found' | 'revoked' | 'has_keys';

export type ChangeOutcome<Row> =
  | { readonly kind: 'changed'; readonly row: Row }
  /** It is so already; nothing was written. */
  | { readonly kind: 'unchanged'; readonly row: Row }
  | { readonly kind: 'refused'; readonly why: ChangeRefusal };

/** Who makes a change, for the audit. */
export interface ChangeAuthor {
  /** `admin`, or `key:` and the id of the key; `signal:SIGHUP` for a reload by signal. */
  readonly actor: string;
  readonly requestId: string | null;
  readonly address: string | null;
}

export const AUDIT_TARGETS = ['team', 'key', 'statement', 'run', 'corrections', 'configuration'] as const;
export type AuditTarget = (typeof AUDIT_TARGETS)[number];

/** What has changed. Never a secret. */
export interface AuditEntry {
  readonly action: string;
  readonly target: AuditTarget;
  readonly id: string;
  readonly team: string | null;
  readonly before: object | null;
  readonly after: object;
}

export interface AuditRow {
  /** Rises with every entry. */
  readonly id: number;
  readonly at: string;
  readonly actor: string;
  /** `key.create`, `team.delete`, … */
  readonly action: string;
  readonly target_type: AuditTarget;
  readonly target_id: string;
  readonly team: string | null;
  /** What there was, and what there is; null where there was or is nothing. Never a secret or its HMAC. */
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly request_id: string | null;
  readonly address: string | null;
}

export interface AuditFilter {
  readonly targetType: AuditTarget | null;
  readonly targetId: string | null;
  readonly actor: string | null;
  readonly action: string | null;
  readonly startMs: number | null;
  readonly endMs: number | null;
}

export interface AuditPage {
  readonly limit: number;
  readonly beforeId: number | null;
}

export interface KeyFilter {
  readonly team: string | null;
  readonly includeRevoked: boolean;
}

export interface IdPage {
  readonly limit: number;
  readonly afterId: string | null;
}

/** A key as the key ring needs it. */
export interface LiveKey extends Omit<KeyRow, 'secrets' | 'name' | 'created_at' | 'updated_at' | 'last_used_at'> {
  readonly secrets: readonly { readonly digest: string; readonly expires_at: string | null }[];
}

export type LiveTeam = Pick<TeamRow, 'id' | 'limits' | 'deleted_at'>;

export interface AccessDelta {
  /** Everything up to here is in what was given so far. */
  readonly version: number;
  /** Whether there is more to ask for. */
  readonly more: boolean;
  readonly keys: readonly LiveKey[];
  readonly teams: readonly LiveTeam[];
}
