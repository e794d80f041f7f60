/**
 * Headers that hold for one connection only and are never passed on (RFC 9110 7.6.1; wire.md 7, "Hop-by-hop").
 * What a `Connection` header names is added to them for that message.
 */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

const DIGIT_NINE = 0x39;
const DIGIT_ZERO = 0x30;

/**
 * The names of a message's headers in lower case, where whoever parsed them has them already: as the keys of the parsed
 * headers, in the order of the raw ones. Making them again costs more than all else that is done with a name. Null where
 * the keys do not say it: a name that comes twice has one key, and keys that are numbers come first.
 *
 * @param count how many raw headers there are
 */
export function namesOfParsed(parsed: Readonly<Record<string, unknown>>, count: number): readonly string[] | null {
  const names = Object.keys(parsed);
  if (names.length !== count) return null;
  const first = names[0]?.charCodeAt(0) ?? 0;
  return first >= DIGIT_ZERO && first <= DIGIT_NINE ? null : names;
}

/** The further names (lower case) that the values of `Connection` make hop-by-hop; null where there are none. */
export function namedByConnection(values: readonly string[]): ReadonlySet<string> | null {
  let names: Set<string> | null = null;
  for (const value of values) {
    if (value === 'keep-alive') continue; // as nearly all say it
    for (const part of value.split(',')) {
      const name = part.trim().toLowerCase();
      if (name === '' || name === 'keep-alive' || name === 'close') continue;
      names ??= new Set();
      names.add(name);
    }
  }
  return names;
}
