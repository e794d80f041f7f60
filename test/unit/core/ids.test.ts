import { describe, expect, it } from 'vitest';
import { createIdGenerator, firstIdAt } from '../../../src/core/ids.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 3, 46, 32, 973);

describe('ids of calls', () => {
  it('are ULIDs that begin with their time', () => {
    const id = createIdGenerator()(NOW_MS);
    expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(id.slice(0, 10)).toBe(firstIdAt(NOW_MS).slice(0, 10));
    expect(firstIdAt(1_469_918_176_385)).toBe('01ARYZ6S410000000000000000'); // the time of the specification's example
    expect(firstIdAt(-1)).toBe('0'.repeat(26));
  });

  it('rise strictly, also where the clock stands still or steps back', () => {
    const next = createIdGenerator();
    const ids = Array.from({ length: 5_000 }, (_, i) => next(NOW_MS + Math.floor(i / 40) - (i % 3)));
    expect(ids).toEqual([...new Set(ids)].sort());
  });

  it('carry over when they are counted up', () => {
    const next = createIdGenerator();
    const [first = '', ...others] = Array.from({ length: 3_000 }, () => next(NOW_MS));
    expect(others.at(-1)?.slice(0, 20)).toBe(first.slice(0, 20));
    expect(new Set(others).size).toBe(2_999);
  });

  it('are different in two generators', () => {
    expect(createIdGenerator()(NOW_MS)).not.toBe(createIdGenerator()(NOW_MS));
  });
});
