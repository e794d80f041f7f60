import { formatUsd } from '../core/money.ts';
import type { LedgerReader, UsageDimension, UsageRow } from '../ledger/ledger-reader.ts';
import type { PageRequest } from './list-page.ts';
import { FILTER_DIMENSIONS, GROUP_DIMENSIONS } from './organization-kinds.ts';
import { type OrganizationPage, type OrganizationRange, organizationPage } from './organization-page.ts';

export const COST_GROUPS = ['project_id', 'user_id', 'api_key_id', 'api_source', 'run_id'] as const;
export const COST_FILTERS = ['project_ids', 'user_ids', 'api_key_ids', 'run_ids'] as const;
export type CostGroup = (typeof COST_GROUPS)[number];
export type CostFilter = (typeof COST_FILTERS)[number];

export interface OrganizationCostResult {
  readonly object: 'organization.costs.result';
  readonly amount: { readonly value: number; readonly currency: 'usd' };
  readonly line_item: string | null;
  readonly quantity: number | null;
  readonly quantity_unit: string | null;
  readonly project_id: string | null;
  readonly user_id: string | null;
  readonly api_key_id: string | null;
  readonly api_source: string | null;
  /** There only where it was asked for. */
  readonly run_id?: string | null;
}

export interface OrganizationCostRequest {
  readonly range: OrganizationRange;
  readonly groupBy: readonly CostGroup[];
  readonly filters: Readonly<Partial<Record<CostFilter, readonly string[]>>>;
}

/**
 * Answers OpenAI's costs endpoint (standards.md 1.1) from the roll-ups. Costs are those of all priced calls, also of
 * estimated ones; what has no price is not in them, and a result of nothing but unpriced calls is left out, since it
 * would say that they are free.
 */
export function reportOrganizationCosts(
  reader: LedgerReader,
  request: OrganizationCostRequest,
  page: PageRequest & { readonly nowMs: number },
): Promise<OrganizationPage<OrganizationCostResult>> {
  const filters: Partial<Record<UsageDimension, readonly string[]>> = {};
  for (const name of COST_FILTERS) {
    const dimension = FILTER_DIMENSIONS[name];
    const values = request.filters[name];
    if (dimension !== null && values !== undefined) filters[dimension] = values;
  }
  const groupBy = request.groupBy.flatMap((group) => GROUP_DIMENSIONS[group] ?? []);
  const question = { groupBy, filters, includeEstimated: true };
  const asked = { range: request.range, question, nowMs: page.nowMs };
  return organizationPage(reader, asked, { ...page, resultOf: (row) => resultOf(row, request.groupBy) });
}

function resultOf(row: UsageRow, groupBy: readonly CostGroup[]): OrganizationCostResult | null {
  const priced = row.records - row.failed - row.missing_usage - row.unpriced;
  if (priced <= 0) return null;
  const groupValue = (group: CostGroup): string | null => {
    const dimension = GROUP_DIMENSIONS[group];
    return groupBy.includes(group) && dimension !== null ? (row.dimensions[dimension] ?? null) : null;
  };
  return {
    object: 'organization.costs.result',
    amount: { value: dollars(row.cost_nano_usd), currency: 'usd' },
    line_item: null,
    quantity: null,
    quantity_unit: null,
    project_id: groupValue('project_id'),
    user_id: groupValue('user_id'),
    api_key_id: groupValue('api_key_id'),
    api_source: groupBy.includes('api_source') ? 'unlabeled' : null,
    ...(groupBy.includes('run_id') ? { run_id: groupValue('run_id') } : {}),
  };
}

/** The shape has a JSON number here, the one place where money is none of ours: the nearest to the exact decimal. */
function dollars(nanoUsd: bigint): number {
  return Number(formatUsd(nanoUsd));
}
