import { describe, expect, it } from 'vitest';
import type { LimitFields } from '../../../src/core/limit-fields.ts';
import type { Demand } from '../../../src/limits/limit-store.ts';
import { MemoryLimitStore } from '../../../src/limits/memory-store.ts';
import { ruleOf } from '../../../src/limits/read-rules.ts';
import { ADMIN } from '../../support/authors.ts';
import { makeCallRecord, makeUsage } from '../../support/make-call-record.ts';
import { MemoryLedgerReader } from '../../support/memory-ledger-reader.ts';
import { type MemoryLimitsOptions, makeLimits } from '../../support/memory-limits.ts';
import { CALL_AT_MS, plannedCall, used } from '../../support/planned-call.ts';

const rule = (fields: LimitFields) => ruleOf(fields, { onStoreFailure: 'open', alertAt: [50, 80, 100] });
const ofTeam = (...fields: LimitFields[]): MemoryLimitsOptions => ({
  owners: [{ team: 'research', keyId: null, rules: fields.map(rule) }],
});
const empty = () => new MemoryLedgerReader([]);

/** Lets what was settled be counted. */
const counted = () => new Promise((resolve) => setImmediate(resolve));

describe('a reservation', () => {
  it('is given back as if it had never been, or becomes the real figure, and is so only once', async () => {
    const { stage, limits } = makeLimits(empty(), ofTeam({ tokens: 100, per: 'day' }));
    const shown = async () => (await limits.show(await limits.find(ALL)))[0];
    const given = await stage.reserve(plannedCall({ id: 'a' }));
    expect(await shown()).toMatchObject({ used: 0, held: 30, remaining: 70 });
    given.release();
    given.settle(used(50, 50));
    await counted();
    expect(await shown()).toMatchObject({ used: 0, held: 0 });
    const kept = await stage.reserve(plannedCall({ id: 'b' }));
    kept.settle(used(1, 2));
    kept.settle(used(50, 50));
    kept.release();
    await counted();
    expect(await shown()).toMatchObject({ used: 3, held: 0, remaining: 97 });
  });

  it('takes what the ledger knows as used', async () => {
    const record = makeCallRecord(1, { usage: makeUsage({ input_tokens: 60, output_tokens: 30 }) });
    const { stage } = makeLimits(new MemoryLedgerReader([record]), ofTeam({ tokens: 100, per: 'day' }));
    await expect(stage.reserve(plannedCall())).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
    await expect(stage.reserve(plannedCall({ outputCeiling: null, endpoint: 'embeddings' }))).resolves.toBeDefined();
  });

  it('asks for one window only, whatever number of rules others have', async () => {
    const seen: number[] = [];
    class Watched extends MemoryLimitStore {
      override reserve(...given: Parameters<MemoryLimitStore['reserve']>) {
        seen.push(given[1].length);
        return super.reserve(...given);
      }
    }
    const owners = Array.from({ length: 5_000 }, (_, i) => ({
      team: `team-${i}`,
      keyId: null,
      rules: [rule({ requests: 10, per: 'day' })],
    }));
    const { stage } = makeLimits(empty(), { owners, store: new Watched({ nowMs: () => CALL_AT_MS }) });
    await stage.reserve(plannedCall({ team: 'team-7' }));
    expect(new Set(seen)).toEqual(new Set([1]));
    seen.length = 0;
    await stage.reserve(plannedCall({ team: 'no-rules' }));
    expect(seen).toEqual([]);
  });

  it('counts two rules of the same thing once, and the tighter holds', async () => {
    const { stage } = makeLimits(empty(), ofTeam({ requests: 9, per: 'day' }, { requests: 1, per: 'day' }));
    await stage.reserve(plannedCall({ id: 'a' }));
    await expect(stage.reserve(plannedCall({ id: 'b' }))).rejects.toMatchObject({ limit: { limit: 1, held: 1 } });
  });

  it('counts by user, model, session and key as the rule says', async () => {
    const { stage } = makeLimits(
      empty(),
      ofTeam(
        { requests: 1, per: 'day', each: 'user' },
        { requests: 1, per: 'day', model: 'dear-*' },
        { requests: 1, per: 'session' },
        { requests: 1, per: 'day', each: 'key', model: 'by-key' },
      ),
    );
    const admits = (given: Parameters<typeof plannedCall>[0]) =>
      stage.reserve(plannedCall({ id: JSON.stringify(given), ...given })).then(
        () => true,
        () => false,
      );
    expect([await admits({ user: 'ada' }), await admits({ user: 'ada' }), await admits({ user: 'bob' })]).toEqual([
      true,
      false,
      true,
    ]);
    expect([
      await admits({ model: 'dear-1' }),
      await admits({ model: 'dear-2' }),
      await admits({ model: 'cheap' }),
    ]).toEqual([true, false, true]);
    expect([
      await admits({ sessionId: 's' }),
      await admits({ sessionId: 's' }),
      await admits({ sessionId: 't' }),
    ]).toEqual([true, false, true]);
    expect([
      await admits({ keyId: 'x', model: 'by-key' }),
      await admits({ keyId: 'x', model: 'by-key' }),
      await admits({ keyId: 'y', model: 'by-key' }),
    ]).toEqual([true, false, true]);
    expect(await admits({ model: null })).toBe(true);
  });

  it('refuses a call that alone may need more than the whole limit, and says what to do', async () => {
    const { stage } = makeLimits(empty(), ofTeam({ tokens: 25, per: 'minute' }));
    const refusal = await stage.reserve(plannedCall()).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: 'rate_limit_exceeded',
      kind: { type: 'tokens', heals: false },
      retryAfterMs: null,
    });
    expect(String(refusal)).toContain('more than the whole limit');
  });

  it('names the rule that helps least of those that refuse', async () => {
    const { stage } = makeLimits(
      empty(),
      ofTeam({ requests: 1, per: 'minute' }, { budget_usd: '0.00004', per: 'forever' }),
    );
    await stage.reserve(plannedCall({ id: 'a' }));
    await expect(stage.reserve(plannedCall({ id: 'b' }))).rejects.toMatchObject({ code: 'budget_exceeded' });
  });

  it('learns how much output a model gives where the request says nothing', async () => {
    const { stage, limits } = makeLimits(empty(), ofTeam({ output_tokens: 1_500, per: 'day' }));
    const held = async () => (await limits.show(await limits.find(ALL)))[0]?.held;
    const first = await stage.reserve(plannedCall({ id: 'a', outputCeiling: null }));
    expect(await held()).toBe(1_000);
    first.settle(used(10, 160));
    await counted();
    const second = await stage.reserve(plannedCall({ id: 'b', outputCeiling: null }));
    expect(await held()).toBe(160);
    second.settle(used(10, 0));
    await counted();
    await stage.reserve(plannedCall({ id: 'c', outputCeiling: null }));
    expect(await held()).toBe(150);
  });
});

