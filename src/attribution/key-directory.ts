import type { Caller, CallerSettings } from './attribution.ts';
import { knownScopes } from './permissions.ts';

/** A key of the ledger, as far as calls are concerned. Times are ISO 8601. */
export interface DirectoryKey {
  readonly id: string;
  readonly team: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly scopes: readonly string[];
  readonly models: readonly string[] | null;
  readonly endpoints: readonly string[] | null;
  readonly limits: readonly LimitRule[];
  readonly client_leaves: CallerSettings['clientLeaves'];
  readonly usage_event: CallerSettings['usageEvent'];
  readonly unpriced_models: CallerSettings['unpricedModels'];
  readonly requests_per_minute: number | null;
  readonly disabled: boolean;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  /** HMACs in hex. */
  readonly secrets: readonly { readonly digest: string; readonly expires_at: string | null }[];
}

export interface DirectoryTeam {
  readonly id: string;
  readonly limits: readonly LimitRule[];
  readonly deleted_at: string | null;
}

/** A limit rule in the shape of the configuration's. */
export type LimitRule = Readonly<Record<string, string | number | boolean | readonly number[]>>;

/** Whose a secret is, and until when. */
export interface Holder {
  readonly caller: Caller;
  readonly disabled: boolean;
  /** The secret is refused from then on. Null: never. */
  readonly expiresAtMs: number | null;
  /** Where the last use of a key of the ledger is noted; null for any other. */
  readonly use: KeyUse | null;
}

/** Noted with every call, so it is a plain member and nothing more. */
export interface KeyUse {
  lastMs: number;
}

interface Entry {
  readonly key: DirectoryKey;
  readonly use: KeyUse;
}

const NO_RULES: readonly LimitRule[] = [];

/**
 * The teams and keys of the ledger, in memory: finding one costs the same among 100,000 as alone. It holds HMACs, never
 * secrets. What the ledger says has changed is put in with `apply`, whichever process changed it.
 */
export class KeyDirectory {
  readonly #holders = new Map<string, Holder>();
  readonly #entries = new Map<string, Entry>();
  readonly #teamRules = new Map<string, readonly LimitRule[]>();
  #version = 0;
  #takenMs = 0;

  /** Another number after every change, for those who keep what they were told. */
  get version(): number {
    return this.#version;
  }

  /** How many keys there are that are not revoked. */
  get size(): number {
    return this.#entries.size;
  }

  /** Finds the owner of a secret by its HMAC in hex; null where nobody has it, or nobody has it any more. */
  find(digest: string): Holder | null {
    return this.#holders.get(digest) ?? null;
  }

  /** The limit rules of a key of the ledger; none for any other. */
  rulesOfKey(id: string): readonly LimitRule[] {
    return this.#entries.get(id)?.key.limits ?? NO_RULES;
  }

  /** The limit rules of a team of the ledger; none for any other. */
  rulesOfTeam(id: string): readonly LimitRule[] {
    return this.#teamRules.get(id) ?? NO_RULES;
  }

  /** Whoever has limit rules. A key's id is null where the rules are its team's. */
  ruleOwners(): { readonly team: string; readonly keyId: string | null; readonly rules: readonly LimitRule[] }[] {
    const teams = [...this.#teamRules].map(([team, rules]) => ({ team, keyId: null, rules }));
    const keys = [...this.#entries.values()]
      .filter(({ key }) => key.limits.length > 0)
      .map(({ key }) => ({ team: key.team, keyId: key.id, rules: key.limits }));
    return [...teams, ...keys];
  }

  /** The last uses of keys that were used since this was asked before. */
  takeUses(): { readonly keyId: string; readonly atMs: number }[] {
    const sinceMs = this.#takenMs;
    const uses = [];
    for (const { key, use } of this.#entries.values()) {
      // A use at the very moment of the last asking is given twice rather than lost.
      if (use.lastMs === 0 || use.lastMs < sinceMs) continue;
      uses.push({ keyId: key.id, atMs: use.lastMs });
      this.#takenMs = Math.max(this.#takenMs, use.lastMs);
    }
    return uses;
  }

  /** Puts in rows as they are now. Putting one in twice does no harm. */
  apply({ keys, teams }: { readonly keys: readonly DirectoryKey[]; readonly teams: readonly DirectoryTeam[] }): void {
    if (keys.length === 0 && teams.length === 0) return;
    for (const key of keys) this.#put(key);
    for (const team of teams) {
      if (team.deleted_at === null && team.limits.length > 0) this.#teamRules.set(team.id, team.limits);
      else this.#teamRules.delete(team.id);
    }
    this.#version += 1;
  }

  #put(key: DirectoryKey): void {
    for (const { digest } of this.#entries.get(key.id)?.key.secrets ?? []) this.#holders.delete(digest);
    if (key.revoked_at !== null) {
      this.#entries.delete(key.id);
      return;
    }
    const caller = callerOf(key);
    const use = this.#entries.get(key.id)?.use ?? { lastMs: 0 };
    this.#entries.set(key.id, { key, use });
    for (const { digest, expires_at } of key.secrets) {
      this.#holders.set(digest, {
        caller,
        disabled: key.disabled,
        expiresAtMs: earlier(msOf(key.expires_at), msOf(expires_at)),
        use,
      });
    }
  }
}

function callerOf(key: DirectoryKey): Caller {
  return {
    keyId: key.id,
    team: key.team,
    labels: key.labels,
    settings: {
      usageEvent: key.usage_event,
      clientLeaves: key.client_leaves,
      unpricedModels: key.unpriced_models,
      requestsPerMinute: key.requests_per_minute,
    },
    permissions: { scopes: knownScopes(key.scopes), models: key.models, endpoints: key.endpoints },
  };
}

function msOf(time: string | null): number | null {
  return time === null ? null : Date.parse(time);
}

function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}
