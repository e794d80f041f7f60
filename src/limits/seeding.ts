import type { LimitHistory } from './limit-history.ts';
import type { LimitStore } from './limit-store.ts';
import type { RuleCounter } from './rule-counter.ts';

/** Tells a store what the books know of counters, each counter once at a time however many calls wait for it. */
export class Seeding {
  readonly #store: LimitStore;
  readonly #history: LimitHistory;
  readonly #running = new Map<string, Promise<void>>();

  constructor(store: LimitStore, history: LimitHistory) {
    this.#store = store;
    this.#history = history;
  }

  /** @throws what the history and the store throw */
  async seed(counters: readonly RuleCounter[]): Promise<void> {
    const waiting = counters.flatMap(({ key }) => this.#running.get(key) ?? []);
    const fresh = counters.filter(({ key }) => !this.#running.has(key));
    if (fresh.length > 0) waiting.push(this.#start(fresh));
    await Promise.all(waiting);
  }

  #start(counters: readonly RuleCounter[]): Promise<void> {
    const work = this.#load(counters).finally(() => {
      for (const { key } of counters) this.#running.delete(key);
    });
    for (const { key } of counters) this.#running.set(key, work);
    return work;
  }

  async #load(counters: readonly RuleCounter[]): Promise<void> {
    await this.#store.seed(await this.#history.load(counters));
  }
}
