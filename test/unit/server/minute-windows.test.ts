import { expect, it } from 'vitest';
import { MinuteWindows } from '../../../src/server/minute-windows.ts';

it('counts each by itself, in a minute that begins with its first request', () => {
  const windows = new MinuteWindows();
  expect(windows.count('a', 1_000)).toEqual({ requests: 1, restMs: 60_000 });
  expect(windows.count('a', 31_000)).toEqual({ requests: 2, restMs: 30_000 });
  expect(windows.count('b', 31_500)).toEqual({ requests: 1, restMs: 60_000 });
  expect(windows.count('a', 60_999)).toEqual({ requests: 3, restMs: 1 });
  expect(windows.count('a', 61_000)).toEqual({ requests: 1, restMs: 60_000 });
  expect(windows.count('a', 200_000)).toEqual({ requests: 1, restMs: 60_000 });
  expect(windows.count('b', 91_000)).toEqual({ requests: 2, restMs: 500 });
});

it('goes on counting one while a hundred thousand others come', () => {
  const windows = new MinuteWindows();
  windows.count('a', 0);
  for (let i = 0; i < 99_999; i++) windows.count(`other ${i}`, 0);
  expect(windows.count('a', 0).requests).toBe(2);
});
