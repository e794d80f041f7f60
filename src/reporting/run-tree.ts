import { formatUsd } from '../core/money.ts';
import type { ActivitySum, LedgerReader, RunRow } from '../ledger/ledger-reader.ts';
import { type RunBlock, runBlock } from './run-block.ts';
import { addTotals, isCostComplete, totalOf } from './totals.ts';
import { type UsageBlock, usageBlock } from './usage-block.ts';

/** A descendant, with its own children below it. */
export interface RunTreeNode extends RunBlock {
  readonly children_tree: readonly RunTreeNode[];
}

/** What `?include=children` adds to a run. */
export interface RunTree {
  readonly children_tree: readonly RunTreeNode[];
  /** True where the tree has more runs than are shown and summed. */
  readonly children_truncated: boolean;
  readonly usage_with_children: UsageBlock;
  readonly cost_usd_with_children: string;
  readonly cost_complete_with_children: boolean;
  readonly corrections_usd_with_children: string;
  readonly corrected_cost_usd_with_children: string;
}

type TreeReader = Pick<LedgerReader, 'sumsOfRun' | 'childrenOf'>;

/** How many runs one tree holds at most, the root included. */
const MAX_RUNS = 1_000;

/** A run on which the tree is rooted, or hangs. */
interface Branch {
  readonly row: RunRow;
  readonly sums: readonly ActivitySum[];
  readonly children: readonly RunRow[];
}

/**
 * Reads the descendants of a run, level by level, and sums them with the run itself. A parent that is its own
 * descendant ends the branch: each run is in the tree once.
 */
export async function readRunTree(reader: TreeReader, root: Branch): Promise<RunTree> {
  const branches = new Map<string, Branch>();
  const descendants = new Map<string, RunRow[]>();
  let isTruncated = false;
  const seen = new Set([root.row.run_id]);

  let level: readonly Branch[] = [root];
  while (level.length > 0) {
    const next: RunRow[] = [];
    for (const { row, children } of level) {
      const unseen = children.filter((child) => !seen.has(child.run_id));
      const taken = unseen.slice(0, MAX_RUNS - seen.size);
      if (taken.length < unseen.length) isTruncated = true;
      for (const child of taken) seen.add(child.run_id);
      descendants.set(row.run_id, taken);
      next.push(...taken);
    }
    level = await Promise.all(next.map((row) => readBranch(reader, row)));
    for (const branch of level) branches.set(branch.row.run_id, branch);
  }

  const nodesBelow = (runId: string): RunTreeNode[] =>
    (descendants.get(runId) ?? []).flatMap((row) => {
      const branch = branches.get(row.run_id);
      return branch ? [{ ...runBlock({ ...branch, records: null }), children_tree: nodesBelow(row.run_id) }] : [];
    });
  return {
    children_tree: nodesBelow(root.row.run_id),
    children_truncated: isTruncated,
    ...sumOf([root, ...branches.values()], isTruncated),
  };
}

async function readBranch(reader: TreeReader, row: RunRow): Promise<Branch> {
  const run = { team: row.team, runId: row.run_id };
  const [sums, children] = await Promise.all([reader.sumsOfRun(run), reader.childrenOf(run)]);
  return { row, sums, children };
}

function sumOf(branches: readonly Branch[], isTruncated: boolean) {
  const totals = branches.map(({ sums }) => totalOf(sums)).reduce(addTotals);
  const inFlight = branches.reduce((sum, { row }) => sum + row.in_flight, 0);
  return {
    usage_with_children: usageBlock(totals, null),
    cost_usd_with_children: formatUsd(totals.costNanoUsd),
    cost_complete_with_children: !isTruncated && isCostComplete(totals, inFlight),
    corrections_usd_with_children: formatUsd(totals.correctionsNanoUsd),
    corrected_cost_usd_with_children: formatUsd(totals.costNanoUsd + totals.correctionsNanoUsd),
  };
}
