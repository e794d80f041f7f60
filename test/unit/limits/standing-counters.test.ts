import { describe, expect, it } from 'vitest';
import type { LimitFields } from '../../../src/core/limit-fields.ts';
import { ruleOf } from '../../../src/limits/read-rules.ts';
import { type CountedAt, countersOf, type RuleScope } from '../../../src/limits/rule-counter.ts';
import { StandingCounters } from '../../../src/limits/standing-counters.ts';
import { Calendar } from '../../../src/limits/time-window.ts';

const NOON_MS = Date.UTC(2026, 10, 22, 12);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const TEAM: RuleScope = { team: 'research', keyId: null, runId: null };
const calendar = new Calendar();

const rule = (fields: LimitFields) => ruleOf(fields, { onStoreFailure: 'open', alertAt: [] });
const at = (nowMs: number, ids: Partial<CountedAt['ids']> = {}): CountedAt => ({
  ids: { keyId: 'ci', sessionId: null, user: null, model: null, runs: [], ...ids },
  calendar,
  nowMs,
});

describe('standing counters', () => {
  it.each<LimitFields>([
    { budget_usd: '5', per: 'day' },
    { budget_usd: '5', per: 'month', timezone: 'Europe/Berlin' },
    { tokens: 100, per: 'forever' },
    { parallel: 3 },
    { tokens: 100, per: 'week', window: 'rolling' },
    { requests: 10, per: 'day', each: 'user' },
    { requests: 10, per: 'day', each: 'key' },
    { requests: 10, per: 'session' },
    { requests: 10, per: 'run' },
    { requests: 10, per: 'day', model: 'gpt-*' },
  ])('are those that are found anew, whatever the moment and the call: %j', (fields) => {
    const standing = new StandingCounters();
    const one = rule(fields);
    const calls = [
      at(NOON_MS),
      at(NOON_MS, { user: 'ada', sessionId: 's', model: 'gpt-5-mini', runs: ['a', 'b'] }),
      at(NOON_MS + 1, { user: 'bob', sessionId: 't', model: 'o3', runs: ['b'] }),
      at(NOON_MS + DAY_MS),
      at(NOON_MS + 40 * DAY_MS),
      at(NOON_MS),
    ];
    const scopes = [TEAM, { ...TEAM, team: 'sales' }, { ...TEAM, keyId: 'ci' }, { ...TEAM, runId: 'a' }, TEAM];
    for (const call of calls) {
      for (const scope of scopes) expect(standing.of(one, scope, call)).toEqual(countersOf(one, scope, call));
    }
  });

  it('are not made again within their window', () => {
    const standing = new StandingCounters();
    const budget = rule({ budget_usd: '5', per: 'day' });
    const [first] = standing.of(budget, TEAM, at(NOON_MS));
    const [later] = standing.of(budget, TEAM, at(NOON_MS + MINUTE_MS));
    expect(later).toBe(first);
  });

  it('tell of a rate at most a second more of the past than is asked for', () => {
    const standing = new StandingCounters();
    const rate = rule({ tokens: 100, per: 'minute' });
    for (let ms = 0; ms < 5_000; ms += 130) {
      const [counter] = standing.of(rate, TEAM, at(NOON_MS + ms));
      const [fresh] = countersOf(rate, TEAM, at(NOON_MS + ms));
      expect(counter?.key).toBe(fresh?.key);
      const earlierMs = (fresh?.startMs ?? 0) - (counter?.startMs ?? 0);
      expect(earlierMs).toBeGreaterThanOrEqual(0);
      expect(earlierMs).toBeLessThanOrEqual(1_000);
    }
  });
});
