import type { Clock } from '../core/clock.ts';
import type {
  Counted,
  Counter,
  CounterState,
  Demand,
  Hold,
  LimitStore,
  ReserveOutcome,
  Seed,
  Settlement,
} from './limit-store.ts';
import { MemoryCounter } from './memory-counter.ts';

/** Counters at once; those that are idle can be told anew by the ledger, so that they may be dropped. */
const MAX_COUNTERS = 50_000;
/** How many counters a new one may cost to be looked at, when there are too many. */
const LOOKS_AT_ONCE = 16;

/**
 * Counters of this process alone. Every method does its work before it returns, so that each is one atomic step.
 */
export class MemoryLimitStore implements LimitStore {
  readonly #counters = new Map<string, MemoryCounter>();
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #maxCounters: number;

  constructor(clock: Pick<Clock, 'nowMs'>, maxCounters = MAX_COUNTERS) {
    this.#clock = clock;
    this.#maxCounters = maxCounters;
  }

  reserve(hold: Hold, demands: readonly Demand[]): ReserveOutcome {
    const nowMs = this.#clock.nowMs();
    const asked: Asked[] = [];
    const unseeded: number[] = [];
    for (let i = 0; i < demands.length; i++) {
      const demand = demands[i];
      if (demand === undefined) continue;
      const counter = this.#find(demand);
      if (counter === null) unseeded.push(i);
      else asked.push({ demand, counter });
    }
    if (unseeded.length > 0) return { kind: 'unseeded', counters: unseeded };
    const by: number[] = [];
    for (let i = 0; i < asked.length; i++) {
      const one = asked[i];
      if (one !== undefined && !one.counter.fits(one.demand, one.demand.amount, nowMs)) by.push(i);
    }
    if (by.length > 0) return { kind: 'refused', by, states: statesOf(asked, nowMs) };
    const holder = { id: hold.id, endsAtMs: nowMs + hold.maxMs };
    for (const { demand, counter } of asked) counter.hold(demand, demand.amount, holder);
    return { kind: 'held', states: statesOf(asked, nowMs) };
  }

  settle(settlement: Settlement): readonly (Counted | null)[] {
    const nowMs = this.#clock.nowMs();
    return settlement.demands.map((demand) => {
      const counter = this.#counters.get(demand.key);
      const before = counter?.settle(demand, { settlement, actual: demand.actual }, nowMs) ?? null;
      return before === null ? null : { before, after: before + demand.actual };
    });
  }

  read(counters: readonly Counter[]): Promise<readonly (CounterState | null)[]> {
    const nowMs = this.#clock.nowMs();
    const states = counters.map((counter) => {
      const found = this.#find(counter);
      return found === null ? null : found.state(counter, 0, nowMs);
    });
    return Promise.resolve(states);
  }

  seed(seeds: readonly Seed[]): Promise<void> {
    const nowMs = this.#clock.nowMs();
    for (const seed of seeds) {
      const known = this.#counters.get(seed.counter.key) ?? this.#add(seed.counter, nowMs);
      known.raise(seed, nowMs);
    }
    return Promise.resolve();
  }

  /** Forgets everything. */
  clear(): void {
    this.#counters.clear();
  }

  get size(): number {
    return this.#counters.size;
  }

  #find(counter: Counter): MemoryCounter | null {
    const known = this.#counters.get(counter.key);
    if (known !== undefined) return known;
    return counter.onlyHeld ? this.#add(counter, this.#clock.nowMs()) : null;
  }

  #add(counter: Counter, nowMs: number): MemoryCounter {
    if (this.#counters.size >= this.#maxCounters) this.#makeRoom(nowMs);
    const added = new MemoryCounter(counter);
    this.#counters.set(counter.key, added);
    return added;
  }

  /** Drops the oldest counters that nobody holds; those that are held move to the end, so that they are not asked again. */
  #makeRoom(nowMs: number): void {
    let looks = 0;
    for (const [key, counter] of this.#counters) {
      this.#counters.delete(key);
      if (counter.isHeld && !counter.isOver(nowMs)) this.#counters.set(key, counter);
      if (++looks >= LOOKS_AT_ONCE) return;
    }
  }
}

/** A demand and the counter that it is made on. */
interface Asked {
  readonly demand: Demand;
  readonly counter: MemoryCounter;
}

function statesOf(asked: readonly Asked[], nowMs: number): CounterState[] {
  return asked.map(({ demand, counter }) => counter.state(demand, demand.amount, nowMs));
}
