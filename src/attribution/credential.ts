import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { headerText } from './header-text.ts';

const BEARER = /^bearer\s+(\S.*)$/i;

/** A credential as a client has sent it. It is kept no longer than the head that it stood in. */
export class Credential {
  readonly text: string;
  #fingerprint: string | null = null;

  constructor(text: string) {
    this.text = text;
  }

  /** Its SHA-256, made when it is first asked for. */
  get fingerprint(): string {
    this.#fingerprint ??= hash('sha256', this.text, 'base64');
    return this.#fingerprint;
  }
}

/** The headers that may hold a client's credential, in the order in which they are read (contract.md, "Credentials"). */
export const CREDENTIAL_HEADERS = ['authorization', 'api-key', 'x-api-key'] as const;

/**
 * Finds the credential of a request: `Authorization: Bearer`, then `api-key` (Azure's clients), then `x-api-key`. Null
 * where there is none; another scheme than Bearer counts as none.
 */
export function credentialOf(headers: IncomingHttpHeaders): string | null {
  for (const name of CREDENTIAL_HEADERS) {
    const text = headerText(headers, name)?.trim();
    if (text === undefined || text === '') continue;
    const credential = name === 'authorization' ? BEARER.exec(text)?.[1] : text;
    if (credential !== undefined) return credential;
  }
  return null;
}
