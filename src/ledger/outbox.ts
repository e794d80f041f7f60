import type { AlertType } from '../core/alert-events.ts';
import type { SettledCorrection } from './correction.ts';
import type { CallRecord } from './record.ts';

/**
 * What can be delivered: calls that have got their end, corrections of their costs, and alerts. Each sink has a position
 * in each that it takes.
 */
export type EventStream = 'usage' | 'corrections' | 'alerts';

/** An alert as the outbox keeps it. */
export interface StoredAlert {
  /** ULID. */
  readonly id: string;
  readonly type: AlertType;
  readonly team: string | null;
  /** ISO 8601 in UTC with milliseconds. */
  readonly occurredAt: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** `position` is its place in its stream, in the order of the commits. */
export type OutboxEvent =
  | { readonly stream: 'usage'; readonly id: string; readonly position: number; readonly record: CallRecord }
  | {
      readonly stream: 'corrections';
      readonly id: string;
      readonly position: number;
      readonly correction: SettledCorrection;
    }
  | { readonly stream: 'alerts'; readonly id: string; readonly position: number; readonly alert: StoredAlert };

/** The next events of a sink. `lane` says how they are settled: by position, or one by one. */
export interface OutboxPage {
  readonly lane: EventStream | 'parked';
  readonly events: readonly OutboxEvent[];
}

export interface SinkRegistration {
  readonly name: string;
  readonly streams: readonly EventStream[];
}

/** A try at a delivery, as it is written down. */
export interface Settlement {
  readonly sink: string;
  readonly nowMs: number;
  /** Everything of the stream up to and with this position is done; null where nothing is. */
  readonly through: { readonly stream: EventStream; readonly position: number } | null;
  /** Parked events that have been taken now. */
  readonly unparked: readonly EventKey[];
  /** Events that are given up until an operator asks for them again. */
  readonly parked: readonly (EventKey & { readonly reason: string })[];
  /** Whether anything was taken by the receiver. */
  readonly delivered: boolean;
  /** Why it failed; null where it did not. Free of secrets. */
  readonly error: string | null;
}

export interface EventKey {
  readonly stream: EventStream;
  readonly id: string;
}

/** How a sink stands, whichever process delivers. */
export interface SinkStanding {
  readonly name: string;
  readonly streams: readonly EventStream[];
  /** The instance that delivers; null where none does. */
  readonly holder: string | null;
  /** Events that wait, counted up to a bound. */
  readonly waiting: number;
  /** When the oldest of them got its end; null where none waits. */
  readonly oldestWaitingAt: string | null;
  readonly parked: number;
  readonly lastParked: { readonly id: string; readonly reason: string; readonly parkedAtMs: number } | null;
  readonly lastError: string | null;
  readonly lastErrorAtMs: number | null;
  readonly lastDeliveredAtMs: number | null;
}

/** Counting what waits stops here. */
export const MAX_WAITING_COUNTED = 100_000;

/**
 * What has been delivered to whom, beside the books and in the same transactions. Exactly one process delivers to a
 * sink: the one that holds its lease. Everything rejects with an error where the ledger cannot be read or written.
 */
export interface Outbox {
  /**
   * Makes the sinks known (a new one begins with what settles from now on), and takes or keeps their leases, where no
   * other living process has them. Gives the names of those that this process holds until `leaseMs` from now.
   */
  claim(sinks: readonly SinkRegistration[], leaseMs: number): Promise<readonly string[]>;
  /** Gives all leases of this process back. */
  release(): Promise<void>;
  /**
   * The next events for a sink, oldest first: parked ones that are to be tried again, then alerts, then usage and
   * corrections, a call before its corrections.
   */
  nextPage(sink: SinkRegistration, limit: number): Promise<OutboxPage>;
  /** Writes down how a delivery went. Nothing is written where the lease has gone to another process. */
  settle(settlement: Settlement): Promise<'settled' | 'lease_lost'>;
  /** Has the parked events of a sink tried again. Gives how many; null for a sink that is not known. */
  retryParked(sink: string): Promise<number | null>;
  standings(): Promise<readonly SinkStanding[]>;
  /** Keeps an alert, unless one of its key is kept already. */
  addAlert(alert: NewAlert): Promise<'added' | 'known'>;
}

export interface NewAlert extends StoredAlert {
  readonly dedupeKey: string;
}
