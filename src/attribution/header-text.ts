import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders } from 'node:http';

/** Node joins a header that came several times with this. */
const JOINT = ', ';
const NOT_ASCII = /\P{ASCII}/u;

/**
 * Gives a header's text, or null where it is absent or its bytes are no UTF-8.
 *
 * Node hands headers over as Latin-1, one character a byte; clients that put names into headers write UTF-8.
 */
export function headerText(headers: IncomingHttpHeaders, name: string): string | null {
  const raw = headers[name];
  return raw === undefined ? null : decodeHeader(raw);
}

/** Decodes a header value as Node gives it; null where its bytes are no UTF-8. */
export function decodeHeader(raw: string | string[]): string | null {
  const value = typeof raw === 'string' ? raw : raw.join(JOINT);
  if (!NOT_ASCII.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}

/**
 * Gives the one value of a header that may have been sent several times: null where two of its values differ. A value
 * that itself holds a comma and a space looks the same as two values.
 */
export function singleValue(text: string): string | null {
  if (!text.includes(JOINT)) return text;
  const [first = '', ...others] = text.split(JOINT);
  return others.every((other) => other === first) ? first : null;
}
