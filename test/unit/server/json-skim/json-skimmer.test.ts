import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openSkimmer } from '../../../../src/server/json-skim/json-skimmer.ts';

const UNREAD: ReadonlySet<string> = new Set(['messages', 'input']);
const LONG = 256;
const skimmer = openSkimmer();

/** What a parser of the whole text gives; undefined where it is no JSON object. */
function parsedWhole(text: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function skim(text: Buffer | string): unknown {
  return skimmer.parse(Buffer.from(text), UNREAD);
}

/** Of members that are unread the skimmer may say null; all others must be as a parser of the whole text has them. */
function expectAsParsed(text: Buffer): void {
  const whole = parsedWhole(text);
  const skimmed = skim(text);
  if (skimmed === undefined) return;
  expect(whole).toBeDefined();
  expect(Object.keys(skimmed as object)).toEqual(Object.keys(whole ?? {}));
  for (const [name, value] of Object.entries(skimmed as object)) {
    if (value !== null || !UNREAD.has(name)) expect(value).toEqual(whole?.[name]);
  }
}

/** Strings of what is easily taken for something else, of any length around that of a block. */
const trickyText = fc
  .array(
    fc.constantFrom(
      '"',
      '\\',
      '\\\\',
      '\\"',
      '\n',
      '/',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      'n',
      'u0041',
      'a',
      ' ',
      'é',
      '€',
      '😀',
      '\u0000',
      'x'.repeat(15),
      'y'.repeat(63),
      'z'.repeat(64),
      'word '.repeat(40),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''));

const { value: trickyJson } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    trickyText,
    fc.jsonValue({ maxDepth: 1 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(trickyText, tie('value'), { maxKeys: 4 }),
  ),
}));

const memberName = fc.oneof(fc.constantFrom('messages', 'input', 'model', 'user', '__proto__'), trickyText);

/** An object as somebody may write it: names more than once, escapes that need not be, spaces, values of any kind. */
const writtenObject = fc
  .tuple(
    fc.array(fc.tuple(memberName, trickyJson, fc.boolean()), { maxLength: 8 }),
    fc.constantFrom('', ' ', '\n  ', '\t\r\n', ' '.repeat(70)),
  )
  .map(([members, space]) => {
    const texts = members.map(([name, value, isEscaped]) => {
      const written = JSON.stringify(name);
      const key = isEscaped ? escapedFirst(written) : written;
      return `${space}${key}${space}:${space}${JSON.stringify(value, null, space.slice(0, 10))}${space}`;
    });
    return `${space}{${texts.join(',')}${space}}${space}`;
  });

