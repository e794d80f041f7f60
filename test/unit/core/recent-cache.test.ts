import { describe, expect, it } from 'vitest';
import { RecentCache } from '../../../src/core/recent-cache.ts';

describe('RecentCache', () => {
  it('gives what was put in, and undefined for the rest', () => {
    const cache = new RecentCache<string, number>(4);
    cache.set('a', 1);
    cache.set('a', 2);
    expect(cache.get('a')).toBe(2);
    expect(cache.get('b')).toBeUndefined();
  });

  it('never holds more than its capacity', () => {
    const cache = new RecentCache<number, number>(10);
    for (let i = 0; i < 1000; i++) cache.set(i, i);
    const held = Array.from({ length: 1000 }, (_, i) => cache.get(i)).filter((value) => value !== undefined);
    expect(held.length).toBeLessThanOrEqual(10);
    expect(held).toContain(999);
  });

  it('keeps what is asked for again and again, while others come and go', () => {
    const cache = new RecentCache<string, number>(10);
    cache.set('kept', 1);
    for (let i = 0; i < 1000; i++) {
      cache.set(`passing-${i}`, i);
      expect(cache.get('kept')).toBe(1);
    }
    expect(cache.get('passing-0')).toBeUndefined();
  });
});
