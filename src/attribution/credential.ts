import type { IncomingHttpHeaders } from 'node:http';
import { headerText } from './header-text.ts';

const BEARER = /^bearer\s+(\S.*)$/i;

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
