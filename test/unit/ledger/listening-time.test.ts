import { describe, expect, it } from 'vitest';
import { ListeningTime } from '../../../src/ledger/listening-time.ts';

describe('the time that an event loop has listened', () => {
  it('is the time that has passed where the loop comes round often', () => {
    const listened = new ListeningTime(1_000, 50);
    expect([1_000, 1_020, 1_070, 1_071].map((nowMs) => listened.look(nowMs))).toEqual([0, 20, 70, 71]);
  });

  it('counts of each turn only so much', () => {
    const listened = new ListeningTime(0, 50);
    expect([4_000, 4_010, 9_000].map((nowMs) => listened.look(nowMs))).toEqual([50, 60, 110]);
  });

  it('can be asked within a turn, which changes nothing', () => {
    const listened = new ListeningTime(0, 50);
    expect([10, 40, 50, 900].map((nowMs) => listened.at(nowMs))).toEqual([10, 40, 50, 50]);
    expect(listened.look(900)).toBe(50);
    expect(listened.at(930)).toBe(80);
  });
});
