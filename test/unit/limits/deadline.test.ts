import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { DeadlineError, withinDeadline } from '../../../src/limits/deadline.ts';

describe('a deadline', () => {
  it('gives the answer or the failure that comes in time', async () => {
    expect(await withinDeadline(Promise.resolve(1), 10_000)).toBe(1);
    await expect(withinDeadline(Promise.reject(new Error('no')), 10_000)).rejects.toThrow('no');
  });

  it('gives up what does not come', async () => {
    await expect(withinDeadline(new Promise(() => undefined), 5)).rejects.toBeInstanceOf(DeadlineError);
  });

  it('does not count the time in which this process stood still', async () => {
    const answer = withinDeadline(
      sleep(30).then(() => 'read late'),
      20,
    );
    const until = performance.now() + 120;
    while (performance.now() < until); // stands still: the timers of both are overdue when it goes on
    expect(await answer).toBe('read late');
  });
});
