import { describe, expect, it } from 'vitest';
import type { Counter, Demand, LimitStore, NowOrLater, ReserveOutcome, Settled } from '../../src/limits/limit-store.ts';
import { type Course, DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/limits/time-window.ts';

/** A store whose time the test sets. */
export interface TimedStore {
  readonly store: LimitStore;
  readonly time: { nowMs: number };
}

export const START_MS = Date.UTC(2026, 10, 22, 12);
const SUM: Course = { kind: 'sum' };
const RATE: Course = { kind: 'rate', lengthMs: MINUTE_MS };
const ROLLING: Course = { kind: 'rolling', lengthMs: DAY_MS, slotMs: HOUR_MS };

export function counter(key: string, course: Course = SUM, limit = 10): Counter {
  return {
    key,
    group: 'research',
    course,
    limit,
    endsAtMs: null,
    onlyHeld: false,
    onStoreFailure: 'open',
  };
}

export const ask = (of: Counter, amount: number): Demand => ({ ...of, amount });
export const hold = (id: string, maxMs = HOUR_MS) => ({ id, maxMs });
export const empty = (store: LimitStore, ...counters: readonly Counter[]) =>
  store.seed(counters.map((one) => ({ counter: one, used: [] })));
export const settle = (
  store: LimitStore,
  id: string,
  demands: readonly Settled[],
  more: { startedAtMs?: number; onlyIfHeld?: boolean } = {},
) => store.settle({ id, demands, startedAtMs: more.startedAtMs ?? START_MS, onlyIfHeld: more.onlyIfHeld ?? false });

/** What every store must do, whatever it is made of. */
export function describeLimitStore(name: string, open: () => Promise<TimedStore>): void {
  describe(name, () => {
    it('admits exactly what fits of calls at the same time', async () => {
      const { store } = await open();
      const budget = counter('budget', SUM, 10);
      await empty(store, budget);
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, i) => store.reserve(hold(`call-${i}`), [ask(budget, 1)])),
      );
      expect(outcomes.filter(({ kind }) => kind === 'held')).toHaveLength(10);
      expect(await store.read([budget])).toEqual([{ used: 0, held: 10, freeAtMs: null }]);
    });

    it('holds all demands or none', async () => {
      const { store } = await open();
      const [wide, narrow] = [counter('wide', SUM, 100), counter('narrow', SUM, 1)];
      await empty(store, wide, narrow);
      expect(await kindOf(store.reserve(hold('a'), [ask(wide, 60), ask(narrow, 1)]))).toBe('held');
      const refused = await store.reserve(hold('b'), [ask(wide, 30), ask(narrow, 1)]);
      expect(refused).toMatchObject({ kind: 'refused', by: [1] });
      const both = await store.reserve(hold('c'), [ask(wide, 60), ask(narrow, 1)]);
      expect(both).toMatchObject({ kind: 'refused', by: [0, 1], states: [{ held: 60 }, { held: 1 }] });
      expect(await store.read([wide, narrow])).toMatchObject([{ held: 60 }, { held: 1 }]);
    });

    it('asks to be told of counters that it does not know, and holds nothing meanwhile', async () => {
      const { store } = await open();
      const [known, unknown] = [counter('known'), counter('unknown')];
      await empty(store, known);
      const outcome = await store.reserve(hold('a'), [ask(known, 1), ask(unknown, 1)]);
      expect(outcome).toEqual({ kind: 'unseeded', counters: [1] });
      expect(await store.read([known, unknown])).toEqual([{ used: 0, held: 0, freeAtMs: null }, null]);
    });

    it('begins with what the ledger knows, and is never told down', async () => {
      const { store } = await open();
      const budget = counter('budget', SUM, 10);
      await store.seed([
        {
          counter: budget,
          used: [
            { startMs: 0, amount: 3 },
            { startMs: 9, amount: 4 },
          ],
        },
      ]);
      expect(await kindOf(store.reserve(hold('a'), [ask(budget, 3)]))).toBe('held');
      await settle(store, 'a', [{ ...ask(budget, 3), actual: 1 }]);
      await store.seed([{ counter: budget, used: [{ startMs: 0, amount: 5 }] }]);
      expect(await store.read([budget])).toMatchObject([{ used: 8, held: 0 }]);
      await store.seed([{ counter: budget, used: [{ startMs: 0, amount: 9 }] }]);
      expect(await store.read([budget])).toMatchObject([{ used: 9 }]);
    });

    it('needs no telling of what is only held', async () => {
      const { store } = await open();
      const parallel = { ...counter('parallel', SUM, 1), onlyHeld: true };
      expect(await kindOf(store.reserve(hold('a'), [ask(parallel, 1)]))).toBe('held');
      expect(await kindOf(store.reserve(hold('b'), [ask(parallel, 1)]))).toBe('refused');
      await settle(store, 'a', [{ ...ask(parallel, 1), actual: 0 }]);
      expect(await kindOf(store.reserve(hold('b'), [ask(parallel, 1)]))).toBe('held');
    });

    it('settles a hold to the real figure, and says from what to what', async () => {
      const { store } = await open();
      const tokens = counter('tokens', SUM, 100);
      await empty(store, tokens);
      await store.reserve(hold('a'), [ask(tokens, 80)]);
      expect(await settle(store, 'a', [{ ...ask(tokens, 80), actual: 30 }])).toEqual([{ before: 0, after: 30 }]);
      await store.reserve(hold('b'), [ask(tokens, 70)]);
      expect(await settle(store, 'b', [{ ...ask(tokens, 70), actual: 90 }])).toEqual([{ before: 30, after: 120 }]);
      expect(await store.read([tokens])).toEqual([{ used: 120, held: 0, freeAtMs: null }]);
      expect(await kindOf(store.reserve(hold('c'), [ask(tokens, 1)]))).toBe('refused');
    });

    it('counts a settlement that may be a repetition once', async () => {
      const { store } = await open();
      const tokens = counter('tokens', SUM, 100);
      await empty(store, tokens);
      await store.reserve(hold('a'), [ask(tokens, 80)]);
      const demands = [{ ...ask(tokens, 80), actual: 30 }];
      expect(await settle(store, 'a', demands, { onlyIfHeld: true })).toEqual([{ before: 0, after: 30 }]);
      expect(await settle(store, 'a', demands, { onlyIfHeld: true })).toEqual([null]);
      expect(await store.read([tokens])).toMatchObject([{ used: 30, held: 0 }]);
    });

    it('leaves a counter alone that it does not know: the ledger will tell of the call', async () => {
      const { store } = await open();
      const tokens = counter('tokens');
      expect(await settle(store, 'a', [{ ...ask(tokens, 3), actual: 3 }])).toEqual([null]);
      expect(await store.read([tokens])).toEqual([null]);
    });

    it('gives a hold back when its time is over, and still counts the call that comes to its end later', async () => {
      const { store, time } = await open();
      const tokens = counter('tokens', SUM, 10);
      await empty(store, tokens);
      await store.reserve(hold('a', 1_000), [ask(tokens, 10)]);
      time.nowMs += 999;
      expect(await kindOf(store.reserve(hold('b'), [ask(tokens, 1)]))).toBe('refused');
      time.nowMs += 1;
      expect(await store.read([tokens])).toMatchObject([{ used: 0, held: 0 }]);
      expect(await kindOf(store.reserve(hold('b'), [ask(tokens, 10)]))).toBe('held');
      await settle(store, 'a', [{ ...ask(tokens, 10), actual: 4 }]);
      expect(await store.read([tokens])).toMatchObject([{ used: 4, held: 10 }]);
    });

    it('keeps what was used where the limit is edited', async () => {
      const { store } = await open();
      const before = counter('tokens', SUM, 10);
      await empty(store, before);
      await store.reserve(hold('a'), [ask(before, 10)]);
      await settle(store, 'a', [{ ...ask(before, 10), actual: 10 }]);
      expect(await kindOf(store.reserve(hold('b'), [ask(before, 1)]))).toBe('refused');
      const after = { ...before, limit: 12 };
      expect(await kindOf(store.reserve(hold('b'), [ask(after, 2)]))).toBe('held');
      expect(await kindOf(store.reserve(hold('c'), [ask({ ...before, limit: 5 }, 1)]))).toBe('refused');
    });

    it('lets a call through that asks for nothing', async () => {
      const { store } = await open();
      const budget = counter('budget', SUM, 1);
      await store.seed([{ counter: budget, used: [{ startMs: 0, amount: 5 }] }]);
      expect(await kindOf(store.reserve(hold('a'), [ask(budget, 0)]))).toBe('held');
      await settle(store, 'a', [{ ...ask(budget, 0), actual: 0 }]);
      expect(await store.read([budget])).toMatchObject([{ used: 5, held: 0 }]);
    });

    it('fills a rate up again all the time, and says when the call will fit', async () => {
      const { store, time } = await open();
      const rate = counter('rate', RATE, 60);
      await empty(store, rate);
      expect(await kindOf(store.reserve(hold('a'), [ask(rate, 60)]))).toBe('held');
      const refused = await store.reserve(hold('b'), [ask(rate, 10)]);
      expect(refused).toMatchObject({ kind: 'refused', states: [{ freeAtMs: time.nowMs + 10_000 }] });
      time.nowMs += 9_999;
      expect(await kindOf(store.reserve(hold('b'), [ask(rate, 10)]))).toBe('refused');
      time.nowMs += 1;
      expect(await kindOf(store.reserve(hold('b'), [ask(rate, 10)]))).toBe('held');
      const never = await store.reserve(hold('c'), [ask(rate, 61)]);
      expect(never).toMatchObject({ kind: 'refused', states: [{ freeAtMs: null }] });
    });

    it('settles a rate: what was not used is free at once, what was used beyond must leak first', async () => {
      const { store, time } = await open();
      const rate = counter('rate', RATE, 60);
      await empty(store, rate);
      await store.reserve(hold('a'), [ask(rate, 60)]);
      expect(await settle(store, 'a', [{ ...ask(rate, 60), actual: 20 }])).toEqual([{ before: 0, after: 20 }]);
      expect(await store.read([rate])).toMatchObject([{ used: 20, held: 0 }]);
      await store.reserve(hold('b'), [ask(rate, 40)]);
      await settle(store, 'b', [{ ...ask(rate, 40), actual: 100 }]);
      time.nowMs += 60_000;
      expect(await store.reserve(hold('c'), [ask(rate, 1)])).toMatchObject({
        kind: 'refused',
        states: [{ freeAtMs: time.nowMs + 1_000 }],
      });
    });

    it('fills a rate up by its limit of now, also when a call ends that began before it was edited', async () => {
      const { store, time } = await open();
      const before = counter('rate', RATE, 6000);
      const after = counter('rate', RATE, 60);
      await empty(store, before);
      await store.reserve(hold('a'), [ask(before, 1)]);
      await store.reserve(hold('b'), [ask(after, 59)]);
      await settle(store, 'a', [{ ...ask(before, 1), actual: 1 }]);
      time.nowMs += 1_000;
      expect(await kindOf(store.reserve(hold('c'), [ask(after, 2)]))).toBe('refused');
      expect(await kindOf(store.reserve(hold('c'), [ask(after, 1)]))).toBe('held');
    });

    it('counts of a rate what has been settled, not what is held beside it', async () => {
      const { store } = await open();
      const rate = counter('rate', RATE, 5);
      await empty(store, rate);
      for (const id of ['a', 'b', 'c']) await store.reserve(hold(id), [ask(rate, 1)]);
      expect(await settle(store, 'a', [{ ...ask(rate, 1), actual: 1 }])).toEqual([{ before: 0, after: 1 }]);
      expect(await settle(store, 'b', [{ ...ask(rate, 1), actual: 1 }])).toEqual([{ before: 1, after: 2 }]);
      expect(await settle(store, 'c', [{ ...ask(rate, 1), actual: 0 }])).toEqual([{ before: 2, after: 2 }]);
      expect(await store.read([rate])).toMatchObject([{ used: 2, held: 0 }]);
    });

    it('forgets a rolling window by the slot, never too early', async () => {
      const { store, time } = await open();
      const rolling = counter('rolling', ROLLING, 10);
      await empty(store, rolling);
      await store.reserve(hold('a'), [ask(rolling, 6)]);
      await settle(store, 'a', [{ ...ask(rolling, 6), actual: 6 }], { startedAtMs: time.nowMs });
      time.nowMs += 3 * HOUR_MS;
      await store.reserve(hold('b'), [ask(rolling, 4)]);
      await settle(store, 'b', [{ ...ask(rolling, 4), actual: 4 }], { startedAtMs: time.nowMs });
      time.nowMs = START_MS + DAY_MS;
      expect(await store.reserve(hold('c'), [ask(rolling, 1)])).toMatchObject({
        kind: 'refused',
        states: [{ used: 10, freeAtMs: START_MS + DAY_MS + HOUR_MS }],
      });
      time.nowMs = START_MS + DAY_MS + HOUR_MS;
      expect(await store.read([rolling])).toMatchObject([{ used: 4, held: 0 }]);
      expect(await kindOf(store.reserve(hold('c'), [ask(rolling, 6)]))).toBe('held');
    });

    it('is told the past of rates and rolling windows by the time of each use', async () => {
      const { store, time } = await open();
      const [rate, rolling] = [counter('rate', RATE, 60), counter('rolling', ROLLING, 10)];
      const used = [
        { startMs: time.nowMs - 2 * DAY_MS, amount: 40 },
        { startMs: time.nowMs - 30_000, amount: 40 },
      ];
      await store.seed([
        { counter: rate, used },
        {
          counter: rolling,
          used: [
            { startMs: time.nowMs - 26 * HOUR_MS, amount: 9 },
            { startMs: time.nowMs - HOUR_MS, amount: 5 },
          ],
        },
      ]);
      expect(await store.read([rate, rolling])).toMatchObject([{ used: 10 }, { used: 5 }]);
    });

    it('keeps figures beyond what a 32-bit number holds', async () => {
      const { store } = await open();
      const money = counter('money', SUM, 9_000_000_000_000_000);
      await store.seed([{ counter: money, used: [{ startMs: 0, amount: 4_000_000_000_000_001 }] }]);
      expect(await kindOf(store.reserve(hold('a'), [ask(money, 4_999_999_999_999_999)]))).toBe('held');
      expect(await kindOf(store.reserve(hold('b'), [ask(money, 1)]))).toBe('refused');
      await settle(store, 'a', [{ ...ask(money, 4_999_999_999_999_999), actual: 2 }]);
      expect(await store.read([money])).toMatchObject([{ used: 4_000_000_000_000_003, held: 0 }]);
    });
  });
}

async function kindOf(outcome: NowOrLater<ReserveOutcome>): Promise<string> {
  return (await outcome).kind;
}
