import type { LimitEvents } from './limit-events.ts';
import { limitView } from './limit-view.ts';
import type { RuleCounter } from './rule-counter.ts';

/** A counter that has been counted on. */
export interface CountedOn {
  readonly counter: RuleCounter;
  /** What was used before and is used now. */
  readonly before: number;
  readonly after: number;
  readonly atMs: number;
}

/**
 * Raises the events of a count. What is used only rises within a window, and each settlement is told what it rose from:
 * so exactly one of them crosses each threshold. Rates have no window and raise none.
 */
export function announceCrossings({ counter, before, after, atMs }: CountedOn, events: LimitEvents): void {
  if (counter.course.kind === 'rate' || after <= before) return;
  const view = (): ReturnType<typeof limitView> =>
    limitView(counter, { used: after, held: 0, freeAtMs: counter.endsAtMs });
  const windowId = (): string => windowIdOf(counter, atMs);
  for (const threshold of counter.rule.alertAt) {
    const mark = (counter.limit * threshold) / 100;
    if (before < mark && after >= mark)
      events.thresholdReached({ threshold, limit: view(), windowId: windowId(), atMs });
  }
  const { runId, team } = counter.subject;
  if (counter.rule.measure !== 'budget_usd' || counter.rule.per !== 'run' || runId === null) return;
  if (before <= counter.limit && after > counter.limit)
    events.runOverBudget({ team, runId, limit: view(), windowId: windowId(), atMs });
}

/** Of a rolling window, which never ends, each day is one. */
function windowIdOf({ key, course }: RuleCounter, atMs: number): string {
  const day = course.kind === 'rolling' ? `/${new Date(atMs).toISOString().slice(0, 10)}` : '';
  return `${key.replaceAll('\n', '/')}${day}`;
}