/** The first letter of a string as an escape of its number: the same string for a parser, other bytes. */
function escapedFirst(written: string): string {
  const letter = written.charCodeAt(1);
  return /^"[a-z]/.test(written) ? `"\\u00${letter.toString(16)}${written.slice(2)}` : written;
}

describe('a skimmed object', () => {
  it('is none where the processor cannot run the module: a parser reads all of it', () => {
    expect(openSkimmer(Buffer.from('no module')).parse(Buffer.from('{"a":1}'), UNREAD)).toBeUndefined();
  });

  it('has all members as they are, whatever is written', () => {
    fc.assert(
      fc.property(writtenObject, (text) => {
        expect(skim(text)).toBeDefined();
        expectAsParsed(Buffer.from(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('is never one that a parser refuses, whatever bytes of it are changed', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.constantFrom(...Buffer.from('"\\{}[]:,0-.eEtfn \n\u0000u\u001f'), 0x80, 0xc3, 0xff),
    );
    fc.assert(
      fc.property(writtenObject, fc.array(change, { minLength: 1, maxLength: 4 }), (text, changes) => {
        const bytes = Buffer.from(text);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        expectAsParsed(bytes);
      }),
      { numRuns: 5000 },
    );
  });

  it('is never one that was cut, or that something follows', () => {
    fc.assert(
      fc.property(writtenObject, fc.nat(), trickyText, (text, at, more) => {
        const bytes = Buffer.from(text);
        expectAsParsed(bytes.subarray(0, at % (bytes.length + 1)));
        expectAsParsed(Buffer.from(text + more));
      }),
      { numRuns: 2000 },
    );
  });

  it('has null for what is long and unread, and nothing else', () => {
    const long = 'a \\" quick brown fox\\n'.repeat(50);
    const text = `{"messages":[{"content":"${long}"}],"user":"${long}","input":"short","model":"m","input":{"a":"${long}"}}`;
    const read = JSON.parse(`"${long}"`);
    expect(skim(text)).toEqual({ messages: null, user: read, model: 'm', input: null });
    expect(skim(`{"input":"${long}","input":"short"}`)).toEqual({ input: 'short' });
    expect(skim(`{"input":"${'x'.repeat(LONG - 2)}"}`)).toEqual({ input: 'x'.repeat(LONG - 2) });
    expect(skim(`{"input":"${'x'.repeat(LONG)}"}`)).toEqual({ input: null });
    // Inside of another object a name means nothing.
    expect(skim(`{"metadata":{"input":"${long}"}}`)).toEqual({ metadata: { input: read } });
  });
});

describe('what is skimmed', () => {
  const strings = ['\\u00e9\\uD83D\\ude00', '\\b\\f\\n\\r\\t\\/\\\\\\"', 'é€😀', '\u007f\u0080\u2028'];
  const notStrings = ['\\x', '\\u12g4', '\\u123', '\\', '\n', '\u0000', '\u001f', '\\\\\\'];
  const shifts = [...Array(70).keys()];

  it.each(strings)('may hold %j at any place of a block', (inner) => {
    for (const shift of shifts) {
      for (const end of ['', '\\\\', 'a\\"']) {
        const text = `{"a":"${'x'.repeat(shift)}${inner}${end}","b":1}`;
        expect(skim(text)).toEqual(JSON.parse(text));
      }
    }
  });

  it.each(notStrings)('may not hold %j at any place of a block', (inner) => {
    for (const shift of shifts) expect(skim(`{"a":"${'x'.repeat(shift)}${inner}","b":1}`)).toBeUndefined();
  });

  it('knows runs of backslashes of any length at any place of a block', () => {
    for (const shift of shifts) {
      for (let run = 1; run < 140; run++) {
        expectAsParsed(Buffer.from(`{"a":"${'x'.repeat(shift)}${'\\'.repeat(run)}","b":""}`));
      }
    }
  });

  it.each(['0', '-0', '1', '-1.5', '1e5', '1E+05', '0.1e-2', '10', 'true', 'false', 'null', '{}', '[]', '[{}, []]'])(
    'may have %s as a value',
    (value) => {
      for (const text of [`{"a":${value}}`, `{"a":[${value},${value} ]}`, `\n{ "a" : ${value} , "b" : 1 }\r\n`]) {
        expect(skim(text)).toEqual(JSON.parse(text));
      }
    },
  );

  it.each([
    '01',
    '-',
    '+1',
    '.5',
    '1.',
    '1e',
    '1e+',
    '--1',
    '0x1',
    'tru',
    'truee',
    'True',
    'nul',
    'falsy',
    'NaN',
    'Infinity',
    "'a'",
    '{',
    '}',
    '[',
    ']',
    '[1,]',
    '[,1]',
    '{"a":1,}',
    '{a:1}',
    '{"a"}',
    '{"a":}',
    '[1}',
    '{"a":1]',
    '1 2',
    '',
    '/**/1',
    '\u00a01',
    '\u000b1',
    '\ufeff1',
    'é',
  ])('may not have %j as a value', (value) => {
    expect(skim(`{"a":${value}}`)).toBeUndefined();
    expect(skim(`{"a":[${value}],"b":${value}}`)).toBeUndefined();
  });

  it.each(['', ' ', '[]', '"a"', '1', 'null', '\ufeff{}', '{}{}', '{} x', '{', '{"a":1', '{"a":"'])(
    'is not %j, which is no object',
    (text) => expect(skim(text)).toBeUndefined(),
  );

  it('does not depend on what was skimmed before', () => {
    expect(skim(`{"a":"${'x'.repeat(500)}"}`)).toBeDefined();
    for (let length = 0; length < 200; length++) expect(skim(`{"a":"${'x'.repeat(length)}`)).toBeUndefined();
  });

  it('may be nested a thousand times, and left to the parser beyond', () => {
    const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
    expect(skim(nested(1000))).toEqual(JSON.parse(nested(1000)));
    expect(skim(nested(1001))).toBeUndefined();
    expect(skim(`{"a":${'[{"b":'.repeat(100_000)}1`)).toBeUndefined();
  });

  it('may be as long as 8 MiB, of any length around the pages of its memory', () => {
    const fresh = openSkimmer();
    const ofLength = (bytes: number) => Buffer.from(`{"messages":"${'x'.repeat(bytes - 15)}"}`);
    for (const bytes of [61_000, 61_311, 61_312, 61_313, 65_536, 200_000, 8 * 1024 * 1024]) {
      expect(fresh.parse(ofLength(bytes), UNREAD)).toEqual({ messages: null });
    }
    expect(fresh.parse(ofLength(8 * 1024 * 1024 + 1), UNREAD)).toBeUndefined();
  });

  it('may have more long members than are left out', () => {
    const long = 'x'.repeat(300);
    const members = Array.from({ length: 70 }, (_, i) => `"${i < 69 ? `m${i}` : 'messages'}":"${long}"`);
    const skimmed = skim(`{${members.join(',')}}`);
    expect(skimmed).toEqual(JSON.parse(`{${members.join(',')}}`));
  });
});
