import type { Caller, CarriedIds } from '../attribution/attribution.ts';
import type { Usage } from '../metering/usage.ts';

/** What is known of a call before it goes out, for the rules that may refuse it. */
export interface PlannedCall {
  readonly caller: Caller;
  readonly ids: CarriedIds;
  readonly endpoint: string;
  readonly upstream: string;
  readonly model: string | null;
}

/** What a call has used in the end; null where it is not known. */
export interface ActualUse {
  readonly usage: Usage | null;
  readonly costNanoUsd: number | null;
}

/** A call's hold on the limits that apply to it. It is settled or released, once. */
export interface Reservation {
  /** The call has ended and its record is in the journal: the hold becomes the real figure. */
  settle(actual: ActualUse): void;
  /** Nothing reached an upstream: the hold is given back. */
  release(): void;
}

/** Reserves before a call and settles after it (design.md, promise 4). */
export interface LimitStage {
  /**
   * @throws MetertapError `rate_limit_exceeded`, `token_limit_exceeded`, `budget_exceeded`, `run_limit_exceeded`
   */
  reserve(call: PlannedCall): Promise<Reservation>;
}
