import type { Delivery } from './usage-sink.ts';

/**
 * Statuses by which a receiver says that what was sent is wrong. All others that are no success speak of the way there:
 * a credential, an address, a load, a fault; those heal when somebody mends them, and nothing is parked for them.
 */
const REFUSALS: ReadonlySet<number> = new Set([400, 406, 409, 413, 415, 422]);

const MAX_RETRY_AFTER_MS = 3_600_000;
const MAX_EXCERPT_LENGTH = 200;

export interface ReceiverAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  /** The beginning of the body, free of secrets and control characters. */
  readonly text: string;
}

/** Says what an answer means for the events that were sent. Redirects are not followed: they would take secrets along. */
export function verdictOf(answer: ReceiverAnswer, alreadyTaken: RegExp | undefined, nowMs: number): Delivery {
  const { status, text } = answer;
  if (status >= 200 && status < 300) return { kind: 'taken' };
  if (alreadyTaken?.test(text) === true && REFUSALS.has(status)) return { kind: 'taken' };
  const reason = text === '' ? `HTTP ${status}` : `HTTP ${status}: ${text.slice(0, MAX_EXCERPT_LENGTH)}`;
  if (REFUSALS.has(status)) return { kind: 'refused', reason, heals: true };
  return { kind: 'failed', reason, retryAfterMs: retryAfterMs(answer.retryAfter, nowMs) };
}

/** Reads `Retry-After`: seconds or a date (RFC 9110, 10.2.3), up to an hour; null where there is none to be read. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}
