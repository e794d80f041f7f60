import type { Course } from './time-window.ts';

/** What a counter is and what it may come to, for one rule at one moment. */
export interface Counter {
  /** Names what is counted: the same for every rule that counts it, whatever its limit, so that an edit keeps the sum. */
  readonly key: string;
  /** The team: everything that one call counts is of one team, and can be kept on one node of a cluster. */
  readonly group: string;
  readonly course: Course;
  readonly limit: number;
  /** When the window of a sum is over, in Unix milliseconds; null: never. */
  readonly endsAtMs: number | null;
  /** Counts only what is held (calls at the same time), so there is nothing that a ledger could know of it. */
  readonly onlyHeld: boolean;
  /** What happens where the store cannot be asked. */
  readonly onStoreFailure: 'open' | 'closed';
}

/** A counter and how much of it a call asks for. */
export interface Demand extends Counter {
  /** A whole number from 0; for money nano-USD. */
  readonly amount: number;
}

/** How a counter stands. */
export interface CounterState {
  readonly used: number;
  readonly held: number;
  /** When all of it (a window), or as much as was asked for (rates, rolling), will be free again; null: never. */
  readonly freeAtMs: number | null;
}

export interface Hold {
  /** The id of the call. */
  readonly id: string;
  /** How long it lasts if nobody settles it. */
  readonly maxMs: number;
}

export type ReserveOutcome =
  /** All demands are held. States are those after it, in the order of the demands. */
  | { readonly kind: 'held'; readonly states: readonly CounterState[] }
  /** Nothing is held. `by` are the indexes of the demands that do not fit. */
  | { readonly kind: 'refused'; readonly by: readonly number[]; readonly states: readonly CounterState[] }
  /** Nothing is held, because these counters (indexes) have not been told what the ledger knows of them. */
  | { readonly kind: 'unseeded'; readonly counters: readonly number[] };

/** A held demand with what it came to in the end. */
export interface Settled extends Demand {
  /** What was really used; 0 gives the hold back. */
  readonly actual: number;
}

export interface Settlement {
  readonly id: string;
  readonly demands: readonly Settled[];
  /** When the call began, in Unix milliseconds: it counts for the slot of that moment. */
  readonly startedAtMs: number;
  /** Counts only where the hold is still there: for a settlement that may have arrived before. */
  readonly onlyIfHeld: boolean;
}

/** What a settled counter stood at before and stands at now. */
export interface Counted {
  readonly before: number;
  readonly after: number;
}

/** What the ledger knows of a counter: what began at each time. A sum has one entry. */
export interface Seed {
  readonly counter: Counter;
  readonly used: readonly { readonly startMs: number; readonly amount: number }[];
}

/** At once where nothing is to be waited for, as counters in memory: most calls then reserve and settle without waiting. */
export type NowOrLater<Answer> = Answer | Promise<Answer>;

/**
 * Where counters are kept. Each call of it is one atomic step over all its counters; the rules of windows, rates and
 * holds live in it because only it can be atomic. One contract suite holds every implementation to the same behaviour.
 *
 * @throws StoreUnavailable from every method, at once or later, where the store cannot be asked; nothing may then be taken for done
 */
export interface LimitStore {
  /** Reserves all demands or none. Keys are distinct. Holds that have run out are given back first. */
  reserve(hold: Hold, demands: readonly Demand[]): NowOrLater<ReserveOutcome>;
  /**
   * The hold becomes the real figures, once: settling it again must say `onlyIfHeld`. A counter that the store does not
   * know is left alone (null), since the ledger will tell of the call when it is seeded.
   */
  settle(settlement: Settlement): NowOrLater<readonly (Counted | null)[]>;
  /** How counters stand; null for those that are not seeded. */
  read(counters: readonly Counter[]): Promise<readonly (CounterState | null)[]>;
  /** Tells of what the ledger knows: a counter never stands lower than that afterwards. */
  seed(seeds: readonly Seed[]): Promise<void>;
}

/** The store cannot be asked now. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}
