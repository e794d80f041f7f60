/** The rules of settings that are text and that no pattern can state. */

/** Tells whether `value` is an http or https URL to which a path can be appended: no query, fragment or credentials. */
export function isBaseUrl(value: string): boolean {
  if (!URL.canParse(value) || /[\s?#]/.test(value)) return false;
  const url = new URL(value);
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  return isHttp && url.hostname !== '' && url.username === '' && url.password === '';
}

/** Tells whether `value` is an http or https URL that can be posted to as it is: no fragment, no credentials. */
export function isEndpointUrl(value: string): boolean {
  if (!URL.canParse(value) || /[\s#]/.test(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  return (protocol === 'http:' || protocol === 'https:') && hostname !== '' && username === '' && password === '';
}

/** Tells whether `value` is a secret of Standard Webhooks 1.0.0: `whsec_` and 24 to 64 bytes in base 64. */
export function isWebhookSecret(value: string): boolean {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(value)?.[1];
  if (encoded === undefined) return false;
  const bytes = Buffer.from(encoded, 'base64').length;
  return bytes >= 24 && bytes <= 64;
}

/** Makes a test for URLs that begin with one of `protocols` (`postgres:`). */
export function isUrlOf(protocols: readonly string[]): (value: string) => boolean {
  return (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol);
}

/** Tells whether `value` is a time zone of the IANA database that this Node.js knows. */
export function isTimeZone(value: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
  } catch {
    return false; // a RangeError is how Intl says that it knows no such zone
  }
}
