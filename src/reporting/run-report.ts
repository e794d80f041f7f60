import type { LedgerReader, RunKey, RunRow } from '../ledger/ledger-reader.ts';
import { type RunBlock, runBlock } from './run-block.ts';
import { type RunTree, readRunTree } from './run-tree.ts';

/** A run, with its tree where that was asked for. */
export type RunReport = RunBlock | (RunBlock & RunTree);

export interface RunReportOptions {
  /** Adds the descendants and their sum. */
  readonly includeChildren: boolean;
  /** Adds `request_usage_entries` and the further details that only single records hold. */
  readonly withEntries: boolean;
}

type RunReader = Pick<LedgerReader, 'run' | 'sumsOfRun' | 'childrenOf' | 'recordsOfRun'>;

/** Reports one run; null when no call named it and nobody declared it. */
export async function reportRun(reader: RunReader, run: RunKey, options: RunReportOptions): Promise<RunReport | null> {
  const row = await reader.run(run);
  return row === null ? null : reportRunRow(reader, row, options);
}

/** Reports a run whose row has been read already. */
export async function reportRunRow(
  reader: Omit<RunReader, 'run'>,
  row: RunRow,
  options: RunReportOptions,
): Promise<RunReport> {
  const run = { team: row.team, runId: row.run_id };
  const [sums, children, records] = await Promise.all([
    reader.sumsOfRun(run),
    reader.childrenOf(run),
    options.withEntries ? reader.recordsOfRun(run) : null,
  ]);
  const block = runBlock({ row, sums, children, records });
  return options.includeChildren ? { ...block, ...(await readRunTree(reader, { row, sums, children })) } : block;
}
