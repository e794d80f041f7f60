import { describe, expect, it } from 'vitest';
import { FailoverLimitStore } from '../../../src/limits/failover-store.ts';
import { type Counter, type LimitStore, type NowOrLater, StoreUnavailable } from '../../../src/limits/limit-store.ts';
import { MemoryLimitStore } from '../../../src/limits/memory-store.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const COUNTER: Counter = {
  key: 'tokens',
  group: 'research',
  course: { kind: 'sum' },
  limit: 100,
  endsAtMs: null,
  onlyHeld: false,
  onStoreFailure: 'open',
};
const hold = (id: string) => ({ id, maxMs: 60_000 });
const ask = (amount: number, of: Counter = COUNTER) => [{ ...of, amount }];
const settlement = (id: string, actual: number) => ({
  id,
  demands: [{ ...COUNTER, amount: 10, actual }],
  startedAtMs: NOW_MS,
  onlyIfHeld: false,
});

/** A shared store that can be taken away, before or after it has done what it was asked. */
function stage() {
  const clock = { nowMs: () => NOW_MS };
  let inner = new MemoryLimitStore(clock);
  const state = { mode: 'there' as 'there' | 'away' | 'deaf', ledgerUsed: 0, changes: [] as string[] };
  const guard = async <Answer>(ask: () => NowOrLater<Answer>): Promise<Answer> => {
    if (state.mode === 'away') throw new StoreUnavailable('away');
    const answer = await ask();
    if (state.mode === 'deaf') throw new StoreUnavailable('no answer in time');
    return answer;
  };
  const shared: LimitStore = {
    reserve: (...given) => guard(() => inner.reserve(...given)),
    settle: (...given) => guard(() => inner.settle(...given)),
    read: (...given) => guard(() => inner.read(...given)),
    seed: (...given) => guard(() => inner.seed(...given)),
  };
  const history = async (counters: readonly Counter[]) =>
    counters.map((counter) => ({ counter, used: [{ startMs: 0, amount: state.ledgerUsed }] }));
  const store = new FailoverLimitStore({
    shared,
    local: new MemoryLimitStore(clock),
    history,
    onChange: (to) => state.changes.push(to),
  });
  return {
    store,
    state,
    seed: async () => store.seed(await history([COUNTER])),
    loseEverything: () => {
      inner = new MemoryLimitStore(clock);
    },
    inShared: async () => (await inner.read([COUNTER]))[0],
  };
}

describe('a store whose Redis may be away', () => {
  it('counts in this process meanwhile, from what the ledger knows on, and tells of each change once', async () => {
    const { store, state, seed } = stage();
    await seed();
    state.mode = 'away';
    state.ledgerUsed = 95;
    for (let i = 0; i < 3; i++) expect(await store.reserve(hold('a'), ask(10))).toMatchObject({ kind: 'unseeded' });
    await seed();
    expect(await store.reserve(hold('a'), ask(10))).toMatchObject({ kind: 'refused' });
    expect(await store.reserve(hold('b'), ask(5))).toMatchObject({ kind: 'held' });
    await store.recover();
    expect(store.isAway).toBe(true);
    state.mode = 'there';
    await store.recover();
    expect(store.isAway).toBe(false);
    expect(state.changes).toEqual(['local', 'shared']);
  });

  it('refuses what is closed', async () => {
    const { store, state } = stage();
    state.mode = 'away';
    const closed = { ...COUNTER, onStoreFailure: 'closed' as const };
    await expect(store.reserve(hold('a'), ask(1, closed))).rejects.toMatchObject({ code: 'limits_unavailable' });
  });

  it('turns holds that outlived the absence into the real figures, once', async () => {
    const { store, state, seed, inShared } = stage();
    await seed();
    await store.reserve(hold('a'), ask(10));
    state.mode = 'away';
    await store.settle(settlement('a', 7));
    state.ledgerUsed = 7;
    state.mode = 'there';
    await store.recover();
    expect(await inShared()).toMatchObject({ used: 7, held: 0 });
  });

  it('learns from the ledger what began and ended meanwhile', async () => {
    const { store, state, seed, inShared } = stage();
    await seed();
    state.mode = 'away';
    await store.reserve(hold('a'), ask(10));
    await seed();
    await store.reserve(hold('a'), ask(10));
    await store.settle(settlement('a', 12));
    state.ledgerUsed = 12;
    state.mode = 'there';
    await store.recover();
    expect(await inShared()).toMatchObject({ used: 12, held: 0 });
  });

  it('counts a call that began meanwhile and ends afterwards', async () => {
    const { store, state, seed, inShared } = stage();
    await seed();
    state.mode = 'away';
    await store.reserve(hold('a'), ask(10));
    await seed();
    await store.reserve(hold('a'), ask(10));
    state.mode = 'there';
    await store.recover();
    await store.settle(settlement('a', 12));
    expect(await inShared()).toMatchObject({ used: 12, held: 0 });
  });

  it('learns everything anew where the store came back empty', async () => {
    const { store, state, seed, loseEverything, inShared } = stage();
    await seed();
    await store.reserve(hold('a'), ask(10));
    state.mode = 'away';
    await store.settle(settlement('a', 7));
    loseEverything();
    state.ledgerUsed = 40;
    state.mode = 'there';
    await store.recover();
    expect(await inShared()).toMatchObject({ used: 40, held: 0 });
  });

  it('leaves no hold behind of a reservation whose answer never came', async () => {
    const { store, state, seed, inShared } = stage();
    await seed();
    state.mode = 'deaf';
    expect(await store.reserve(hold('a'), ask(10))).toMatchObject({ kind: 'unseeded' });
    state.mode = 'there';
    expect(await inShared()).toMatchObject({ held: 10 });
    await store.recover();
    expect(await inShared()).toMatchObject({ used: 0, held: 0 });
  });
});
