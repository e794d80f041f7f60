import type { ActivitySum } from '../ledger/ledger-reader.ts';
import type { CallRecord } from '../ledger/record.ts';
import { type AgentShare, type ModelShare, sharesByAgent, sharesByModel } from './breakdown.ts';
import { type CorrectedCost, correctedCost, type NotCounted, notCounted, totalOf } from './totals.ts';
import { type UsageBlock, usageBlock } from './usage-block.ts';

/** The members that the report of a run and the report of a session have in common. */
export interface ActivityBlock extends CorrectedCost {
  readonly usage: UsageBlock;
  readonly by_model: readonly ModelShare[];
  readonly by_agent: readonly AgentShare[];
  readonly not_counted: NotCounted;
}

interface Activity {
  readonly sums: readonly ActivitySum[];
  /** Calls that are open now. */
  readonly inFlight: number;
  /** The calls one by one, where entries are wanted. */
  readonly records: readonly CallRecord[] | null;
}

/** Gives usage, cost and what is not counted of one set of calls. */
export function activityBlock({ sums, inFlight, records }: Activity): ActivityBlock {
  const totals = totalOf(sums);
  return {
    usage: usageBlock(totals, records),
    ...correctedCost(totals, inFlight),
    by_model: sharesByModel(sums),
    by_agent: sharesByAgent(sums),
    not_counted: notCounted(totals),
  };
}
