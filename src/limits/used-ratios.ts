import type { Clock } from '../core/clock.ts';
import type { HeldDemand } from './held-call.ts';
import { type LimitRule, nameOfRule } from './limit-rule.ts';
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

interface Ratio extends UsedRatio {
  readonly name: string;
  readonly team: string;
  readonly keyId: string | null;
  ratio: number;
  endsAtMs: number | null;
  /** It has lost its place to another. */
  isDropped: boolean;
}

/** Limits of teams and keys that are told of; each is a time series. */
const MAX_RATIOS = 500;

/** Remembers how the limits of teams and keys stood when calls last counted for them. Runs and users are never in it. */
export class UsedRatios {
  readonly #ratios = new Map<string, Ratio>();
  /** The last ratio of each rule, so that a call does not name it anew. */
  readonly #last = new WeakMap<LimitRule, Ratio>();
  readonly #clock: Pick<Clock, 'nowMs'>;

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock;
  }

  note(held: readonly HeldDemand[], nowMs: number): void {
    for (const { demand, state } of held) {
      this.#set(demand, { used: state.used + (demand.onlyHeld ? state.held : 0), nowMs });
    }
  }

  settled(counter: RuleCounter, { after }: Counted, nowMs: number): void {
    if (!counter.onlyHeld) this.#set(counter, { used: after, nowMs });
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
    const [oldest] = this.#ratios.values();
    if (oldest === undefined) return;
    this.#ratios.delete(oldest.name);
    oldest.isDropped = true;
  }

  #set(counter: RuleCounter, { used, nowMs }: { readonly used: number; readonly nowMs: number }): void {
    const { subject, rule } = counter;
    if (subject.runId !== null || subject.sessionId !== null || subject.user !== null || subject.model !== null) return;
    const last = this.#last.get(rule);
    const isOfRule = last !== undefined && last.team === subject.team && last.keyId === subject.keyId;
    const ratio = isOfRule && !last.isDropped ? last : this.#ratioOf(counter);
    const { course } = counter;
    ratio.ratio = used / counter.limit;
    ratio.endsAtMs = course.kind === 'sum' ? counter.endsAtMs : nowMs + course.lengthMs;
  }

  /** Finds it by its name, which rules of several lists may share, or makes it. */
  #ratioOf({ subject: { team, keyId }, rule }: RuleCounter): Ratio {
    const scope = keyId === null ? `team:${team}` : `key:${team}/${keyId}`;
    const limit = nameOfRule(rule);
    const name = `${scope}\n${limit}\n${rule.timeZone}`;
    const known = this.#ratios.get(name);
    if (known === undefined && this.#ratios.size >= MAX_RATIOS) this.#dropOldest();
    const ratio = known ?? { name, team, keyId, scope, limit, ratio: 0, endsAtMs: null, isDropped: false };
    this.#ratios.set(name, ratio);
    this.#last.set(rule, ratio);
    return ratio;
  }
}
