import type { Forecast } from './forecast.ts';
import type { CounterState } from './limit-store.ts';
import { remainingOf } from './limit-view.ts';
import { codeOf, refusalOf } from './refusal.ts';
import type { LimitReadings, PlannedCall, RateReading, StreamAllowance } from './reservation.ts';
import type { RuleDemand } from './rule-demand.ts';

/** A demand that is held, with how its counter stood then. */
export interface HeldDemand {
  readonly demand: RuleDemand;
  readonly state: CounterState;
}

/** What the answer's headers tell: of each kind the rule with the least left. */
export function readingsOf(held: readonly HeldDemand[], nowMs: number): LimitReadings {
  let budgetRemainingNanoUsd: number | null = null;
  let requests: RateReading | null = null;
  let tokens: RateReading | null = null;
  for (const { demand, state } of held) {
    const remaining = remainingOf(demand, state);
    const { measure } = demand.rule;
    if (measure === 'budget_usd') budgetRemainingNanoUsd = Math.min(budgetRemainingNanoUsd ?? remaining, remaining);
    const resetMs = resetMsOf(demand, state, nowMs);
    if (resetMs === null) continue;
    const reading = { limit: demand.limit, remaining, resetMs };
    if (measure === 'requests') requests = tighter(requests, reading);
    if (measure === 'tokens') tokens = tighter(tokens, reading);
  }
  return { budgetRemainingNanoUsd, requests, tokens };
}

/** Of two readings the one with less left. */
export function tighter(one: RateReading | null, other: RateReading | null): RateReading | null {
  if (one === null || other === null) return one ?? other;
  return other.remaining < one.remaining ? other : one;
}

/** How long until all of it is free; null for what is never. */
function resetMsOf({ course, limit, endsAtMs }: RuleDemand, state: CounterState, nowMs: number): number | null {
  if (course.kind === 'rate') return Math.ceil(((state.used + state.held) * course.lengthMs) / limit);
  if (course.kind === 'rolling') return course.lengthMs;
  return endsAtMs === null ? null : Math.max(0, endsAtMs - nowMs);
}

/**
 * How much output a running stream may come to under the hard rules: what was left beside the input, this call's own
 * hold included. Null where no rule is hard. Calls that settle meanwhile are not looked at again.
 */
export function allowanceOf(
  held: readonly HeldDemand[],
  call: PlannedCall,
  { forecast, nowMs }: { readonly forecast: () => Forecast; readonly nowMs: () => number },
): StreamAllowance | null {
  let tightest: { outputTokens: number; unit: HeldDemand } | null = null;
  for (const unit of held) {
    if (!unit.demand.rule.hard) continue;
    const outputTokens = outputLeft(unit, call, forecast());
    if (tightest === null || outputTokens < tightest.outputTokens) tightest = { outputTokens, unit };
  }
  if (tightest === null) return null;
  const { outputTokens, unit } = tightest;
  return { outputTokens, code: codeOf(unit.demand), refusal: () => refusalOf([unit], nowMs()) };
}

function outputLeft({ demand, state }: HeldDemand, call: PlannedCall, forecast: Forecast): number {
  const left = remainingOf(demand, state) + demand.amount;
  switch (demand.rule.measure) {
    case 'output_tokens':
      return left;
    case 'budget_usd':
      return outputForMoney(left, call, forecast);
    default:
      return Math.max(0, left - forecast.inputTokens);
  }
}

/** How much output costs `nanoUsd` beside the input; infinite where output costs nothing, or nobody knows what. */
function outputForMoney(nanoUsd: number, call: PlannedCall, { inputTokens }: Forecast): number {
  const perProbe = 1_000_000;
  const input = call.size.costNanoUsd(inputTokens, 0);
  const probe = call.size.costNanoUsd(inputTokens, perProbe);
  if (input === null || probe === null || probe <= input) return Number.POSITIVE_INFINITY;
  return Math.max(0, Math.floor(((nanoUsd - input) * perProbe) / (probe - input)));
}
