import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderBlockError, HeaderBlockReader, headerField } from '../../../src/server/http1/header-block.ts';

function read(block: string): readonly (readonly string[])[] {
  const fields = new HeaderBlockReader().read(block, 0);
  return fields.map(({ name, lowerName, value }) => [name, lowerName, value]);
}

const TOKEN = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
const VALUE = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]*$/).map((text) => text.replace(/^[\t ]+|[\t ]+$/g, ''));
const SPACE = fc.stringMatching(/^[\t ]{0,3}$/);

describe('a header block', () => {
  it('is read in its order, with its spelling and each of several of one name', () => {
    expect(read('X-B: 1\r\nx-b: 2\r\nA: 3\r\nX-B: 4\r\n\r\n')).toEqual([
      ['X-B', 'x-b', '1'],
      ['x-b', 'x-b', '2'],
      ['A', 'a', '3'],
      ['X-B', 'x-b', '4'],
    ]);
  });

  it('may be empty', () => {
    expect(read('\r\n')).toEqual([]);
  });

  it('is read from where it begins, up to its empty line', () => {
    const text = 'HTTP/1.1 200 OK\r\na: b\r\n\r\nc: d\r\n\r\n';
    expect(new HeaderBlockReader().read(text, 17)).toEqual([
      { name: 'a', lowerName: 'a', value: 'b', line: 'a: b\r\n' },
    ]);
  });

  it.each([
    ['a:b', 'b'],
    ['a: b', 'b'],
    ['a: \t b \t ', 'b'],
    ['a:', ''],
    ['a: \t ', ''],
    ['a: b  c\td', 'b  c\td'],
    ['a: b: c', 'b: c'],
    ['a: Gr\u00fc\u00dfe \u00a0', 'Gr\u00fc\u00dfe \u00a0'],
  ])('has its values without the white space around them: %j', (line, value) => {
    expect(read(`${line}\r\n\r\n`)).toEqual([['a', 'a', value]]);
  });

  it.each([
    ['white space before the colon', 'a : b\r\n\r\n'],
    ['a tab before the colon', 'a\t: b\r\n\r\n'],
    ['no name', ': b\r\n\r\n'],
    ['no colon', 'a\r\n\r\n'],
    ['no colon before the next line has one', 'a\r\nb: c\r\n\r\n'],
    ['a folded line', 'a: b\r\n c\r\n\r\n'],
    ['a folded line with a colon', 'a: b\r\n\tc: d\r\n\r\n'],
    ['a first line that begins with white space', ' a: b\r\n\r\n'],
    ['a name with a space', 'a b: c\r\n\r\n'],
    ['a name with a bracket', 'a(b: c\r\n\r\n'],
    ['a name beyond ASCII', '\u00fc: b\r\n\r\n'],
    ['a bare LF', 'a: b\nc: d\r\n\r\n'],
    ['a bare CR', 'a: b\rc: d\r\n\r\n'],
    ['two CRs', 'a: b\r\r\n\r\n'],
    ['LF alone at the end', 'a: b\n\n'],
    ['a NUL', 'a: b\0c\r\n\r\n'],
    ['a NUL in the name', 'a\0: b\r\n\r\n'],
    ['a delete character', 'a: b\x7f\r\n\r\n'],
    ['another control character', 'a: b\x0bc\r\n\r\n'],
    ['no end', 'a: b\r\n'],
    ['no end of its line', 'a: b'],
    ['nothing', ''],
  ])('is refused with %s', (_what, block) => {
    expect(() => read(block)).toThrow(HeaderBlockError);
  });

  it('says what is wrong without quoting it', () => {
    expect(() => read('authorization : Bearer secret\r\n\r\n')).toThrow(/^A header name is no token[^']*$/);
    expect(() => read('authorization: Bearer secret\0\r\n\r\n')).toThrow(/^A header line holds a control character/);
  });

  it('comes out as it was put in, whatever may stand in it', () => {
    const line = fc.record({ name: TOKEN, before: SPACE, value: VALUE, after: SPACE });
    const reader = new HeaderBlockReader();
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const text = lines.map(({ name, before, value, after }) => `${name}:${before}${value}${after}\r\n`).join('');
        expect(reader.read(`${text}\r\n`, 0)).toEqual(
          lines.map(({ name, value }) => ({
            name,
            lowerName: name.toLowerCase(),
            value,
            line: `${name}: ${value}\r\n`,
          })),
        );
      }),
    );
  });

  it('is read alike by a reader that has read nearly the same before, sound or not', () => {
    const piece = fc.constantFrom('a', 'A', 'ab', ':', ': ', ' ', '\t', 'b', '\r\n', '\r\n', '\n', '\r', '\0', '1');
    const block = fc.array(piece, { maxLength: 12 }).map((pieces) => `${pieces.join('')}\r\n\r\n`);
    const outcome = (reader: HeaderBlockReader, text: string): unknown => {
      try {
        return reader.read(text, 0);
      } catch (error) {
        return error instanceof HeaderBlockError ? error.message : error;
      }
    };
    fc.assert(
      fc.property(fc.array(block, { minLength: 2, maxLength: 8 }), (blocks) => {
        const reader = new HeaderBlockReader();
        for (const text of blocks) expect(outcome(reader, text)).toEqual(outcome(new HeaderBlockReader(), text));
      }),
      { numRuns: 2000 },
    );
  });

  it('is read alike where a line became longer, shorter, another one, or moved', () => {
    const reader = new HeaderBlockReader();
    const blocks = [
      'a: 1\r\nb: 22\r\n',
      'a: 1\r\nb: 2\r\n',
      'a: 12\r\nb: 2\r\n',
      'b: 2\r\na: 12\r\n',
      'b: 2\r\n',
      'ab: 2\r\na:\r\n',
    ];
    for (const block of [...blocks, ...blocks]) {
      expect(reader.read(`${block}\r\n`, 0)).toEqual(new HeaderBlockReader().read(`${block}\r\n`, 0));
    }
    expect(() => reader.read('ab: 2\r\na:\r\n', 0)).toThrow('The header block does not end.');
    expect(() => reader.read('ab: 2\r\na :\r\n\r\n', 0)).toThrow(/^A header name is no token/);
  });

  it('is read alike by a reader that has seen more names than it keeps', () => {
    const reader = new HeaderBlockReader();
    const names = Array.from({ length: 1500 }, (_, i) => `X-Name-${i}`);
    for (const name of [...names, ...names, 'X'.repeat(100)]) {
      expect(reader.read(`${name}: v\r\n\r\n`, 0)).toEqual([headerField(name, 'v')]);
    }
    expect(() => reader.read('X-Name-1 : v\r\n\r\n', 0)).toThrow(HeaderBlockError);
  });
});
