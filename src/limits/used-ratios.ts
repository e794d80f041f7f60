import type { Clock } from '../core/clock.ts';
import type { HeldDemand } from './held-call.ts';
import { nameOfRule } from './limit-rule.ts';
import type { Counted } from './limit-store.ts';
import type { RuleCounter } from './rule-counter.ts';

/** How much of a limit is used, for a metric. */
export interface UsedRatio {
  /** `team:research`, `key:research/ci` */
  readonly scope: string;
  /** `budget_usd per month` */
  readonly limit: string;
  readonly ratio: number;
}

/** Limits of teams and keys that are told of; each is a time series. */
const MAX_RATIOS = 500;

/** Remembers how the limits of teams and keys stood when calls last counted for them. Runs and users are never in it. */
export class UsedRatios {
  readonly #ratios = new Map<string, UsedRatio & { readonly endsAtMs: number | null }>();
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  note(held: readonly HeldDemand[]): void {
    for (const { demand, state } of held) this.#set(demand, state.used + (demand.onlyHeld ? state.held : 0));
  }

  settled(counter: RuleCounter, { after }: Counted): void {
    if (!counter.onlyHeld) this.#set(counter, after);
  }

  /** All that are known; those whose window is over stand at 0. */
  all(): readonly UsedRatio[] {
    const nowMs = this.#clock.nowMs();
    return [...this.#ratios.values()].map(({ scope, limit, ratio, endsAtMs }) => ({
      scope,
      limit,
      ratio: endsAtMs !== null && endsAtMs <= nowMs ? 0 : ratio,
    }));
  }

  /** A rule that is no longer there is told of no more when others need the place. */
  #dropOldest(): void {
    const oldest = this.#ratios.keys().next();
    if (!oldest.done) this.#ratios.delete(oldest.value);
  }

  #set(counter: RuleCounter, used: number): void {
    const { subject, rule } = counter;
    if (subject.runId !== null || subject.sessionId !== null || subject.user !== null || subject.model !== null) return;
    const scope = subject.keyId === null ? `team:${subject.team}` : `key:${subject.team}/${subject.keyId}`;
    const limit = nameOfRule(rule);
    const name = `${scope}\n${limit}\n${rule.timeZone}`;
    if (!this.#ratios.has(name) && this.#ratios.size >= MAX_RATIOS) this.#dropOldest();
    const { course } = counter;
    const endsAtMs = course.kind === 'sum' ? counter.endsAtMs : this.#clock.nowMs() + course.lengthMs;
    this.#ratios.set(name, { scope, limit, ratio: used / counter.limit, endsAtMs });
  }
}
