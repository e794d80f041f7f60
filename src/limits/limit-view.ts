import type { LimitMeasure } from '../core/limit-fields.ts';
import { formatUsd } from '../core/money.ts';
import { nameOfRule } from './limit-rule.ts';
import type { CounterState } from './limit-store.ts';
import type { RuleCounter } from './rule-counter.ts';

/**
 * A limit as the management API, errors and events give it. Amounts are counts; of a budget decimal strings in USD. The
 * limit stands in it twice: as `limit`, and under the name of its measure, as it is written in a rule.
 */
export interface LimitView extends Partial<Readonly<Record<LimitMeasure, number | string>>> {
  readonly rule: string;
  readonly scope: 'team' | 'key' | 'run' | 'session' | 'user' | 'model';
  readonly team: string;
  readonly key_id: string | null;
  readonly run_id: string | null;
  readonly session_id: string | null;
  readonly user: string | null;
  readonly model: string | null;
  readonly measure: string;
  readonly per: string;
  readonly window: 'calendar' | 'rolling' | 'rate' | null;
  readonly timezone: string | null;
  readonly hard: boolean;
  readonly limit: number | string;
  readonly used: number | string;
  readonly held: number | string;
  readonly remaining: number | string;
  readonly resets_at: string | null;
}

/** Shows a counter as it stands. */
export function limitView(counter: RuleCounter, state: CounterState): LimitView {
  const { rule, subject, course } = counter;
  const amount = (value: number): number | string => (rule.measure === 'budget_usd' ? formatUsd(value) : value);
  return {
    rule: nameOfRule(rule),
    scope: scopeOf(counter),
    team: subject.team,
    key_id: subject.keyId,
    run_id: subject.runId,
    session_id: subject.sessionId,
    user: subject.user,
    model: subject.model ?? subject.modelPattern,
    measure: rule.measure,
    per: rule.per,
    window: course.kind === 'sum' ? (counter.endsAtMs === null ? null : 'calendar') : course.kind,
    timezone: counter.endsAtMs === null ? null : rule.timeZone,
    hard: rule.hard,
    [rule.measure]: amount(counter.limit),
    limit: amount(counter.limit),
    used: amount(state.used),
    held: amount(state.held),
    remaining: amount(remainingOf(counter, state)),
    resets_at: state.freeAtMs === null ? null : new Date(state.freeAtMs).toISOString(),
  };
}

/** What can still be used; never below 0, although calls may come to more than was reserved. */
export function remainingOf(counter: { readonly limit: number }, state: CounterState): number {
  return Math.max(0, counter.limit - state.used - state.held);
}

/** The narrowest thing that the counter is about. */
export function scopeOf({ subject }: RuleCounter): LimitView['scope'] {
  if (subject.runId !== null) return 'run';
  if (subject.sessionId !== null) return 'session';
  if (subject.user !== null) return 'user';
  if (subject.keyId !== null) return 'key';
  return subject.model === null ? 'team' : 'model';
}
