import { describe, expect, it } from 'vitest';
import { parseTagNames, parseTags } from '../../../src/attribution/tags.ts';

const many = (count: number) => Array.from({ length: count }, (_, i) => `t${i}=v`).join(',');

describe('parseTags', () => {
  it.each([
    ['one', 'a=b', [['a', 'b']]],
    [
      'several, with blanks',
      ' a = b , c=d,',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['encoded values', 'a=x%2Cy%3D%E2%82%AC', [['a', 'x,y=€']]],
    ['equals signs in values', 'a=b=c', [['a', 'b=c']]],
    ['an empty value', 'a=', [['a', '']]],
    ['the same tag twice', 'a=b,a=b', [['a', 'b']]],
    ['an empty list', '', []],
    ['__proto__', '__proto__=x', [['__proto__', 'x']]],
    ['the longest name and value', `${'n'.repeat(64)}=${'v'.repeat(256)}`, [['n'.repeat(64), 'v'.repeat(256)]]],
  ])('reads %s', (_, header, tags) => {
    expect([...(parseTags(header) ?? [['refused', '']])]).toEqual(tags);
  });

  it.each([
    ['no equals sign', 'a'],
    ['no name', '=b'],
    ['two values for one name', 'a=b,a=c'],
    ['broken encoding', 'a=%zz'],
    ['bytes that are no UTF-8', 'a=%ff'],
    ['a control character', 'a=%00'],
    ['a long name', `${'n'.repeat(65)}=v`],
    ['a long value', `n=${'v'.repeat(257)}`],
    ['33 tags', many(33)],
  ])('refuses %s', (_, header) => {
    expect(parseTags(header)).toBeNull();
  });

  it('takes 32 tags', () => {
    expect(parseTags(many(32))?.size).toBe(32);
  });
});

describe('parseTagNames', () => {
  it('makes tags of names and leaves out what cannot be one', () => {
    expect([...parseTagNames(`a, b,,${'n'.repeat(65)},a`)]).toEqual([
      ['a', 'true'],
      ['b', 'true'],
    ]);
  });
});
