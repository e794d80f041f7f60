import type { CallRecord } from '../ledger/record.ts';

/** More are not waited for at once; the oldest then stays `queued` in the ledger until it is seen after a restart. */
const MAX_PENDING = 100_000;

/**
 * Responses that run in the background (wire.md 3.2): created in one call, their usage shown by whichever later call
 * looks first. Each is settled once, on the record of the call that created it.
 */
export class BackgroundResponses {
  readonly #pending = new Map<string, CallRecord>();

  /** @param queued the records that the ledger still holds as `queued`, after a restart */
  constructor(queued: readonly CallRecord[]) {
    for (const record of queued) this.add(record);
  }

  /** Remembers a record whose ending is `queued`. */
  add(record: CallRecord): void {
    if (record.upstream_id === null) return;
    if (this.#pending.size >= MAX_PENDING) {
      const oldest = this.#pending.keys().next();
      if (!oldest.done) this.#pending.delete(oldest.value);
    }
    this.#pending.set(record.upstream_id, record);
  }

  /** The record that waits for this response's usage; null where none does. */
  waitingFor(responseId: string): CallRecord | null {
    return this.#pending.get(responseId) ?? null;
  }

  /** The response has been settled, or is being so: nobody else shall settle it. */
  remove(responseId: string): void {
    this.#pending.delete(responseId);
  }

  get size(): number {
    return this.#pending.size;
  }
}

const SHOWS_A_RESPONSE = /^responses\/([^/]+)(?:\/cancel)?$/;

/** The id of the response that a path shows (`responses/{id}`, `responses/{id}/cancel`); null for any other path. */
export function responseIdOf(path: string): string | null {
  const id = SHOWS_A_RESPONSE.exec(path)?.[1];
  return id === undefined ? null : id;
}
