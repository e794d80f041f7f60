import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkKeyFormat, mintKey } from '../../../src/attribution/key-format.ts';

describe('mintKey', () => {
  it('makes prefix, id, 43 characters of secret and 6 of checksum', () => {
    expect(mintKey('mt', 'ci')).toMatch(/^mt_ci_[0-9A-Za-z]{49}$/);
    expect(mintKey('sk-mt', 'a-1')).toMatch(/^sk-mt_a-1_[0-9A-Za-z]{49}$/);
  });

  it('never makes the same key twice', () => {
    expect(new Set(Array.from({ length: 100 }, () => mintKey('mt', 'ci'))).size).toBe(100);
  });

  it.each(['', 'with_underscore', 'with space', 'x'.repeat(65)])('refuses the id %j', (id) => {
    expect(() => mintKey('mt', id)).toThrow('id of a minted key');
  });

  it.each(['', 'm t', 'mt.', 'x'.repeat(33)])('refuses the prefix %j', (prefix) => {
    expect(() => mintKey(prefix, 'ci')).toThrow('key prefix');
  });
});

describe('checkKeyFormat', () => {
  it.each(['mt', 'sk-mt', 'mt_live'])('knows a minted key with prefix %s', (prefix) => {
    expect(checkKeyFormat(prefix, mintKey(prefix, 'team-7'))).toBe('well_formed');
  });

  it('knows a key that was made by another process', () => {
    // CRC32 of the text before it, in base 62: worked out with Python's zlib.crc32.
    const body = `mt_ci_${'A'.repeat(43)}`;
    expect(checkKeyFormat('mt', `${body}4NXbjE`)).toBe('well_formed');
  });

  it('finds every single mistyped character of id, secret and checksum', () => {
    const key = mintKey('mt', 'ci');
    fc.assert(
      fc.property(fc.integer({ min: 3, max: key.length - 1 }), fc.constantFrom(...'0aZ9-_ '), (at, other) => {
        fc.pre(key[at] !== other);
        expect(checkKeyFormat('mt', key.slice(0, at) + other + key.slice(at + 1))).toBe('typo');
      }),
    );
  });

  it('finds neighbours that were swapped, a lost end and an extra one', () => {
    const key = mintKey('mt', 'ci');
    const at = [...key].findIndex((letter, i) => i > 6 && letter !== key[i + 1]);
    const swapped = key.slice(0, at) + key[at + 1] + key[at] + key.slice(at + 2);
    for (const wrong of [swapped, key.slice(0, -1), `${key}0`, 'mt_', 'mt_ci_']) {
      expect(checkKeyFormat('mt', wrong)).toBe('typo');
    }
  });

  it.each(['', 'mt', 'sk-proj-abc', 'MT_ci_x', 'mtx_ci_abc'])('says of %j that it is foreign', (key) => {
    expect(checkKeyFormat('mt', key)).toBe('foreign');
  });
});
