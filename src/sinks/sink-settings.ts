import type { MeterValue, SinkKindName } from '../core/sink-kinds.ts';
import type { EventStream } from '../ledger/outbox.ts';

/** A sink as configured (docs/configuration.md, `sinks[]`). */
export interface SinkSettings {
  readonly name: string;
  readonly kind: SinkKindName;
  /** The whole address that is posted to. */
  readonly url: string;
  readonly streams: readonly EventStream[];
  /** Sent as a bearer token. */
  readonly token: string | null;
  readonly headers: Readonly<Record<string, string>>;
  /** `whsec_` and the key in base 64; a request is signed with each of them. */
  readonly signingSecrets: readonly string[];
  /** Only events of these teams; empty for all. */
  readonly teams: readonly string[];
  readonly batchSize: number;
  readonly timeoutMs: number;
  /** How often an event that the receiver refuses is tried before it is parked. */
  readonly maxAttempts: number;
  /** What the receiver calls a call: CloudEvents `type`, Lago `code`, Orb `event_name`, Metronome `event_type`. */
  readonly eventName: string;
  /** Where there are any, each call becomes one event for each meter. */
  readonly meters: readonly { readonly eventName: string; readonly value: MeterValue }[];
  /** The receiver's customer by team. */
  readonly customers: Readonly<Record<string, string>>;
  /** The label of a key that has the receiver's customer; it stands before `customers`. */
  readonly customerLabel: string | null;
  /** CloudEvents `source`: which Metertap it was. */
  readonly source: string;
}
