import type { OutboxEvent } from '../ledger/outbox.ts';

/** How a delivery went. */
export type Delivery =
  /** The receiver has taken all of the events. */
  | { readonly kind: 'taken' }
  /**
   * The receiver will not take these events as they are. `heals` false: nothing that it does can change that.
   * Some of the events may have been taken.
   */
  | { readonly kind: 'refused'; readonly reason: string; readonly heals: boolean }
  /** It did not get that far, or the receiver asks to come again; the events are not at fault. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number | null };

/**
 * Where events go (design.md, "Extension points"). An implementation sends what it is given under the ids that the
 * events have, and says how it went; order, retries and positions are not its concern.
 */
export interface UsageSink {
  /** Most events that it takes at a time. */
  readonly maxEvents: number;
  /** Sends events. Never rejects. `stop` ends it early, as `failed`. */
  send(events: readonly OutboxEvent[], stop: AbortSignal): Promise<Delivery>;
}
