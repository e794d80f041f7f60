import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChurningMap } from '../../../src/core/churning-map.ts';

const NAMES = ['a', 'b', '1', '__proto__', 'constructor', 'toString', ''];

describe('ChurningMap', () => {
  it('is a map, whatever its names are', () => {
    const step = fc.record({
      name: fc.constantFrom(...NAMES),
      value: fc.option(fc.integer(), { nil: undefined }),
      isTaken: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const map = new ChurningMap<number | undefined>();
        const model = new Map<string, number | undefined>();
        for (const { name, value, isTaken } of steps) {
          if (isTaken) {
            expect(map.take(name)).toBe(model.get(name));
            model.delete(name);
          } else {
            map.set(name, value);
            model.set(name, value);
          }
          expect(map.size).toBe(model.size);
          expect(new Map(map.entries())).toEqual(model);
          for (const each of NAMES) {
            expect(map.get(each)).toBe(model.get(each));
            expect(map.has(each)).toBe(model.has(each));
          }
        }
      }),
    );
  });

  it('finds every name among many, also those that differ at their beginning only', () => {
    const map = new ChurningMap<number>();
    const names = Array.from({ length: 1_000 }, (_, i) => [`n${i}`, `${i}-the-same-end`]).flat();
    for (const [i, name] of names.entries()) map.set(name, i);
    expect(map.size).toBe(names.length);
    for (const [i, name] of names.entries()) {
      expect(map.get(name)).toBe(i);
      if (i % 3 === 0) expect(map.take(name)).toBe(i);
    }
    const left = names.flatMap((name, i): [string, number][] => (i % 3 === 0 ? [] : [[name, i]]));
    expect(new Map(map.entries())).toEqual(new Map(left));
  });

  it('may be changed while its entries are looked at', () => {
    const map = new ChurningMap<number>();
    for (let i = 0; i < 10; i++) map.set(`n${i}`, i);
    for (const [name] of map.entries()) map.take(name);
    expect(map.size).toBe(0);
  });
});
