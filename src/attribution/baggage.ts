/** The specification's own bound; what is longer is not read (https://www.w3.org/TR/baggage/#limits). */
const MAX_LENGTH = 8192;

/**
 * Finds entries of a W3C `baggage` header: `key=value;property, key=value`. Values are given as they stand, still
 * percent-encoded; properties are dropped. Where a key occurs twice the last one counts, as in OpenTelemetry.
 */
export function parseBaggage(header: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  if (header.length > MAX_LENGTH) return entries;
  for (const member of header.split(',')) {
    const [pair = ''] = member.split(';', 1);
    const equals = pair.indexOf('=');
    if (equals > 0) entries.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim());
  }
  return entries;
}

/** Undoes percent-encoding; null where it is broken or the bytes are no UTF-8. */
export function percentDecoded(text: string): string | null {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // a stray `%` or bad UTF-8: the sender's value cannot be known
  }
}
