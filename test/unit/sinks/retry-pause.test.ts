import { expect, it } from 'vitest';
import { pauseAfter } from '../../../src/sinks/retry-pause.ts';

const bounds = { firstMs: 500, lastMs: 300_000 };
const pause = (failures: number, random: number, retryAfterMs: number | null = null) =>
  pauseAfter(failures, { bounds, retryAfterMs, random });

it('doubles from the first pause to the last, and spreads over the upper half', () => {
  expect([1, 2, 3, 4].map((failures) => pause(failures, 1))).toEqual([500, 1_000, 2_000, 4_000]);
  expect([1, 2, 3, 4].map((failures) => pause(failures, 0))).toEqual([250, 500, 1_000, 2_000]);
  expect(pause(1_000, 1)).toBe(300_000);
});

it('is never shorter than what the receiver asked for', () => {
  expect(pause(1, 0, 60_000)).toBe(60_000);
  expect(pause(5, 0, 1)).toBe(4_000);
});
