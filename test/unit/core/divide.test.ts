import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divideHalfEven, divideSafeHalfEven } from '../../../src/core/money.ts';

describe('divideSafeHalfEven', () => {
  it('gives what bigints give, also where it must round to the even one', () => {
    const divisor = fc.oneof(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 3_600_000 }));
    const dividend = fc.oneof(fc.nat({ max: 100 }), fc.maxSafeNat());
    fc.assert(
      fc.property(dividend, divisor, (some, by) => {
        expect(divideSafeHalfEven(some, by)).toBe(Number(divideHalfEven(BigInt(some), BigInt(by))));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([2 ** 53, 1e300, Infinity, Number.NaN, 0.5])('knows nothing of %s', (dividend) => {
    expect(divideSafeHalfEven(dividend, 3)).toBeNull();
  });
});
