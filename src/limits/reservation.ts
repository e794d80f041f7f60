import type { Caller, CarriedIds } from '../attribution/attribution.ts';
import type { MetertapError } from '../core/errors.ts';

/** What is known of a call before it goes out, for the rules that may refuse it. */
export interface PlannedCall {
  /** Also the name of its hold. */
  readonly id: string;
  /** Unix milliseconds; the ledger counts the call under this time too. */
  readonly startedAtMs: number;
  readonly caller: Caller;
  readonly ids: CarriedIds;
  readonly endpoint: string;
  readonly upstream: string;
  readonly model: string | null;
  readonly size: CallSize;
  /** A response that runs on at the upstream when this call is over. */
  readonly background: boolean;
  /** `x-metertap-run-limits` as the client wrote it. */
  readonly runLimits: string | null;
}

/** How large a call may become. Asked only where a rule counts tokens or money. */
export interface CallSize {
  /** An estimate from the request's bytes. */
  inputTokens(): number;
  /** The most output that the request allows, all choices together; null where it names no ceiling. */
  readonly outputCeiling: number | null;
  /** Nano-USD at the worst price that may apply; null where no price is known. */
  costNanoUsd(inputTokens: number, outputTokens: number): number | null;
}

/** What a call has used in the end, as the ledger sums it: what is not known counts nothing. */
export interface ActualUse {
  readonly requests: 0 | 1;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly toolCalls: number;
  readonly costNanoUsd: number;
}

/** A rate as `x-ratelimit-*` tells it. */
export interface RateReading {
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/** What is left after a reservation, of the tightest rule of each kind; null where there is none. */
export interface LimitReadings {
  readonly budgetRemainingNanoUsd: number | null;
  readonly requests: RateReading | null;
  readonly tokens: RateReading | null;
}

/** How far a running stream may go. */
export interface StreamAllowance {
  /** Output tokens after which the stream is ended. */
  readonly outputTokens: number;
  /** What the record says then. */
  readonly code: string;
  /** What the client is told then. */
  readonly refusal: () => MetertapError;
}

/** A call's hold on the limits that apply to it. It is settled or released, once; what comes after that does nothing. */
export interface Reservation {
  readonly readings: LimitReadings;
  /** Null where no rule is hard. */
  readonly allowance: StreamAllowance | null;
  /** The call has ended and its record is in the journal: the hold becomes the real figure. */
  settle(actual: ActualUse): void;
  /** Nothing reached an upstream: the hold is given back. */
  release(): void;
}

/** Reserves before a call and settles after it (design.md, promise 4). */
export interface LimitStage {
  /**
   * @throws MetertapError `rate_limit_exceeded`, `budget_exceeded`, `run_limit_exceeded`, `limits_unavailable`,
   *   `invalid_attribution` for bad run limits of the client
   */
  reserve(call: PlannedCall): Promise<Reservation>;
  /** Counts a call whose reservation this process does not have any more: it ran on in the background over a restart. */
  settleLate(call: LateCall, actual: ActualUse): void;
}

/** What must be known of a call to find what it counts for. */
export interface LateCall extends Pick<PlannedCall, 'id' | 'ids' | 'model' | 'startedAtMs'> {
  readonly caller: Pick<Caller, 'team' | 'keyId'>;
}