describe('runs', () => {
  const perRun = { ofRuns: [rule({ requests: 2, per: 'run' })] };

  it('draw on what the runs above them have left, also where runs name each other in a circle', async () => {
    const { stage } = makeLimits(empty(), perRun);
    await stage.reserve(plannedCall({ id: '1', runId: 'a', parentRunId: 'b' }));
    await stage.reserve(plannedCall({ id: '2', runId: 'b', parentRunId: 'a' }));
    await expect(stage.reserve(plannedCall({ id: '3', runId: 'a' }))).rejects.toMatchObject({
      code: 'run_limit_exceeded',
      limit: { held: 2 },
    });
  });

  it('know their children from the ledger, after a start', async () => {
    const reader = new MemoryLedgerReader([
      makeCallRecord(1, { run_id: 'root' }),
      makeCallRecord(2, { run_id: 'child', parent_run_id: 'root' }),
    ]);
    const { stage } = makeLimits(reader, perRun);
    await expect(stage.reserve(plannedCall({ runId: 'root' }))).rejects.toMatchObject({ limit: { used: 2 } });
    // The child itself has one left, its parent none.
    await expect(stage.reserve(plannedCall({ runId: 'child' }))).rejects.toMatchObject({ limit: { run_id: 'root' } });
    await expect(stage.reserve(plannedCall({ runId: 'other' }))).resolves.toBeDefined();
  });

  it('have limits of their own once they are declared, also those that are declared later', async () => {
    const reader = empty();
    const { stage, runs } = makeLimits(reader);
    await stage.reserve(plannedCall({ id: '1', runId: 'a' }));
    await reader.declareRun({ team: 'research', runId: 'a' }, { limits: [{ request_limit: 1 }] }, ADMIN);
    await runs.renew('research', 'a');
    await stage.reserve(plannedCall({ id: '2', runId: 'a' }));
    await expect(stage.reserve(plannedCall({ id: '3', runId: 'a' }))).rejects.toMatchObject({ limit: { limit: 1 } });
  });

  it('of the same id in two teams are two runs', async () => {
    const { stage } = makeLimits(empty(), { ofRuns: [rule({ requests: 1, per: 'run' })] });
    await stage.reserve(plannedCall({ id: '1', runId: 'a' }));
    await expect(stage.reserve(plannedCall({ id: '2', runId: 'a', team: 'sales' }))).resolves.toBeDefined();
  });

  it('are tightened by the header of a client and never loosened, and that is told', async () => {
    const { stage, loosened } = makeLimits(empty(), perRun);
    await stage.reserve(plannedCall({ id: '1', runId: 'a', runLimits: 'requests=9, total_tokens_limit=500' }));
    expect(loosened.map(([call, { measure, limit }]) => [call.id, measure, limit])).toEqual([['1', 'requests', 9]]);
    const tight = plannedCall({ id: '2', runId: 'a', runLimits: 'request_limit=1' });
    await expect(stage.reserve(tight)).rejects.toMatchObject({ code: 'run_limit_exceeded' });
    await expect(stage.reserve(plannedCall({ id: '3', runLimits: 'requests=1' }))).rejects.toMatchObject({
      code: 'invalid_attribution',
      param: 'x-metertap-run-limits',
    });
  });
});

