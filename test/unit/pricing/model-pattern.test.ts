import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesModel } from '../../../src/pricing/model-pattern.ts';

describe('matchesModel', () => {
  it.each([
    ['gpt-5-mini', 'gpt-5-mini', true],
    ['gpt-5-mini', 'gpt-5-mini-2026-02-01', false],
    ['gpt-5-mini', 'gpt-5', false],
    ['gpt-*', 'gpt-', true],
    ['gpt-*', 'gpt-5', true],
    ['gpt-*', 'o3', false],
    ['*', '', true],
    ['*', 'meta-llama/Llama-4', true],
    ['*-mini', 'gpt-5-mini', true],
    ['*-mini', 'gpt-5-mini-x', false],
    ['gpt-*-mini', 'gpt-5-mini-mini', true],
    ['a*b*c', 'aXbXXbc', true],
    ['a*b*c', 'acb', false],
    ['gpt.5', 'gpt-5', false],
    ['GPT-5', 'gpt-5', false],
    ['', '', true],
    ['', 'x', false],
  ])('%j and %j: %s', (pattern, model, matches) => {
    expect(matchesModel(pattern, model)).toBe(matches);
  });

  it('agrees with a regular expression', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    fc.assert(
      fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 }), (pattern, model) => {
        expect(matchesModel(pattern, model)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(model));
      }),
      { numRuns: 500 },
    );
  });

  it('is done at once with a pattern that would hold up a regular expression', () => {
    expect(matchesModel(`${'a*'.repeat(40)}b`, 'a'.repeat(5000))).toBe(false);
  });
});
