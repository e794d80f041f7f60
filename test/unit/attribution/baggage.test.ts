import { describe, expect, it } from 'vitest';
import { parseBaggage, percentDecoded } from '../../../src/attribution/baggage.ts';

describe('parseBaggage', () => {
  it.each([
    ['one entry', 'a=1', { a: '1' }],
    ['several', 'a=1,b=2', { a: '1', b: '2' }],
    ['blanks around', ' a = 1 ,\tb=2 ', { a: '1', b: '2' }],
    ['properties', 'a=1;p;q=x=y, b=2 ; r', { a: '1', b: '2' }],
    ['an equals sign in the value', 'a=b=c', { a: 'b=c' }],
    ['the last of two', 'a=1,a=2', { a: '2' }],
    ['values as they stand', 'a=x%20y', { a: 'x%20y' }],
    ['entries without a key or value', '=1,,b,c=,d=4', { c: '', d: '4' }],
    ['__proto__', '__proto__=1', [['__proto__', '1']]],
    ['nothing of an overlong header', `a=1,b=${'x'.repeat(8192)}`, {}],
  ])('reads %s', (_, header, entries) => {
    expect([...parseBaggage(header)]).toEqual(Array.isArray(entries) ? entries : Object.entries(entries));
  });
});

describe('percentDecoded', () => {
  it.each([
    ['plain', 'plain'],
    ['my%20agent', 'my agent'],
    ['%E2%82%AC', '€'],
    ['a%2Bb+c', 'a+b+c'],
    ['100%', null],
    ['%zz', null],
    ['%ff', null],
  ])('%s → %s', (encoded, decoded) => {
    expect(percentDecoded(encoded)).toBe(decoded);
  });
});
