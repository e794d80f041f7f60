import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { skipString } from '../../../src/core/json-strings.ts';

/** Where each string of a JSON text begins and ends, found one character after the other. */
function stringsIn(bytes: Buffer): (readonly [start: number, end: number])[] {
  const strings: (readonly [number, number])[] = [];
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== 0x22) continue;
    const start = at++;
    while (bytes[at] !== 0x22) at += bytes[at] === 0x5c ? 2 : 1;
    strings.push([start, at + 1]);
  }
  return strings;
}

const space = fc.constantFrom('', '', '', ' ', '\n', '\r\n  ');
const part = fc.constantFrom(
  ...['"', '\\', 'a', ': ', '":', '","', '"},"', '","key":', '"usage":{"input_tokens":7},', 'é👋', '\n', '}]', '{[,'],
  'The quick brown fox says "hello" to the lazy dog. ',
  'Of what is quoted: nothing. ',
);
/** Strings long enough for the member that follows to be looked for, some with an escaped quote early in them. */
const longString = fc
  .tuple(fc.array(part, { minLength: 1, maxLength: 6 }), fc.nat(3000), fc.array(part, { maxLength: 4 }))
  .map(([parts, length, last]) => {
    const text = `A "quote". ${parts.join('')}`;
    return text.repeat(Math.ceil((1200 + length) / text.length)) + last.join('');
  });
const shortString = fc.oneof(
  fc.array(part, { maxLength: 3 }).map((parts) => parts.join('')),
  fc.constantFrom('},', ': x', ',', ']},', '', ':', '{', 'key'),
);
const string = fc.oneof(longString, shortString).map((text) => JSON.stringify(text));
const key = fc.oneof(
  fc.constantFrom('model', 'usage', 'a_1', 'Text').map((name) => JSON.stringify(name)),
  string,
);
const spaced = (text: fc.Arbitrary<string>) => fc.tuple(space, text, space).map((parts) => parts.join(''));

const json = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    string,
    fc.constantFrom('1', '-2.5e7', 'true', 'null', '{}', '[]'),
    fc.array(spaced(tie('value')), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(
        fc.tuple(spaced(key), spaced(tie('value'))).map((pair) => pair.join(':')),
        { maxLength: 4 },
      )
      .map((members) => `{${members.join(',')}}`),
  ),
})).value;

describe('the end of a string', () => {
  it('is the same, whatever stands in it, around it and behind it', () => {
    fc.assert(
      fc.property(json, (text) => {
        JSON.parse(text);
        const bytes = Buffer.from(text);
        for (const [start, end] of stringsIn(bytes)) expect(skipString(bytes, start)).toBe(end);
      }),
      { numRuns: 500 },
    );
  });

  it('is none where the text is cut within it', () => {
    fc.assert(
      fc.property(json, fc.nat(), (text, cut) => {
        const bytes = Buffer.from(text);
        const whole = bytes.subarray(0, cut % (bytes.length + 1));
        for (const [start, end] of stringsIn(bytes)) {
          if (start < whole.length) expect(skipString(whole, start)).toBe(end <= whole.length ? end : -1);
        }
      }),
      { numRuns: 500 },
    );
  });

  const long = JSON.stringify('says "so". '.repeat(200));

  it.each([
    ['a member', `{"a":${long},"b":1}`],
    ['a member, spaced', `{ "a" : ${long} ,\n "b" : 1 }`],
    ['the end of an object', `[{"a":${long}}],"b":1}`],
    ['another object', `[{"a":${long}},{"b":1}]`],
    ['a key that says nothing', `{"a":${long},", ":1}`],
    ['a key that is empty', `{"a":${long},"":1}`],
    ['a key with escapes', `{"a":${long},"\\u0062":1}`],
    ['strings of a list that look like keys', `[{"a":${long}},"},",": x","y"]`],
    ['strings of a list, and then a key', `[{"a":${long}},"x",{"b":1}]`],
    ['strings of a list and numbers between', `[{"a":${long}},"},", 5, ": x"]`],
    ['numbers', `{"a":${long}, "b":[1,2,"c"],"d":1}`],
    ['another long string', `{"a":${long},"b":${long},"c":1}`],
    ['nothing', `{"a":${long}}`],
  ])('is found where it is followed by %s', (_followed, text) => {
    const start = text.indexOf(long);
    expect(skipString(Buffer.from(text), start)).toBe(start + long.length);
  });

  it.each([
    ['in a list', `[${long},${long},{"b":1}]`],
    ['as a key', `{${long}:${long},"b":1}`],
    ['of colons', `{"a":${JSON.stringify('"12:34:56" '.repeat(9000))},"b":1}`],
    ['of colons at its end', `{"a":${JSON.stringify(`${'"so" '.repeat(9000)}${':'.repeat(500)}`)},"b":1}`],
    ['of JSON', `{"a":${JSON.stringify(JSON.stringify(Array(900).fill({ a: '"', 'b:': 1, usage: {} })))},"b":1}`],
    ['that ends in backslashes', `{"a":${JSON.stringify(`${'"so" '.repeat(900)}\\\\`)},"b":1}`],
    ['that ends as a member would', `{"a":${JSON.stringify(`${'"so" '.repeat(900)}","b":1,"`)},"b":1}`],
  ])('is found %s', (_where, text) => {
    const bytes = Buffer.from(text);
    for (const [start, end] of stringsIn(bytes)) expect(skipString(bytes, start)).toBe(end);
  });

  it.each([
    ['without colons', 'prose '],
    ['with few colons', `${'prose '.repeat(20)}so: `],
  ])('is found without a look at all that follows, in a long list of strings %s', (_of, words) => {
    const prose = words.repeat(Math.ceil(900 / words.length));
    const long = JSON.stringify(`${prose}"so" ${prose}`);
    const bytes = Buffer.from(`{"input":[${Array(1000).fill(long).join(',')}],"stream":true}`);
    const { looked, watched } = watchLooks(bytes);
    for (const [start, end] of stringsIn(bytes)) expect(skipString(watched, start)).toBe(end);
    expect(looked.bytes).toBeLessThan(bytes.length * 128);
  });
});

/** The same bytes, and how many of them are searched or made text of. */
function watchLooks(bytes: Buffer): { readonly looked: { bytes: number }; readonly watched: Buffer } {
  const looked = { bytes: 0 };
  const seen = (buffer: Buffer, from: number, found: number): number => {
    looked.bytes += (found < 0 ? buffer.length : found) - from;
    return found;
  };
  const watch = (buffer: Buffer): Buffer =>
    Object.assign(Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length), {
      indexOf: (value: number, from = 0) => seen(buffer, from, buffer.indexOf(value, from)),
      subarray: (start: number, end: number) => watch(buffer.subarray(start, end)),
      toString: (encoding: BufferEncoding, start: number, end: number) => {
        looked.bytes += end - start;
        return buffer.toString(encoding, start, end);
      },
    });
  return { looked, watched: watch(bytes) };
}
