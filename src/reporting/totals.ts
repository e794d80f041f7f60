import { formatUsd } from '../core/money.ts';
import type { ActivitySum } from '../ledger/ledger-reader.ts';
import type { TokenCounts } from '../metering/usage.ts';
import { countsFrom } from './counts.ts';

/** What a report adds up over many calls. */
export interface Totals {
  /** Tokens and tool calls of calls whose usage the upstream reported. Estimates are never in here. */
  readonly counts: TokenCounts;
  readonly requests: number;
  readonly failed: number;
  readonly missingUsage: number;
  readonly estimated: number;
  readonly clientRetries: number;
  readonly unpriced: number;
  /** The cost of every priced call, those with estimated usage included: the money is spent either way. */
  readonly costNanoUsd: bigint;
  /** What corrections have added to it since, and how many unpriced calls they have priced. */
  readonly correctionsNanoUsd: bigint;
  readonly pricedLater: number;
}

/** What a report says of calls that its token counts do not hold, or hold more than once. */
export interface NotCounted {
  readonly missing_usage: number;
  readonly estimated: number;
  readonly failed: number;
  readonly client_retries: number;
}

/** Adds up roll-up rows. */
export function totalOf(sums: Iterable<ActivitySum>): Totals {
  let totals = emptyTotals();
  for (const sum of sums) totals = addTotals(totals, totalsOfRow(sum));
  return totals;
}

export function addTotals(a: Totals, b: Totals): Totals {
  return {
    counts: countsFrom((name) => a.counts[name] + b.counts[name]),
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    missingUsage: a.missingUsage + b.missingUsage,
    estimated: a.estimated + b.estimated,
    clientRetries: a.clientRetries + b.clientRetries,
    unpriced: a.unpriced + b.unpriced,
    costNanoUsd: a.costNanoUsd + b.costNanoUsd,
    correctionsNanoUsd: a.correctionsNanoUsd + b.correctionsNanoUsd,
    pricedLater: a.pricedLater + b.pricedLater,
  };
}

/**
 * Tells whether the cost is that of all calls, exactly: each one has ended, its usage was reported, and there was a
 * price for it. Calls that failed without usage do not count against it.
 *
 * @param inFlight calls that are open now
 */
export function isCostComplete(totals: Totals, inFlight: number): boolean {
  return inFlight === 0 && totals.unpriced === 0 && totals.missingUsage === 0 && totals.estimated === 0;
}

/** What reports say of costs: as they were recorded, what corrections add, and both together. */
export interface CorrectedCost {
  readonly cost_usd: string;
  readonly cost_complete: boolean;
  readonly corrections_usd: string;
  readonly corrected_cost_usd: string;
  readonly corrected_cost_complete: boolean;
}

/** @param inFlight calls that are open now */
export function correctedCost(totals: Totals, inFlight: number): CorrectedCost {
  return {
    cost_usd: formatUsd(totals.costNanoUsd),
    cost_complete: isCostComplete(totals, inFlight),
    corrections_usd: formatUsd(totals.correctionsNanoUsd),
    corrected_cost_usd: formatUsd(totals.costNanoUsd + totals.correctionsNanoUsd),
    corrected_cost_complete: isCostComplete({ ...totals, unpriced: totals.unpriced - totals.pricedLater }, inFlight),
  };
}

export function notCounted(totals: Totals): NotCounted {
  return {
    missing_usage: totals.missingUsage,
    estimated: totals.estimated,
    failed: totals.failed,
    client_retries: totals.clientRetries,
  };
}

function emptyTotals(): Totals {
  return {
    counts: countsFrom(() => 0),
    requests: 0,
    failed: 0,
    missingUsage: 0,
    estimated: 0,
    clientRetries: 0,
    unpriced: 0,
    costNanoUsd: 0n,
    correctionsNanoUsd: 0n,
    pricedLater: 0,
  };
}

function totalsOfRow(sum: ActivitySum): Totals {
  const isReported = sum.usage_source === 'reported';
  return {
    counts: countsFrom((name) => (isReported ? sum[name] : 0)),
    requests: sum.requests,
    failed: sum.failed,
    missingUsage: sum.missing_usage,
    estimated: sum.estimated,
    clientRetries: sum.client_retries,
    unpriced: sum.unpriced,
    costNanoUsd: sum.cost_nano_usd,
    correctionsNanoUsd: sum.corrections_nano_usd,
    pricedLater: sum.priced_later,
  };
}
