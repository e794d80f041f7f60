import { createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { RecentCache } from '../core/recent-cache.ts';
import type { Caller, CallerSettings } from './attribution.ts';
import type { Credential } from './credential.ts';
import { credentialDigest } from './credential-digest.ts';
import type { Holder, KeyDirectory } from './key-directory.ts';
import { checkKeyFormat } from './key-format.ts';
import { DEFAULT_PERMISSIONS, type Permissions } from './permissions.ts';

/** A key of the configuration file. Its `key` may be any string of 16 characters or more. */
export interface StaticKey {
  readonly id: string;
  readonly team: string;
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly disabled: boolean;
  /** Milliseconds since the Unix epoch; the key is refused from then on. Null: never. */
  readonly expiresAtMs: number | null;
  readonly settings: CallerSettings;
  readonly permissions: Permissions;
}

export interface KeyRingOptions {
  readonly mode: 'passthrough' | 'keys';
  readonly prefix: string;
  /** The secret of the HMAC. Key ids of passthrough credentials depend on it, so it must outlive restarts. */
  readonly pepper: Buffer;
  readonly keys: readonly StaticKey[];
  /** The keys of the ledger, which change while the ring is in use. Where the file has a key of the same id, it stands before. */
  readonly directory: Pick<KeyDirectory, 'find' | 'version' | 'size'>;
}

/** Knows whose a credential is. */
export interface KeyRing {
  /**
   * Gives the owner of a credential; null means 401. Missing (in `keys` mode), unknown, mistyped, disabled and expired
   * are one outcome on purpose: the answer must not tell which it was (contract.md, "Errors of our own").
   */
  find(credential: Credential | null, nowMs: number): Caller | null;
  /** The same by the HMAC of a credential, for whoever has shown it before and keeps no credentials. */
  findByDigest(digestHex: string, nowMs: number): Caller | null;
}

interface KnownKey extends Holder {
  readonly digest: Buffer;
}

/** The least that are remembered; among more keys all of them may be, so that finding one costs the same. */
const RECENT_CREDENTIALS = 10_000;
const NO_SETTINGS: CallerSettings = {
  usageEvent: null,
  clientLeaves: null,
  unpricedModels: null,
  requestsPerMinute: null,
};
const ANONYMOUS: Caller = {
  keyId: 'anonymous',
  team: 'anonymous',
  labels: {},
  settings: NO_SETTINGS,
  permissions: DEFAULT_PERMISSIONS,
};

/**
 * Makes the ring of the configured keys and those of the ledger. It keeps HMACs of them, never the keys (standards.md 9).
 *
 * Credentials seen lately are remembered under their SHA-256, not under their text: the text would be the fastest key
 * of a Map, but then 10,000 live secrets, in passthrough mode the clients' own OpenAI keys, would lie in the heap for
 * any dump to show. One-shot `crypto.hash` costs 0.24 µs, once for requests whose heads say the same, and spares the HMAC (1.6 µs) and, in passthrough mode, making
 * the caller. Only owners are remembered: guessed keys cannot push real ones out, and cost an attacker's call 2 µs. After
 * any change in the directory nothing is remembered, so that a revoked key is not either.
 *
 * @throws Error when two entries have the same key, naming their ids
 */
export function createKeyRing(options: KeyRingOptions): KeyRing {
  const { mode, prefix, directory } = options;
  const pepper = createSecretKey(options.pepper);
  const known = knownKeys(options.keys, pepper);
  const staticIds = new Set(options.keys.map(({ id }) => id));
  let recent = emptyCache(known.size + directory.size);
  let recentVersion = directory.version;
  // A key of the file may begin with the prefix and yet be hand-made. Then a bad checksum does not prove a typo.
  const badChecksumIsTypo = options.keys.every(({ key }) => checkKeyFormat(prefix, key) !== 'typo');

  function lookUp(credential: string): Holder | null {
    if (mode === 'keys' && badChecksumIsTypo && checkKeyFormat(prefix, credential) === 'typo') return null;
    return lookUpDigest(credentialDigest(pepper, credential));
  }

  function lookUpDigest(digest: Buffer): Holder | null {
    const digestHex = digest.toString('hex');
    const match = known.get(digestHex);
    if (match !== undefined && timingSafeEqual(match.digest, digest)) return match;
    const holder = directory.find(digestHex);
    if (holder !== null && !staticIds.has(holder.caller.keyId)) return holder;
    return mode === 'passthrough' ? passthroughHolder(digestHex) : null;
  }

  return {
    find(credential, nowMs) {
      if (credential === null) return mode === 'passthrough' ? ANONYMOUS : null;
      if (directory.version !== recentVersion) {
        recent = emptyCache(known.size + directory.size);
        recentVersion = directory.version;
      }
      const { fingerprint } = credential;
      let holder = recent.get(fingerprint) ?? null;
      if (holder === null) {
        holder = lookUp(credential.text);
        if (holder === null) return null;
        recent.set(fingerprint, holder);
      }
      if (!mayCall(holder, nowMs)) return null;
      if (holder.use !== null) holder.use.lastMs = nowMs;
      return holder.caller;
    },
    findByDigest(digestHex, nowMs) {
      const holder = lookUpDigest(Buffer.from(digestHex, 'hex'));
      return holder !== null && mayCall(holder, nowMs) ? holder.caller : null;
    },
  };
}

/** @param keys how many there are, in the file and the ledger */
function emptyCache(keys: number): RecentCache<string, Holder> {
  // Twice, because entries in use stand in the younger half.
  return new RecentCache(Math.max(RECENT_CREDENTIALS, 2 * keys));
}

function knownKeys(keys: readonly StaticKey[], pepper: KeyObject): Map<string, KnownKey> {
  const known = new Map<string, KnownKey>();
  for (const { id, team, key, labels, disabled, expiresAtMs, settings, permissions } of keys) {
    const digest = credentialDigest(pepper, key);
    const digestHex = digest.toString('hex');
    const other = known.get(digestHex);
    if (other !== undefined) throw new Error(`keys "${other.caller.keyId}" and "${id}" have the same key`);
    known.set(digestHex, {
      caller: { keyId: id, team, labels, settings, permissions },
      disabled,
      expiresAtMs,
      use: null,
      digest,
    });
  }
  return known;
}

/** Somebody with a credential of their own: known by 12 hex digits of its HMAC, in a team of that name. */
function passthroughHolder(digestHex: string): Holder {
  const keyId = `key_${digestHex.slice(0, 12)}`;
  return {
    caller: { keyId, team: keyId, labels: {}, settings: NO_SETTINGS, permissions: DEFAULT_PERMISSIONS },
    disabled: false,
    expiresAtMs: null,
    use: null,
  };
}

function mayCall(holder: Holder, nowMs: number): boolean {
  return !holder.disabled && (holder.expiresAtMs === null || nowMs < holder.expiresAtMs);
}
