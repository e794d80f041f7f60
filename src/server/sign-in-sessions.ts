import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';

/** How long one sign-in holds. */
export const SESSION_SECONDS = 12 * 3600;

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ID_BYTES = 16;
const DIGEST_BYTES = 32;
const SEALED_BYTES = NONCE_BYTES + ID_BYTES + DIGEST_BYTES + 8 + TAG_BYTES;
/** Sessions that were ended here and could still be shown again; far more than people sign out in half a day. */
const MAX_ENDED = 100_000;

export interface SignInSession {
  /** What the cookie holds. */
  readonly value: string;
  readonly expiresAtMs: number;
}

export interface SignInSessionOptions<Owner> {
  /** The secret of the data folder, from which the key of the seal is drawn: processes that share it share sessions. */
  readonly secret: Buffer;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** The HMAC of a credential, under which keys are known. */
  readonly digestOf: (credential: string) => Buffer;
  /** Who is known by an HMAC now; null once the key is revoked, expired or changed. */
  readonly ownerOfDigest: (digest: Buffer) => Owner | null;
}

/**
 * Sessions of people who have shown a credential once, for a cookie.
 *
 * A session is a sealed text (AES-256-GCM) with an id, the HMAC of the credential and an end: the credential itself is
 * neither in the cookie nor kept here, the session outlives a restart, and every request is authorised anew by the HMAC,
 * so that a session ends with its key. Signing out is remembered by the process that was told; elsewhere the browser has
 * thrown the cookie away, and it ends by itself.
 */
export class SignInSessions<Owner> {
  readonly #options: SignInSessionOptions<Owner>;
  readonly #sealKey: Buffer;
  /** Ids of ended sessions, with the time from which they need not be remembered. */
  readonly #ended = new Map<string, number>();

  constructor(options: SignInSessionOptions<Owner>) {
    this.#options = options;
    this.#sealKey = Buffer.from(hkdfSync('sha256', options.secret, '', 'metertap sign-in session', KEY_BYTES));
  }

  /** Begins a session of whoever owns the credential; null where nobody does. */
  begin(credential: string): (SignInSession & { readonly owner: Owner }) | null {
    const digest = this.#options.digestOf(credential);
    const owner = this.#options.ownerOfDigest(digest);
    if (owner === null) return null;
    const expiresAtMs = this.#options.clock.nowMs() + SESSION_SECONDS * 1000;
    const end = Buffer.alloc(8);
    end.writeBigUInt64BE(BigInt(expiresAtMs));
    return { value: this.#seal(Buffer.concat([randomBytes(ID_BYTES), digest, end])), expiresAtMs, owner };
  }

  /** Who a session is of, and until when; null where it is not one of ours, is over or was ended. */
  find(value: string): { readonly owner: Owner; readonly expiresAtMs: number } | null {
    const session = this.#open(value);
    if (session === null || session.expiresAtMs <= this.#options.clock.nowMs() || this.#ended.has(session.id))
      return null;
    const owner = this.#options.ownerOfDigest(session.digest);
    return owner === null ? null : { owner, expiresAtMs: session.expiresAtMs };
  }

  /** Ends a session before its time. */
  end(value: string): void {
    const session = this.#open(value);
    if (session === null) return;
    const nowMs = this.#options.clock.nowMs();
    for (const [id, expiresAtMs] of this.#ended) {
      if (expiresAtMs > nowMs && this.#ended.size < MAX_ENDED) break; // the oldest stand first
      this.#ended.delete(id);
    }
    this.#ended.set(session.id, session.expiresAtMs);
  }

  #seal(plain: Buffer): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#sealKey, nonce);
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url');
  }

  #open(value: string): { readonly id: string; readonly digest: Buffer; readonly expiresAtMs: number } | null {
    const sealed = Buffer.from(value, 'base64url');
    if (sealed.length !== SEALED_BYTES) return null;
    const decipher = createDecipheriv('aes-256-gcm', this.#sealKey, sealed.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      const plain = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      return {
        id: plain.toString('hex', 0, ID_BYTES),
        digest: plain.subarray(ID_BYTES, ID_BYTES + DIGEST_BYTES),
        expiresAtMs: Number(plain.readBigUInt64BE(ID_BYTES + DIGEST_BYTES)),
      };
    } catch {
      return null; // not sealed by us, or changed since
    }
  }
}