describe('events', () => {
  it('are raised once for each threshold, and for a run that has used more than its budget', async () => {
    const { stage, reached, overBudget } = makeLimits(empty(), {
      ofRuns: [rule({ budget_usd: '0.0001', per: 'run' })],
    });
    // 10, 30, 10, 35 and 30 % of the budget: each settled before the next.
    for (const [i, tokens] of [10, 30, 10, 35, 30].entries()) {
      const call = plannedCall({ id: String(i), runId: 'a', inputTokens: 1, outputCeiling: 1 });
      (await stage.reserve(call)).settle(used(tokens, 0));
      await counted();
    }
    expect(reached.map(({ threshold, limit }) => [threshold, limit.used])).toEqual([
      [50, '0.000050000'],
      [80, '0.000085000'],
      [100, '0.000115000'],
    ]);
    expect(overBudget).toMatchObject([{ team: 'research', runId: 'a', limit: { used: '0.000115000' } }]);
  });

  it('are not raised by calls of which each thinks that it is the first', async () => {
    const { stage, reached } = makeLimits(empty(), ofTeam({ requests: 100, per: 'day' }));
    const open = await Promise.all(
      Array.from({ length: 100 }, (_, i) => stage.reserve(plannedCall({ id: String(i) }))),
    );
    for (const one of open) one.settle(used(1, 1));
    await counted();
    expect(reached.map(({ threshold }) => threshold)).toEqual([50, 80, 100]);
  });
});

describe('ratios', () => {
  it('tell of teams and keys, and never of runs and users', async () => {
    const { stage, ratios } = makeLimits(empty(), {
      owners: [
        {
          team: 'research',
          keyId: null,
          rules: [rule({ requests: 4, per: 'month' }), rule({ requests: 9, per: 'day', each: 'user' })],
        },
        { team: 'research', keyId: 'ci', rules: [rule({ parallel: 2 })] },
      ],
      ofRuns: [rule({ requests: 9, per: 'run' })],
    });
    (await stage.reserve(plannedCall({ id: '1', runId: 'a', user: 'ada' }))).settle(used(1, 1));
    await counted();
    await stage.reserve(plannedCall({ id: '2' }));
    expect(ratios.all()).toEqual([
      { scope: 'team:research', limit: 'requests per month', ratio: 0.25 },
      { scope: 'key:research/ci', limit: 'parallel', ratio: 0.5 },
    ]);
  });
});

const ALL = { team: null, keyId: null, runId: null, sessionId: null, user: null, model: null };

describe('demands', () => {
  it('are on keys that no id can forge', async () => {
    const keys: string[] = [];
    class Watched extends MemoryLimitStore {
      override reserve(...given: Parameters<MemoryLimitStore['reserve']>) {
        keys.push(...given[1].map(({ key }: Demand) => key));
        return super.reserve(...given);
      }
    }
    const store = new Watched({ nowMs: () => CALL_AT_MS });
    const { stage } = makeLimits(empty(), { ofRuns: [rule({ requests: 9, per: 'run' })], store });
    await stage.reserve(plannedCall({ id: '1', team: 'a', runId: 'b c' }));
    await stage.reserve(plannedCall({ id: '2', team: 'a b', runId: 'c' }));
    expect(new Set(keys).size).toBe(2);
  });
});
