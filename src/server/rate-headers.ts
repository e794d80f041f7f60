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
  const headers: [string, string][] = [];
  addRate(headers, tighter(allowance, readings.requests), { names: RATE_NAMES.requests, upstream });
  addRate(headers, readings.tokens, { names: RATE_NAMES.tokens, upstream });
  if (budget !== null) headers.push(['x-metertap-budget-remaining-usd', formatUsd(budget)]);
  return headers;
}

interface RateNames {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

const namesOf = (kind: string): RateNames => ({
  limit: `x-ratelimit-limit-${kind}`,
  remaining: `x-ratelimit-remaining-${kind}`,
  reset: `x-ratelimit-reset-${kind}`,
});
const RATE_NAMES = { requests: namesOf('requests'), tokens: namesOf('tokens') };

function addRate(
  headers: [string, string][],
  reading: RateReading | null,
  { names, upstream }: { readonly names: RateNames; readonly upstream: AnswerHeaders },
): void {
  if (reading === null) return;
  const upstreamRemaining = upstream.get(names.remaining);
  if (upstreamRemaining !== undefined && Number(upstreamRemaining) < reading.remaining) return;
  headers.push([names.limit, String(reading.limit)]);
  headers.push([names.remaining, String(reading.remaining)]);
  headers.push([names.reset, durationText(reading.resetMs)]);
}

/** Milliseconds in the Go style that OpenAI uses: `950ms`, `1s`, `6m0s`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.ceil(ms))}ms`;
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
