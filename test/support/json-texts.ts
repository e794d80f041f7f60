import fc from 'fast-check';

const space = fc.constantFrom('', '', ' ', '\n', '\t', '\r\n', '  ');
const writtenEscaped = fc.constantFrom(
  (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`,
);

/** A JSON text of `value` as some client may write it: white space anywhere, characters escaped that need not be. */
export function spacedJson(value: unknown): fc.Arbitrary<string> {
  return fc.tuple(jsonText(value), space, space).map(([text, before, after]) => before + text + after);
}

function jsonText(value: unknown): fc.Arbitrary<string> {
  if (typeof value === 'string') return stringText(value);
  if (Array.isArray(value)) return listText('[', ']', value.map(jsonText));
  if (typeof value !== 'object' || value === null) return fc.constant(JSON.stringify(value));
  const members = Object.entries(value).map(([name, member]) =>
    fc.tuple(stringText(name), space, space, jsonText(member)).map((parts) => parts.toSpliced(2, 0, ':').join('')),
  );
  return listText('{', '}', members);
}

function listText(open: string, close: string, items: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  const spaced = items.map((item) => fc.tuple(space, item, space).map((parts) => parts.join('')));
  return fc.tuple(space, fc.tuple(...spaced)).map(([inner, texts]) => {
    return open + (texts.length === 0 ? inner : texts.join(',')) + close;
  });
}

function stringText(text: string): fc.Arbitrary<string> {
  const plain = fc.constant(JSON.stringify(text));
  // One in a few is written with escapes throughout; surrogates too are escaped one by one.
  const escaped = writtenEscaped.map((write) => `"${text.split('').map(write).join('')}"`);
  return fc.oneof({ arbitrary: plain, weight: 4 }, { arbitrary: escaped, weight: 1 });
}

const hex = fc.constantFrom('0000', '001f', '00e9', '00E9', '2028', 'd83d', 'dc4b', 'D800', 'ffff', '0022', '005c');
/** What may stand between the quotes of a string, some of it odd. */
const stringPart = fc.oneof(
  fc
    .constantFrom('a', 'usage', '"stream_options":{', 'é', '👋', '\u2028', '\u007f', ' ')
    .map((text) => text.replaceAll('"', '\\"')),
  hex.map((digits) => `\\u${digits}`),
  fc.constantFrom('\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t'),
);
const oddString = fc.array(stringPart, { maxLength: 8 }).map((parts) => `"${parts.join('')}"`);
/** Numbers that a parser would round, shorten or lose. */
const oddNumber = fc.constantFrom(
  '0',
  '-0',
  '1.0',
  '1E+2',
  '1e-7',
  '9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '18446744073709551615',
  '1e400',
  '0.1000000000000000055511151231257827',
);

/** Any JSON value as text: odd numbers and escapes, white space anywhere, keys that occur twice. */
export const oddJson: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    oddNumber,
    oddString,
    fc.constantFrom('true', 'false', 'null', '{}', '[]', '{"__proto__":{"a":1}}', '{"constructor":null}'),
    fc.array(fc.tuple(space, tie('value'), space), { maxLength: 4 }).map((items) => `[${items.map(joined).join(',')}]`),
    fc.array(member(tie('value')), { maxLength: 4 }).map((members) => `{${members.join(',')}}`),
  ),
})).value;

/** A member whose key is one of few, so that keys occur twice. */
function member(value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const key = fc.oneof(oddString, fc.constantFrom('"a"', '"\\u0061"', '"usage"', '"__proto__"', '""'));
  return fc.tuple(space, key, space, value, space).map((parts) => parts.toSpliced(3, 0, ':').join(''));
}

function joined(parts: readonly string[]): string {
  return parts.join('');
}

/** The members of an object in an order of their own, with white space between them. */
export function objectText(members: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.tuple(...members), fc.infiniteStream(fc.nat()), space, space)
    .map(([texts, order, before, after]) => {
      const keyed = texts.map((text) => ({ text, rank: order.next().value ?? 0 }));
      const sorted = keyed.sort((a, b) => a.rank - b.rank).map(({ text }) => text);
      return `${before}{${sorted.join(',')}}${after}`;
    });
}

/** Any member but of these names. */
export function memberOtherThan(names: readonly string[]): fc.Arbitrary<string> {
  return member(oddJson).filter((text) => {
    const [name = ''] = Object.keys(JSON.parse(`{${text}}`));
    return !names.includes(name);
  });
}
