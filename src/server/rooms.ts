import type { Caller } from '../attribution/attribution.ts';
import type { KeyRing } from '../attribution/key-ring.ts';
import type { Clock } from '../core/clock.ts';
import type { ErrorCode } from '../core/errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { CallRecord } from '../ledger/record.ts';
import type { LimitStage } from '../limits/reservation.ts';
import type { EventSkimmer } from '../metering/event-skim/event-skimmer.ts';
import type { Price, PricedCall, Pricer } from '../pricing/pricer.ts';
import type { RelayLimits } from '../streaming/relay.ts';
import type { BackgroundResponses } from './background-responses.ts';
import type { ClientAttempts } from './client-attempts.ts';
import type { Exchange } from './exchange.ts';
import type { Skimmer } from './json-skim/json-skimmer.ts';
import type { OpenCalls } from './open-calls.ts';
import type { RejectionMemory } from './stream-usage-request.ts';
import type { TokenEstimator } from './token-estimator.ts';
import type { UpstreamDirectory } from './upstreams.ts';

/** Settings of the proxied path, read once at the start of each call; a reload swaps them for the calls after it. */
export interface ProxySettings {
  readonly keyRing: KeyRing;
  readonly upstreams: UpstreamDirectory;
  /** In keys mode the client's credential is ours, and the upstream's own takes its place. */
  readonly replaceCredential: boolean;
  readonly bodyLimitBytes: number;
  readonly unknownEndpoints: 'allow' | 'refuse';
  readonly requireRunId: boolean;
  readonly unpricedModels: 'allow' | 'refuse';
  readonly usageEvent: 'hide' | 'pass';
  readonly relay: RelayLimits;
  readonly missingUsage: 'estimate' | 'leave';
  readonly durability: 'before_response' | 'async';
  readonly onLedgerFailure: 'refuse' | 'serve_unmetered';
  /** The price of a call; null where none is known. */
  readonly price: (call: PricedCall) => Price | null;
  /** The most that a call may cost, in nano-USD; null where no price is known. */
  readonly worstCost: Pricer['worstCost'];
  readonly hasPrice: (upstream: string, model: string | null) => boolean;
}

/** Told of what happens, for metrics and logs; nothing of it decides anything. */
export interface CallObserver {
  refused(code: ErrorCode, id: string): void;
  callStarted(): void;
  callOver(): void;
  /** No connection to an upstream could be opened, and it is tried once more. */
  connectionRetried(upstream: string): void;
  /**
   * A call's record is complete.
   *
   * @param overheadMs the part of the call that Metertap itself took; null where it cannot be told
   */
  callEnded(record: CallRecord, overheadMs: number | null): void;
  freeCallEnded(end: { endpoint: string; upstream: string; status: number | null }): void;
  /** A fault of our own: it is logged with the call's id, and never shown to the client. */
  fault(where: string, error: unknown, id: string): void;
}

/** Request rates by key and by address. */
export interface RequestRates {
  /** Whether they are counted by Fastify's view of a request (`Exchange.framed`). */
  readonly needFramed: boolean;
  /** @throws MetertapError `rate_limit_exceeded` when an address fails to authenticate too often */
  countUnauthenticated(exchange: Exchange): void | Promise<void>;
  /**
   * Counts a call of a key; at once where there is nothing to count.
   *
   * @returns what is left, for the answer's headers; null where the key has no rate
   * @throws MetertapError `rate_limit_exceeded`
   */
  countCall(exchange: Exchange, caller: Caller): RequestAllowance | null | Promise<RequestAllowance | null>;
}

export interface RequestAllowance {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** What the stages of a call work with; made once by the composition root. */
export interface ProxyRooms {
  readonly settings: () => ProxySettings;
  readonly ledger: Ledger;
  readonly limits: LimitStage;
  readonly rates: RequestRates;
  readonly background: BackgroundResponses;
  readonly rejections: RejectionMemory;
  readonly attempts: ClientAttempts;
  readonly skimmer: Skimmer;
  readonly eventSkimmer: EventSkimmer;
  readonly estimator: Pick<TokenEstimator, 'count'>;
  readonly openCalls: OpenCalls;
  readonly observer: CallObserver;
  readonly clock: Clock;
  readonly nextId: (nowMs: number) => string;
}
