import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../core/clock.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import type { PriceLookup } from '../pricing/price-lookup.ts';
import type { RunEventBounds } from '../reporting/run-events.ts';

/** Who asks: an administrator sees and does all, the owner of a key sees its own team's usage. */
export type Reader =
  | { readonly kind: 'admin' }
  | { readonly kind: 'team'; readonly team: string; readonly keyId: string };

/** Why calls cannot be served now. */
export interface UnreadyReason {
  readonly code: 'shutting_down' | 'ledger_unavailable';
  /** What is wrong and what to do, for the operator. */
  readonly message: string;
}

/** Ready when there is no reason against it. */
export interface Health {
  readonly reasons: readonly UnreadyReason[];
}

export type ReloadResult =
  | { readonly kind: 'swapped' }
  /** The file was refused and the configuration from before still holds. */
  | {
      readonly kind: 'kept';
      readonly faults: readonly { readonly path: string; readonly message: string; readonly hint?: string }[];
    };

/** What the management routes are given by the composition root. */
export interface ManagementRooms {
  readonly reader: LedgerReader;
  readonly onCommitted: Ledger['onCommitted'];
  /** Whose credential the headers carry; null for none, and for one that is not valid. */
  readonly authorize: (headers: IncomingHttpHeaders) => Reader | null;
  readonly clock: Clock;
  readonly metrics: { text(): Promise<{ contentType: string; body: string }> };
  /** Lets a scraper read `/metrics` from elsewhere than this machine; a reload may change it. */
  readonly metricsToken: () => string | null;
  readonly health: () => Health;
  readonly reload: () => Promise<ReloadResult>;
  /** The prices that hold now, and the upstreams that they are for; a reload may change them. */
  readonly prices: () => { readonly upstreams: readonly string[]; readonly explain: PriceLookup['explain'] };
  /** Bounds of the event streams, where they are not the usual ones. */
  readonly eventBounds?: RunEventBounds;
}
