import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUsd } from '../../../src/core/money.ts';

describe('formatUsd', () => {
  it.each([
    [0, '0.000000000'],
    [2_345_600, '0.002345600'],
    [-1, '-0.000000001'],
    [999_999_999, '0.999999999'],
    [1_000_000_000, '1.000000000'],
    [9_007_199_254_740_991, '9007199.254740991'],
    [9_007_198_999_999_999, '9007198.999999999'],
  ])('writes %d nano-USD', (nanoUsd, text) => {
    expect(formatUsd(nanoUsd)).toBe(text);
  });

  it('writes a number as it writes the same bigint', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (nanoUsd) => {
        expect(formatUsd(nanoUsd)).toBe(formatUsd(BigInt(nanoUsd)));
      }),
    );
  });
});
