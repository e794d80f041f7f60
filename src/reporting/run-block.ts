import type { ActivitySum, RunRow } from '../ledger/ledger-reader.ts';
import type { CallRecord } from '../ledger/record.ts';
import { type ActivityBlock, activityBlock } from './activity-block.ts';

/** A run as the management API gives it (contract.md, "A run, in the vocabulary of the agent SDKs"). */
export interface RunBlock extends ActivityBlock {
  readonly run_id: string;
  readonly team: string;
  readonly parent_run_id: string | null;
  readonly session_id: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** Ids of the direct children. */
  readonly children: readonly string[];
  readonly started_at: string;
  readonly last_activity_at: string;
  /** Calls that are open now. */
  readonly in_flight: number;
  /** The rules that were declared for the run, as they were given; of a single run how its limits stand. */
  readonly limits: readonly unknown[];
}

export interface RunFindings {
  readonly row: RunRow;
  readonly sums: readonly ActivitySum[];
  readonly children: readonly RunRow[];
  /** The run's calls in order of start, where entries are wanted. */
  readonly records: readonly CallRecord[] | null;
}

/** Writes what the books say of one run in the shape of the API. */
export function runBlock({ row, sums, children, records }: RunFindings): RunBlock {
  return {
    run_id: row.run_id,
    team: row.team,
    parent_run_id: row.parent_run_id,
    session_id: row.session_id,
    labels: row.labels,
    children: children.map((child) => child.run_id),
    started_at: row.started_at,
    last_activity_at: row.last_activity_at,
    in_flight: row.in_flight,
    ...activityBlock({ sums, inFlight: row.in_flight, records }),
    limits: row.limits,
  };
}
