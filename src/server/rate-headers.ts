import { formatUsd } from '../core/money.ts';
import { tighter } from '../limits/held-call.ts';
import type { LimitReadings, RateReading } from '../limits/reservation.ts';
import type { AnswerHeaders } from './answer-headers.ts';
import type { RequestAllowance } from './rooms.ts';

/**
 * What an answer tells of limits: `x-ratelimit-*` of the tighter of ours and the upstream's, and what is left of a
 * budget (contract.md, "Response headers"; wire.md 6.4). Empty where the upstream's hold.
 *
 * @param allowance what the key's request rate leaves
 */
export function limitHeaders(
  allowance: RequestAllowance | null,
  readings: LimitReadings,
  upstream: AnswerHeaders,
): [string, string][] {
  const budget = readings.budgetRemainingNanoUsd;
  return [
    ...rateHeaders('requests', tighter(allowance, readings.requests), upstream),
    ...rateHeaders('tokens', readings.tokens, upstream),
    ...(budget === null ? [] : [['x-metertap-budget-remaining-usd', formatUsd(budget)] satisfies [string, string]]),
  ];
}

function rateHeaders(
  kind: 'requests' | 'tokens',
  reading: RateReading | null,
  upstream: AnswerHeaders,
): [string, string][] {
  if (reading === null) return [];
  const upstreamRemaining = upstream.get(`x-ratelimit-remaining-${kind}`);
  if (upstreamRemaining !== undefined && Number(upstreamRemaining) < reading.remaining) return [];
  return [
    [`x-ratelimit-limit-${kind}`, String(reading.limit)],
    [`x-ratelimit-remaining-${kind}`, String(reading.remaining)],
    [`x-ratelimit-reset-${kind}`, durationText(reading.resetMs)],
  ];
}

/** Milliseconds in the Go style that OpenAI uses: `950ms`, `1s`, `6m0s`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.ceil(ms))}ms`;
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
