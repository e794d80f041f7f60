import { headerOf } from './headers.ts';
import type { RequestAllowance } from './rooms.ts';

/**
 * The `x-ratelimit-*-requests` headers of the tighter of the key's own rate and the upstream's (contract.md; wire.md
 * 6.4). Empty where the upstream's hold.
 */
export function allowanceHeaders(
  allowance: RequestAllowance | null,
  rawHeaders: readonly Buffer[],
): [string, string][] {
  if (allowance === null) return [];
  const upstreamRemaining = headerOf(rawHeaders, 'x-ratelimit-remaining-requests');
  if (upstreamRemaining !== undefined && Number(upstreamRemaining) < allowance.remaining) return [];
  return [
    ['x-ratelimit-limit-requests', String(allowance.limit)],
    ['x-ratelimit-remaining-requests', String(allowance.remaining)],
    ['x-ratelimit-reset-requests', durationText(allowance.resetMs)],
  ];
}

/** Milliseconds in the Go style that OpenAI uses: `950ms`, `1s`, `6m0s`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.ceil(ms))}ms`;
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
