import type { Forecast } from './forecast.ts';
import type { LimitRule } from './limit-rule.ts';
import type { Demand, Settled } from './limit-store.ts';
import type { ActualUse } from './reservation.ts';
import type { RuleCounter } from './rule-counter.ts';

/** A rule's counter and what a call asks of it. */
export type RuleDemand = RuleCounter & Demand;

/** How much of a rule's measure a call asks for. `forecast` is called only where it is needed. */
export function amountOf(rule: LimitRule, forecast: () => Forecast): number {
  switch (rule.measure) {
    case 'requests':
    case 'parallel':
      return 1;
    // How many tool calls a model asks for nobody can foresee: one of them must be left.
    case 'tool_calls':
      return 1;
    case 'input_tokens':
      return forecast().inputTokens;
    case 'output_tokens':
      return forecast().outputTokens;
    case 'tokens':
      return forecast().inputTokens + forecast().outputTokens;
    case 'budget_usd':
      return forecast().costNanoUsd;
  }
}

/** How much of it the call has used. A request that was made stays in a rate, also where it failed. */
export function actualOf({ rule, course }: RuleCounter, actual: ActualUse): number {
  switch (rule.measure) {
    case 'requests':
      return course.kind === 'rate' ? 1 : actual.requests;
    case 'parallel':
      return 0;
    case 'tool_calls':
      return actual.toolCalls;
    case 'input_tokens':
      return actual.inputTokens;
    case 'output_tokens':
      return actual.outputTokens;
    case 'tokens':
      return actual.inputTokens + actual.outputTokens;
    case 'budget_usd':
      return actual.costNanoUsd;
  }
}

/** The demands on the counters, each counter once: of several rules that count the same the tightest holds. */
export function demandsOn(counters: readonly RuleCounter[], forecast: () => Forecast): RuleDemand[] {
  const demands: RuleDemand[] = [];
  const places = new Map<string, number>();
  for (const counter of counters) {
    const place = places.get(counter.key);
    const known = place === undefined ? undefined : demands[place];
    if (place !== undefined && known !== undefined) {
      if (counter.limit < known.limit) demands[place] = demandOn(counter, known.amount);
      continue;
    }
    places.set(counter.key, demands.length);
    demands.push(demandOn(counter, amountOf(counter.rule, forecast)));
  }
  return demands;
}

/** Written out, since spreading it costs several times as much, and each call does it for each of its rules. */
function demandOn(counter: RuleCounter, amount: number): RuleDemand {
  return {
    key: counter.key,
    group: counter.group,
    course: counter.course,
    limit: counter.limit,
    endsAtMs: counter.endsAtMs,
    onlyHeld: counter.onlyHeld,
    onStoreFailure: counter.onStoreFailure,
    rule: counter.rule,
    subject: counter.subject,
    startMs: counter.startMs,
    amount,
  };
}

/** A demand with what it came to in the end. */
export function settledDemand(demand: RuleDemand, actual: number): RuleDemand & Settled {
  return {
    key: demand.key,
    group: demand.group,
    course: demand.course,
    limit: demand.limit,
    endsAtMs: demand.endsAtMs,
    onlyHeld: demand.onlyHeld,
    onStoreFailure: demand.onStoreFailure,
    rule: demand.rule,
    subject: demand.subject,
    startMs: demand.startMs,
    amount: demand.amount,
    actual,
  };
}
