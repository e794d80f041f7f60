import { hash } from 'node:crypto';
import type { Caller } from '../attribution/attribution.ts';
import type { Clock } from '../core/clock.ts';
import { RecentCache } from '../core/recent-cache.ts';
import type { CallRecord } from '../ledger/record.ts';
import type { Exchange } from './exchange.ts';
import type { CallRequest } from './read-request.ts';

/** SDKs wait at most this long between two attempts (wire.md 6.3). */
const LINKED_WITHIN_MS = 120_000;
const REMEMBERED_ATTEMPTS = 10_000;

/** What makes two calls attempts of the same: whose they are, where they point, what they say. */
export interface AttemptedCall {
  readonly caller: Caller;
  readonly exchange: Exchange;
  readonly request: CallRequest;
}

interface Attempt {
  readonly id: string;
  readonly endedMs: number;
}

/**
 * Links the attempts of a client's own retries. The SDKs send nothing that names the attempt before, only how many there
 * were (`x-stainless-retry-count`), so attempts are linked by key, path, body and count (wire.md 4.1). Only failed
 * attempts are noted, since only they are repeated: calls that succeed cost nothing here. Bodies are kept as hashes.
 */
export class ClientAttempts {
  readonly #failed = new RecentCache<string, Attempt>(REMEMBERED_ATTEMPTS);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes a call that its client may repeat. Must come before the client can see how the call ended. */
  note(call: AttemptedCall, record: CallRecord): void {
    if (record.ending === 'completed' || record.ending === 'queued') return;
    this.#remember(call, record);
  }

  /** Notes a call as soon as its client leaves: one that ran out of patience repeats it while it is still drained. */
  noteWhenLeft(call: AttemptedCall, opened: CallRecord): void {
    call.exchange.presence.onLeave(() => this.#remember(call, opened));
  }

  /**
   * The id of the record that this attempt repeats; null for a first attempt, and where it is not known.
   *
   * @param retryCount how many attempts there were before
   */
  previousOf(call: AttemptedCall, retryCount: number): string | null {
    if (retryCount === 0) return null;
    const key = keyOf(call, retryCount - 1);
    const previous = key === null ? undefined : this.#failed.get(key);
    if (previous === undefined || this.#clock.monotonicMs() - previous.endedMs > LINKED_WITHIN_MS) return null;
    return previous.id;
  }

  #remember(call: AttemptedCall, record: CallRecord): void {
    const key = keyOf(call, record.client_retry);
    if (key !== null) this.#failed.set(key, { id: record.id, endedMs: this.#clock.monotonicMs() });
  }
}

/** Null where the body went by as a stream: SDKs do not repeat those (wire.md 6.3). */
function keyOf(call: AttemptedCall, attempt: number): string | null {
  const { body } = call.request;
  if (!Buffer.isBuffer(body)) return null;
  return `${call.caller.keyId}\n${call.exchange.target}\n${attempt}\n${hash('sha256', body, 'base64')}`;
}
