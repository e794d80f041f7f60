import type { LimitDimension, LimitMeasure, LimitSpan } from '../core/limit-fields.ts';

/** One rule, read and checked: how much of what, over which span (contract.md, "Limits"). */
export interface LimitRule {
  readonly measure: LimitMeasure;
  /** A count; for `budget_usd` nano-USD. A safe integer above 0. */
  readonly limit: number;
  readonly per: LimitSpan;
  /** Of a `day`, `week` or `month`: of the calendar, or the last 24 hours, 7 days, 30 days. */
  readonly window: 'calendar' | 'rolling';
  /** A name of the IANA database. */
  readonly timeZone: string;
  /** Only calls of these models, a name or a glob; null: of all. */
  readonly model: string | null;
  /** Counted for each of these on its own; null: for all together. */
  readonly each: LimitDimension | null;
  /** A running stream that passes it is ended. */
  readonly hard: boolean;
  readonly onStoreFailure: 'open' | 'closed';
  /** Shares of the limit in percent, rising, at which an event is raised. */
  readonly alertAt: readonly number[];
}

/** What holds for rules that do not say. */
export interface RuleDefaults {
  readonly onStoreFailure: 'open' | 'closed';
  readonly alertAt: readonly number[];
}

/** `budget_usd per month`, `tokens per minute of gpt-*`: how errors, events and metrics name a rule. */
export function nameOfRule(rule: LimitRule): string {
  const per = rule.per === 'forever' ? '' : rule.window === 'rolling' ? ` per rolling ${rule.per}` : ` per ${rule.per}`;
  const each = rule.each === null ? '' : ` for each ${rule.each}`;
  const model = rule.model === null ? '' : ` of ${rule.model}`;
  return `${rule.measure}${per}${model}${each}`;
}
