import { describe, expect, it } from 'vitest';
import { RunLimitsWatch } from '../../../src/limits/run-limits-watch.ts';

describe('the watch for limits of runs', () => {
  it('knows at once what is declared here, and looks for what others declare until there is some', async () => {
    let asked = 0;
    let answer = false;
    const watch = new RunLimitsWatch({
      hasRunLimits: async () => {
        asked++;
        return answer;
      },
    });
    await watch.look();
    watch.declared([]);
    expect(watch.found).toBe(false);
    answer = true;
    await watch.look();
    await watch.look();
    expect([watch.found, asked]).toEqual([true, 2]);

    const here = new RunLimitsWatch({ hasRunLimits: () => Promise.reject(new Error('not asked')) });
    here.declared([{ requests: 1 }]);
    await here.look();
    expect(here.found).toBe(true);
  });

  it('tells of the first of several failures in a row', async () => {
    let isAway = true;
    const watch = new RunLimitsWatch({
      hasRunLimits: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(false)),
    });
    await expect(watch.look()).rejects.toThrow('away');
    await watch.look();
    isAway = false;
    await watch.look();
    isAway = true;
    await expect(watch.look()).rejects.toThrow('away');
  });
});
