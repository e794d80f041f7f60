import type { Forecast } from './forecast.ts';
import type { LimitRule } from './limit-rule.ts';
import type { Demand } from './limit-store.ts';
import type { ActualUse } from './reservation.ts';
import type { RuleCounter } from './rule-counter.ts';

/** A rule's counter, what a call asks of it, and what the call came to. */
export interface RuleDemand extends RuleCounter, Demand {
  /** 0 until the call is over. */
  actual: number;
}

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
  const places = counters.length > FEW ? new Map<string, number>() : null;
  for (const counter of counters) {
    const place = places === null ? placeOf(demands, counter.key) : places.get(counter.key);
    const known = place === undefined ? undefined : demands[place];
    if (place !== undefined && known !== undefined) {
      if (counter.limit < known.limit) demands[place] = demandOn(counter, known.amount);
      continue;
    }
    places?.set(counter.key, demands.length);
    demands.push(demandOn(counter, amountOf(counter.rule, forecast)));
  }
  return demands;
}

/** Up to so many keys are compared with each other: a Map costs more to make. */
const FEW = 8;

function placeOf(demands: readonly RuleDemand[], key: string): number | undefined {
  for (let place = 0; place < demands.length; place++) if (demands[place]?.key === key) return place;
  return undefined;
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
    actual: 0,
  };
}
