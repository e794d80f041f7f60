/**
 * Things that an operator is told of without asking: what other rooms publish, and how. The table says what each type
 * means; docs/sinks.md shows them as receivers get them.
 */
export const ALERT_TYPES = {
  'limit.threshold_reached': 'a share of a limit (50, 80, 100 %) has been used within its window',
  'run.over_budget': 'a run has ended, or goes on, beyond its budget',
  'model.unpriced': 'calls of a model have usage and no known price',
  'usage.missing': 'calls that did not fail have ended without usage',
  'sink.test': 'somebody asked for an event to see whether it arrives',
} as const;
export type AlertType = keyof typeof ALERT_TYPES;

export interface AlertEvent {
  readonly type: AlertType;
  /**
   * Of one key only the first event is kept, over restarts and over all processes of a ledger. It names what the event
   * is about and its window: `limit/team/research/budget_usd/month/2026-11/80`.
   */
  readonly dedupeKey: string;
  /** Whom it concerns; null where it is no single team. */
  readonly team: string | null;
  readonly occurredAtMs: number;
  /** Plain members for the receiver. Never a secret, and nothing of what was said to a model or by it. */
  readonly data: Readonly<Record<string, string | number | boolean | null>>;
}

/** Where alerts are published. */
export interface AlertEvents {
  /**
   * Puts an event on its way to the outbox, once for its key. Costs a look into a map where the key is known, does not
   * wait and does not throw; where the ledger cannot be written it is tried again.
   */
  publish(event: AlertEvent): void;
}
