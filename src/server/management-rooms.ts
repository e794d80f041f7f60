import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { Scope } from '../attribution/permissions.ts';
import type { Clock } from '../core/clock.ts';
import type { AccessBook, ChangeAuthor, NewSecret } from '../ledger/access-book.ts';
import type { CorrectionBook } from '../ledger/correction.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { LedgerReader, RunKey } from '../ledger/ledger-reader.ts';
import type { SinkStanding } from '../ledger/outbox.ts';
import type { StatementBook } from '../ledger/statement.ts';
import type { LimitDesk } from '../limits/limit-desk.ts';
import type { PriceLookup } from '../pricing/price-lookup.ts';
import type { AccessSources } from '../reporting/access-list.ts';
import type { Reports } from '../reporting/report-question.ts';
import type { RunEventBounds } from '../reporting/run-events.ts';
import type { Delivery } from '../sinks/usage-sink.ts';
import type { SignInSessions } from './sign-in-sessions.ts';

/** Who asks: an administrator sees and does all, the owner of a key sees its own team's usage. */
export type Reader =
  | {
      readonly kind: 'admin';
      /** The key that has an `admin:` scope; absent for the admin key itself. */
      readonly keyId?: string;
      /** Sees all and changes nothing. */
      readonly isReadOnly?: true;
    }
  | {
      readonly kind: 'team';
      readonly team: string;
      readonly keyId: string;
      /** Absent: the scopes of a key of which nothing is said. */
      readonly scopes?: readonly Scope[];
    };

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

/** What runs, for whoever looks after it; not of anybody's usage. */
export interface Status {
  readonly version: string;
  readonly nodeVersion: string;
  readonly startedAtMs: number;
  readonly authMode: 'passthrough' | 'keys';
  readonly openCalls: number;
  readonly journal: { readonly state: 'ready' | 'unavailable'; readonly waitingRecords: number };
  readonly upstreams: readonly { readonly name: string; readonly origin: string; readonly models: readonly string[] }[];
  readonly configuration: {
    readonly loadedAtMs: number;
    /** Whether the last load was the one that holds. */
    readonly isLastLoadInForce: boolean;
  };
}

/** Signing in from a browser. */
export interface SignInRooms {
  readonly sessions: Pick<SignInSessions<Reader>, 'begin' | 'find' | 'end'>;
  /** Throws `rate_limit_exceeded` when an address tries too often. */
  readonly countAttempt: (request: FastifyRequest) => Promise<void>;
  readonly authMode: () => 'passthrough' | 'keys';
}

export type ReloadResult =
  | { readonly kind: 'swapped' }
  /** The file was refused and the configuration from before still holds. */
  | {
      readonly kind: 'kept';
      readonly faults: readonly { readonly path: string; readonly message: string; readonly hint?: string }[];
    };

/** A secret that has just been made. It is answered once, and only its HMAC is kept. */
export interface MintedSecret extends NewSecret {
  readonly secret: string;
}

/** Teams and keys: where they are, and what it takes to change them. */
export interface AccessRooms extends AccessSources {
  readonly book: AccessBook;
  readonly mint: (keyId: string) => MintedSecret;
  /** What is wrong with limit rules, as a sentence; null where they are right. */
  readonly limitRulesFault: (rules: unknown) => string | null;
  /** Lets this process know of a change that has been committed, before its answer goes out. */
  readonly takeUpChanges: () => Promise<void>;
  /** Whether keys of Metertap open anything: in passthrough mode clients use their own credentials. */
  readonly areKeysInUse: () => boolean;
}

/** The sinks, as operators see them. */
export interface ManagedSinks {
  /** Those that are configured now. The address is cut to its host: a path may be a secret. */
  configured(): readonly { readonly name: string; readonly kind: string; readonly host: string }[];
  /** How the sinks stand, whichever process delivers. */
  standings(): Promise<readonly SinkStanding[]>;
  /** Has the parked events of a sink tried again. Gives how many; null for a sink that the ledger does not know. */
  retryParked(name: string): Promise<number | null>;
  /** Sends an event of its own; null for a sink that is not configured, `not_possible` where it would be billed. */
  sendTest(name: string): Promise<Delivery | 'not_possible' | null>;
}

/** What the management routes are given by the composition root. */
export interface ManagementRooms {
  readonly reader: LedgerReader;
  /** Reports whose answers may be long: they come from another thread. */
  readonly reports: Reports;
  readonly corrections: CorrectionBook;
  /** Told what corrections that were written have added, in nano-USD. */
  readonly onCorrected: (deltasNanoUsd: readonly bigint[]) => void;
  readonly statements: StatementBook;
  readonly nextId: () => string;
  readonly onCommitted: Ledger['onCommitted'];
  /** Whose credential the headers carry; null for none, and for one that is not valid. */
  readonly authorize: (headers: IncomingHttpHeaders) => Reader | null;
  readonly signIn: SignInRooms;
  readonly clock: Clock;
  readonly access: AccessRooms;
  readonly metrics: { text(): Promise<{ contentType: string; body: string }> };
  /** Lets a scraper read `/metrics` from elsewhere than this machine; a reload may change it. */
  readonly metricsToken: () => string | null;
  readonly health: () => Health;
  readonly status: () => Status;
  readonly reload: (author: ChangeAuthor) => Promise<ReloadResult>;
  /** The prices that hold now, and the upstreams that they are for; a reload may change them. */
  readonly prices: () => Pick<PriceLookup, 'explain' | 'itemise' | 'providerOf' | 'priceCall'> & {
    readonly upstreams: readonly string[];
  };
  /** The sinks that events are sent to. */
  readonly sinks: ManagedSinks;
  /** How limits stand. */
  readonly limits: Pick<LimitDesk, 'find' | 'show' | 'showRun'>;
  /** Has the limits of a run hold that were declared; resolves when they do. */
  readonly runDeclared: (run: RunKey, limits: readonly unknown[]) => Promise<void>;
  /** Bounds of the event streams, where they are not the usual ones. */
  readonly eventBounds?: RunEventBounds;
}
