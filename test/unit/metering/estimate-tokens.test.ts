import fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, it } from 'vitest';
import { MAX_SLICE_LENGTH, roughTokens, slicesOf, tokensInSlices } from '../../../src/metering/estimate-tokens.ts';

const PROSE =
  'The clerk of the works counted every stone that went into the bridge, and wrote the number down each evening. ';

/** Texts on which tokenisers take seconds to minutes when they get them in one piece (standards.md 7.1). */
const ADVERSARIAL: readonly (readonly [string, string])[] = [
  ['one letter', 'a'.repeat(100_000)],
  ['unbroken ideographs', '龘'.repeat(100_000)],
  ['blanks', ' '.repeat(100_000)],
  ['pairs of surrogates', '𓀀'.repeat(50_000)],
  ['lone surrogates', '\ud800'.repeat(100_000)],
  ['special tokens', '<|endoftext|>'.repeat(8_000)],
];

describe('slicesOf', () => {
  it('gives the text back in pieces of at most 1,024 units', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 5_000 }), (text) => {
        const slices = [...slicesOf(text)];
        expect(slices.join('')).toBe(text);
        expect(Math.max(0, ...slices.map((slice) => slice.length))).toBeLessThanOrEqual(MAX_SLICE_LENGTH);
      }),
    );
  });

  it('never cuts a surrogate pair', () => {
    const slices = [...slicesOf(`x${'𓀀'.repeat(2_000)}`)];
    expect(slices.every((slice) => slice.isWellFormed())).toBe(true);
  });
});

describe('tokensInSlices', () => {
  it.each(ADVERSARIAL)('gives the tokeniser short pieces only: %s', (_, text) => {
    const lengths: number[] = [];
    tokensInSlices(
      text,
      (slice) => lengths.push(slice.length),
      () => false,
    );
    expect(lengths.length).toBeLessThanOrEqual(Math.ceil(text.length / (MAX_SLICE_LENGTH - 1)));
    expect(Math.max(...lengths)).toBeLessThanOrEqual(MAX_SLICE_LENGTH);
  });

  it('stops when the time is over, and takes the rest to be like what it has counted', () => {
    let slices = 0;
    const tokens = tokensInSlices(
      'a'.repeat(100 * MAX_SLICE_LENGTH),
      () => 256,
      () => ++slices >= 3,
    );
    expect(slices).toBe(3);
    expect(tokens).toBe(100 * 256);
  });

  it('counts nothing in an empty text', () => {
    expect(
      tokensInSlices(
        '',
        () => 1,
        () => false,
      ),
    ).toBe(0);
  });

  it('differs from the count of the whole by less than 1 % on prose', () => {
    const text = PROSE.repeat(200);
    const whole = countTokens(text);
    const sliced = tokensInSlices(text, (slice) => countTokens(slice), never);
    expect(Math.abs(sliced - whole) / whole).toBeLessThan(0.01);
  });
});

describe('roughTokens', () => {
  it.each([
    ['', 0],
    ['abcd', 1],
    ['abcde', 2],
    ['é', 1],
    ['你好', 3],
    ['𓀀', 2],
  ])('%j is %d', (text, tokens) => {
    expect(roughTokens(text)).toBe(tokens);
  });

  it('is within a quarter of the tokeniser on prose', () => {
    const text = PROSE.repeat(20);
    expect(roughTokens(text) / countTokens(text)).toBeGreaterThan(0.75);
    expect(roughTokens(text) / countTokens(text)).toBeLessThan(1.3);
  });
});

function never(): boolean {
  return false;
}
