import { type ErrorCode, MetertapError } from '../core/errors.ts';
import { formatUsd } from '../core/money.ts';
import { nameOfRule } from './limit-rule.ts';
import type { CounterState } from './limit-store.ts';
import { limitView, remainingOf, scopeOf } from './limit-view.ts';
import type { RuleDemand } from './rule-demand.ts';

/** A demand that does not fit, and how its counter stands. */
export interface Unfit {
  readonly demand: RuleDemand;
  readonly state: CounterState;
}

/** SDKs wait no longer than this (openai-node; wire.md 6.3); a longer wait they would answer with a storm of retries. */
const MAX_RETRY_MS = 60_000;
/** Calls at the same time end when they end: asking again in a second is as good as any guess. */
const PARALLEL_RETRY_MS = 1_000;

/**
 * The refusal of a call, for the gravest of the rules that do not admit it: one that never will, before one that will
 * later.
 */
export function refusalOf(unfit: readonly Unfit[], nowMs: number): MetertapError {
  const [gravest] = unfit.toSorted((one, other) => gravity(other, nowMs) - gravity(one, nowMs));
  if (gravest === undefined) throw new RangeError('a refusal needs a rule that refuses');
  const { demand, state } = gravest;
  const code = codeOf(demand);
  const retryMs = retryAfterMs(gravest, nowMs);
  const heals = code === 'rate_limit_exceeded' && retryMs !== null && retryMs <= MAX_RETRY_MS;
  const isTokens = demand.rule.measure.endsWith('tokens');
  return new MetertapError(code, messageOf(gravest), {
    ...(retryMs === null || code !== 'rate_limit_exceeded' ? {} : { retryAfterMs: retryMs }),
    ...(code === 'rate_limit_exceeded' && isTokens ? { type: 'tokens' } : {}),
    heals,
    headers: headersOf(gravest, nowMs),
    limit: limitView(demand, state),
  });
}

/** The code for a rule that is passed: of the run, of money, or of a rate. */
export function codeOf(demand: Pick<RuleDemand, 'rule' | 'subject'>): ErrorCode & LimitCode {
  const { rule, subject } = demand;
  const isOfRun = subject.runId !== null || rule.per === 'session';
  if (isOfRun && rule.measure !== 'parallel' && (rule.per === 'run' || rule.per === 'session')) {
    return 'run_limit_exceeded';
  }
  return rule.measure === 'budget_usd' ? 'budget_exceeded' : 'rate_limit_exceeded';
}

export type LimitCode = 'run_limit_exceeded' | 'budget_exceeded' | 'rate_limit_exceeded';

/** How long until the call may fit; null where waiting does not help. */
function retryAfterMs({ demand, state }: Unfit, nowMs: number): number | null {
  if (demand.amount > demand.limit) return null;
  if (demand.rule.measure === 'parallel') return PARALLEL_RETRY_MS;
  return state.freeAtMs === null ? null : Math.max(1, state.freeAtMs - nowMs);
}

function gravity(unfit: Unfit, nowMs: number): number {
  return retryAfterMs(unfit, nowMs) ?? Number.POSITIVE_INFINITY;
}

function messageOf({ demand, state }: Unfit): string {
  const { rule, limit } = demand;
  const amount = (value: number): string => (rule.measure === 'budget_usd' ? `${formatUsd(value)} USD` : String(value));
  const left = remainingOf(demand, state);
  const of = `The limit ${nameOfRule(rule)} of ${ownerOf(demand)} does not admit this call`;
  const figures = `limit ${amount(limit)}, used ${amount(state.used)}, held by calls that are running ${amount(state.held)}, left ${amount(left)}`;
  const asked = rule.measure === 'parallel' ? '' : `; the call may need up to ${amount(demand.amount)}`;
  return `${of}: ${figures}${asked}. ${adviceOf({ demand, state })}`;
}

function adviceOf({ demand, state }: Unfit): string {
  if (demand.amount > demand.limit) {
    return 'It alone may need more than the whole limit: send less, or ask for less output (max_completion_tokens).';
  }
  if (demand.rule.measure === 'parallel') return 'Try again when another call has ended.';
  return state.freeAtMs === null
    ? 'It does not fill up again by itself: have it raised.'
    : `It resets at ${new Date(state.freeAtMs).toISOString()}.`;
}

function ownerOf(demand: RuleDemand): string {
  const { subject } = demand;
  switch (scopeOf(demand)) {
    case 'run':
      return `the run ${JSON.stringify(subject.runId)}`;
    case 'session':
      return `the session ${JSON.stringify(subject.sessionId)}`;
    case 'user':
      return `the user ${JSON.stringify(subject.user)}`;
    case 'key':
      return `the key ${JSON.stringify(subject.keyId)}`;
    case 'team':
    case 'model':
      return `the team ${JSON.stringify(subject.team)}`;
  }
}

function headersOf({ demand, state }: Unfit, nowMs: number): Record<string, string> {
  const { rule } = demand;
  const left = remainingOf(demand, state);
  if (rule.measure === 'budget_usd') return { 'x-metertap-budget-remaining-usd': formatUsd(left) };
  const kind = rule.measure === 'tokens' ? 'tokens' : rule.measure === 'requests' ? 'requests' : null;
  if (kind === null || state.freeAtMs === null) return {};
  return {
    [`x-ratelimit-limit-${kind}`]: String(demand.limit),
    [`x-ratelimit-remaining-${kind}`]: String(left),
    [`x-ratelimit-reset-${kind}`]: `${Math.ceil(Math.max(0, state.freeAtMs - nowMs) / 1000)}s`,
  };
}
