import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Caller } from './attribution/attribution.ts';
import { Credential, credentialOf } from './attribution/credential.ts';
import { credentialDigest } from './attribution/credential-digest.ts';
import type { KeyRing } from './attribution/key-ring.ts';
import type { Clock } from './core/clock.ts';
import type { Reader } from './server/management-rooms.ts';
import { SignInSessions } from './server/sign-in-sessions.ts';

export interface ReaderParts {
  /** The secret of the HMAC under which credentials are known. */
  readonly pepper: Buffer;
  readonly clock: Clock;
  /** The key that sees and does all; a reload may change it. */
  readonly adminKey: () => string;
  readonly keyRing: () => KeyRing;
}

/** Whom the management API knows. */
export interface Readers {
  /** Whose credential the headers carry; null for none, and for one that is not valid. */
  readonly authorize: (headers: IncomingHttpHeaders) => Reader | null;
  readonly sessions: SignInSessions<Reader>;
}

/** Joins the admin key, the ring of keys and the sessions of browsers. */
export function createReaders({ pepper, clock, adminKey, keyRing }: ReaderParts): Readers {
  const digestOf = (credential: string) => credentialDigest(pepper, credential);
  const isAdmin = (digest: Buffer) => timingSafeEqual(digest, digestOf(adminKey()));
  return {
    authorize: (headers) => {
      const credential = credentialOf(headers);
      if (credential === null) return null;
      if (isAdmin(digestOf(credential))) return { kind: 'admin' };
      return readerOf(keyRing().find(new Credential(credential), clock.nowMs()));
    },
    sessions: new SignInSessions({
      secret: pepper,
      clock,
      digestOf,
      ownerOfDigest: (digest) =>
        isAdmin(digest) ? { kind: 'admin' } : readerOf(keyRing().findByDigest(digest.toString('hex'), clock.nowMs())),
    }),
  };
}

/** What the owner of a key may ask of the management API. */
function readerOf(caller: Caller | null): Reader | null {
  if (caller === null) return null;
  const { team, keyId, permissions } = caller;
  if (permissions.scopes.includes('admin:write')) return { kind: 'admin', keyId };
  if (permissions.scopes.includes('admin:read')) return { kind: 'admin', keyId, isReadOnly: true };
  return { kind: 'team', team, keyId, scopes: permissions.scopes };
}
