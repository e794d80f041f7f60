import { MetertapError } from '../core/errors.ts';
import {
  type Counted,
  type Counter,
  type CounterState,
  type Demand,
  type Hold,
  type LimitStore,
  type NowOrLater,
  type ReserveOutcome,
  type Seed,
  type Settlement,
  StoreUnavailable,
} from './limit-store.ts';
import type { MemoryLimitStore } from './memory-store.ts';

export interface FailoverOptions {
  readonly shared: LimitStore;
  /** Empty; it counts while the shared one is away. */
  readonly local: Pick<MemoryLimitStore, keyof LimitStore | 'clear'>;
  /** What the books know of counters. */
  readonly history: (counters: readonly Counter[]) => Promise<readonly Seed[]>;
  /** Told of each change, once. */
  readonly onChange: (state: 'shared' | 'local', cause: unknown) => void;
}

/** Settlements that wait for the shared store; of more only the counters are remembered, which the ledger then tells. */
const MAX_UNSENT = 10_000;
const MAX_STALE = 100_000;
const SEEDS_AT_ONCE = 500;

/**
 * A shared store that may be away. Meanwhile rules that are `open` are counted in this process alone, beginning with what
 * the ledger knows; those that are `closed` refuse. When the store is back, it is first told of what it has missed: holds
 * that it still has become the real figures, and of every counter that was touched it learns what the ledger knows. It
 * may so count a call twice that ends in that very moment, and never one too few.
 */
export class FailoverLimitStore implements LimitStore {
  readonly #options: FailoverOptions;
  #isAway = false;
  #isRecovering = false;
  #unsent: Settlement[] = [];
  /** Counters of which the shared store may know too little. */
  #stale = new Map<string, Counter>();

  constructor(options: FailoverOptions) {
    this.#options = options;
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  async reserve(hold: Hold, demands: readonly Demand[]): Promise<ReserveOutcome> {
    const { shared, local } = this.#options;
    const mayHaveHeld = !this.#isAway;
    const tried = await this.#tryShared(() => shared.reserve(hold, demands));
    if (tried !== null) return tried.answer;
    // It may have held the call and only failed to say so.
    if (mayHaveHeld) this.#postpone(releaseOf(hold, demands));
    if (demands.some(({ onStoreFailure }) => onStoreFailure === 'closed')) {
      const message =
        'The store of limits is away, and a limit of this call may not be passed unseen. Try again later.';
      throw new MetertapError('limits_unavailable', message);
    }
    for (const demand of demands) this.#remember(demand);
    return local.reserve(hold, demands);
  }

  async settle(settlement: Settlement): Promise<readonly (Counted | null)[]> {
    const { shared, local } = this.#options;
    const tried = await this.#tryShared(() => shared.settle(settlement));
    if (tried !== null) return tried.answer;
    this.#postpone(settlement);
    return local.settle(settlement);
  }

  async read(counters: readonly Counter[]): Promise<readonly (CounterState | null)[]> {
    const { shared, local } = this.#options;
    const tried = await this.#tryShared(() => shared.read(counters));
    return tried === null ? local.read(counters) : tried.answer;
  }

  async seed(seeds: readonly Seed[]): Promise<void> {
    const { shared, local } = this.#options;
    const tried = await this.#tryShared(() => shared.seed(seeds));
    if (tried === null) await local.seed(seeds);
  }

  /** Where the shared store is away: tries whether it is back, and brings it up to date. */
  async recover(): Promise<void> {
    if (!this.#isAway || this.#isRecovering) return;
    this.#isRecovering = true;
    try {
      await this.#options.shared.read([PROBE]);
      while (this.#unsent.length > 0 || this.#stale.size > 0) {
        await this.#sendUnsent();
        await this.#tellStale();
      }
      this.#isAway = false;
      this.#options.local.clear();
      this.#options.onChange('shared', null);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
    } finally {
      this.#isRecovering = false;
    }
  }

  /** Null where the shared store is away. */
  async #tryShared<Answer>(ask: () => NowOrLater<Answer>): Promise<{ readonly answer: Answer } | null> {
    if (this.#isAway) return null;
    try {
      return { answer: await ask() };
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      this.#leave(error);
      return null;
    }
  }

  #leave(cause: unknown): void {
    if (this.#isAway) return;
    this.#isAway = true;
    this.#options.onChange('local', cause);
  }

  #postpone(settlement: Settlement): void {
    for (const demand of settlement.demands) this.#remember(demand);
    if (this.#unsent.length < MAX_UNSENT) this.#unsent.push({ ...settlement, onlyIfHeld: true });
  }

  #remember(counter: Counter): void {
    if (!counter.onlyHeld && this.#stale.size < MAX_STALE) this.#stale.set(counter.key, counter);
  }

  async #sendUnsent(): Promise<void> {
    for (let next = this.#unsent[0]; next !== undefined; next = this.#unsent[0]) {
      await this.#options.shared.settle(next);
      this.#unsent.shift();
    }
  }

  async #tellStale(): Promise<void> {
    const stale = [...this.#stale.values()].slice(0, SEEDS_AT_ONCE);
    if (stale.length === 0) return;
    for (const { key } of stale) this.#stale.delete(key);
    try {
      await this.#options.shared.seed(await this.#options.history(stale));
    } catch (error) {
      for (const counter of stale) this.#stale.set(counter.key, counter);
      throw error;
    }
  }
}

function releaseOf({ id }: Hold, demands: readonly Demand[]): Settlement {
  return { id, demands: demands.map((demand) => ({ ...demand, actual: 0 })), startedAtMs: 0, onlyIfHeld: true };
}

/** A counter that nobody counts on. */
const PROBE: Counter = {
  key: 'probe',
  group: 'metertap',
  course: { kind: 'sum' },
  limit: 1,
  endsAtMs: null,
  onlyHeld: true,
  onStoreFailure: 'open',
};
