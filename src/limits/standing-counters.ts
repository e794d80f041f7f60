import type { LimitRule } from './limit-rule.ts';
import { type CountedAt, countersOf, type RuleCounter, type RuleScope } from './rule-counter.ts';

/** By how much later the past of a remembered rate may begin than a new one's would. */
const MAX_RATE_AGE_MS = 1_000;

/**
 * Remembers the counters that are the same for all calls of a team or key, so that a call does not name them anew: those
 * of rules that count neither by run nor session nor anything else that a call brings. One for each rule, for as long as
 * its window lasts and the rule itself is in use; whoever edits rules makes new ones.
 */
export class StandingCounters {
  /** A list of the one, as it is given out. */
  readonly #known = new WeakMap<LimitRule, readonly [RuleCounter]>();

  /** The counters of a rule that a call counts for, as `countersOf` finds them. */
  of(rule: LimitRule, scope: RuleScope, at: CountedAt): readonly RuleCounter[] {
    if (!isStanding(rule, scope)) return countersOf(rule, scope, at);
    const known = this.#known.get(rule);
    if (known !== undefined && isOf(known[0], scope) && isAt(known[0], at.nowMs)) return known;
    const [counter] = countersOf(rule, scope, at);
    if (counter === undefined) return [];
    const made = [counter] as const;
    this.#known.set(rule, made);
    return made;
  }
}

function isStanding(rule: LimitRule, scope: RuleScope): boolean {
  return (
    scope.runId === null && rule.each === null && rule.model === null && rule.per !== 'run' && rule.per !== 'session'
  );
}

function isOf({ subject }: RuleCounter, scope: RuleScope): boolean {
  return subject.team === scope.team && subject.keyId === scope.keyId;
}

/** Whether a counter made anew for this moment would be the same one. */
function isAt({ course, startMs, endsAtMs }: RuleCounter, nowMs: number): boolean {
  if (course.kind === 'sum') return startMs <= nowMs && (endsAtMs === null || nowMs < endsAtMs);
  // A window that moves on is told from when on the books are to be read, where the store does not know the counter.
  const ageMs = nowMs - course.lengthMs - startMs;
  return course.kind === 'rate' && ageMs >= 0 && ageMs <= MAX_RATE_AGE_MS;
}
