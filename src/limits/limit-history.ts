import type { Seed } from './limit-store.ts';
import type { RuleCounter } from './rule-counter.ts';

/** What the books know of counters: the one source of what has been used. */
export interface LimitHistory {
  /**
   * What was used of each counter since it began, by the call's beginning.
   *
   * @throws MetertapError `ledger_unavailable`
   */
  load(counters: readonly RuleCounter[]): Promise<readonly Seed[]>;
}
