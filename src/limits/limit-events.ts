import type { LimitView } from './limit-view.ts';

/** A rule's use has reached a share of its limit: once per window. */
export interface ThresholdReached {
  /** Percent of the limit. */
  readonly threshold: number;
  readonly limit: LimitView;
  /** Names what was counted, and over which window: the same for all who count it. */
  readonly windowId: string;
  readonly atMs: number;
}

/** A run has used more than its budget. */
export interface RunOverBudget {
  readonly team: string;
  readonly runId: string;
  readonly limit: LimitView;
  readonly windowId: string;
  readonly atMs: number;
}

/** Told of what limits come to, for those who send alerts. Must not throw, and not wait. */
export interface LimitEvents {
  thresholdReached(event: ThresholdReached): void;
  runOverBudget(event: RunOverBudget): void;
}
