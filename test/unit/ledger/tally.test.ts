import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Tally } from '../../../src/ledger/tally.ts';

const addends = fc.array(fc.maxSafeInteger(), { minLength: 3, maxLength: 3 });

it('adds up exactly, also beyond the integers that numbers hold', () => {
  fc.assert(
    fc.property(fc.array(addends, { maxLength: 40 }), fc.nat(40), (rows, cut) => {
      const [one, two] = [new Tally([0, 0, 0]), new Tally([0, 0, 0])];
      for (const row of rows.slice(0, cut)) one.add(row);
      for (const row of rows.slice(cut)) two.add(row);
      one.addTally(two);
      const exact = [0, 1, 2].map((at) => rows.reduce((sum, row) => sum + BigInt(row[at] ?? 0), 0n));
      expect(one.values().map(BigInt)).toEqual(exact);
    }),
  );
});

it('does not change what it was given', () => {
  const given = [1, 2];
  const tally = new Tally(given);
  tally.add([1, 1]);
  expect([given, tally.values()]).toEqual([
    [1, 2],
    [2, 3],
  ]);
});
