import { expect, it } from 'vitest';
import { ruleOf } from '../../../src/limits/read-rules.ts';
import { countersOf } from '../../../src/limits/rule-counter.ts';
import { demandsOn } from '../../../src/limits/rule-demand.ts';
import { Calendar } from '../../../src/limits/time-window.ts';

const at = {
  ids: { keyId: 'ci', sessionId: null, user: null, model: null, runs: [] },
  calendar: new Calendar(),
  nowMs: Date.UTC(2026, 10, 22),
};
const TEAM = { team: 'research', keyId: null, runId: null };
const FORECAST = { inputTokens: 10, outputTokens: 5, costNanoUsd: 7 };

it.each([1, 7, 30])(
  'rules that count the same are one demand, the tightest, of any number of rules (%d models)',
  (models) => {
    const fields = Array.from({ length: models }, (_, i) => `model-${i}`).flatMap((model) => [
      { tokens: 300, per: 'day' as const, model },
      { tokens: 100, per: 'day' as const, model },
      { tokens: 200, per: 'day' as const, model },
    ]);
    const counters = fields.flatMap((one, i) =>
      countersOf(ruleOf(one, { onStoreFailure: 'open', alertAt: [] }), TEAM, {
        ...at,
        ids: { ...at.ids, model: `model-${Math.floor(i / 3)}` },
      }),
    );
    const demands = demandsOn(counters, () => FORECAST);
    expect(demands.map(({ limit, amount, actual }) => [limit, amount, actual])).toEqual(
      Array.from({ length: models }, () => [100, 15, 0]),
    );
    expect(new Set(demands.map(({ key }) => key)).size).toBe(models);
  },
);
