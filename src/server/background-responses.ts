import type { CallRecord } from '../ledger/record.ts';
import type { Reservation } from '../limits/reservation.ts';

/** More are not waited for at once; the oldest then stays `queued` in the ledger until it is seen after a restart. */
const MAX_PENDING = 100_000;

/**
 * Responses that run in the background (wire.md 3.2): created in one call, their usage shown by whichever later call
 * looks first. Each is settled once, on the record of the call that created it.
 */
export class BackgroundResponses {
  readonly #pending = new Map<string, CallRecord>();
  readonly #holds = new Map<string, Reservation>();

  /** @param queued the records that the ledger still holds as `queued`, after a restart */
  constructor(queued: readonly CallRecord[]) {
    for (const record of queued) this.add(record);
  }

  /** Remembers a record whose ending is `queued`, with its hold on the limits. */
  add(record: CallRecord, hold: Reservation | null = null): void {
    if (record.upstream_id === null) return;
    if (this.#pending.size >= MAX_PENDING) {
      const oldest = this.#pending.keys().next();
      if (!oldest.done) this.#forget(oldest.value);
    }
    this.#pending.set(record.upstream_id, record);
    if (hold !== null) this.#holds.set(record.upstream_id, hold);
  }

  /** The record that waits for this response's usage; null where none does. */
  waitingFor(responseId: string): CallRecord | null {
    return this.#pending.get(responseId) ?? null;
  }

  /**
   * The response has been settled, or is being so: nobody else shall settle it.
   *
   * @returns its hold; null where the process that held it has ended
   */
  remove(responseId: string): Reservation | null {
    const hold = this.#holds.get(responseId) ?? null;
    this.#forget(responseId);
    return hold;
  }

  get size(): number {
    return this.#pending.size;
  }

  #forget(responseId: string): void {
    this.#pending.delete(responseId);
    this.#holds.delete(responseId);
  }
}

const SHOWS_A_RESPONSE = /^responses\/([^/]+)(?:\/cancel)?$/;

/** The id of the response that a path shows (`responses/{id}`, `responses/{id}/cancel`); null for any other path. */
export function responseIdOf(path: string): string | null {
  const id = SHOWS_A_RESPONSE.exec(path)?.[1];
  return id === undefined ? null : id;
}
