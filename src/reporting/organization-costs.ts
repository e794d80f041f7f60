import { formatUsd } from '../core/money.ts';
import type { LedgerReader, SumName, UsageDimension, UsageRow } from '../ledger/ledger-reader.ts';
import { COST_LINE_SUMS, type CostLine, costLinesOf } from './cost-lines.ts';
import type { PageRequest } from './list-page.ts';
import { FILTER_DIMENSIONS, GROUP_DIMENSIONS } from './organization-kinds.ts';
import { type OrganizationPage, type OrganizationRange, organizationPage } from './organization-page.ts';

export const COST_GROUPS = ['project_id', 'user_id', 'line_item', 'api_key_id', 'api_source', 'run_id'] as const;
export const COST_FILTERS = ['project_ids', 'user_ids', 'api_key_ids', 'run_ids'] as const;
export type CostGroup = (typeof COST_GROUPS)[number];
export type CostFilter = (typeof COST_FILTERS)[number];

export interface OrganizationCostResult {
  readonly object: 'organization.costs.result';
  readonly amount: { readonly value: number; readonly currency: 'usd' };
  readonly line_item: string | null;
  readonly quantity: number | null;
  readonly quantity_unit: 'tokens' | null;
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
  /** Whole names of line items; empty: all. */
  readonly lineItems: readonly string[];
}

/**
 * Answers OpenAI's costs endpoint (standards.md 1.1) from the roll-ups. Costs are those of all priced calls, also of
 * estimated ones, with what corrections have added since, in the days of the calls; by line item corrections are lines
 * of their own. What has no price is not in them, and a result of nothing but unpriced calls is left out, since it would
 * say that they are free.
 */
export function reportOrganizationCosts(
  reader: Pick<LedgerReader, 'usage'>,
  request: OrganizationCostRequest,
  page: PageRequest & { readonly nowMs: number },
): Promise<OrganizationPage<OrganizationCostResult>> {
  const filters: Partial<Record<UsageDimension, readonly string[]>> = {};
  for (const name of COST_FILTERS) {
    const dimension = FILTER_DIMENSIONS[name];
    const values = request.filters[name];
    if (dimension !== null && values !== undefined) filters[dimension] = values;
  }
  const groupBy = dimensionsOf(request);
  const question = { groupBy, filters, includeEstimated: true, sums: sumsOf(request) };
  const asked = { range: request.range, question, nowMs: page.nowMs };
  return organizationPage(reader, asked, { ...page, resultsOf: (rows) => resultsOf(rows, request) });
}

/** What the cost is, and what tells whether anything in it had a price. */
const COST_SUMS: readonly SumName[] = [
  'records',
  'failed',
  'missing_usage',
  'unpriced',
  'corrections',
  'cost_nano_usd',
  'corrections_nano_usd',
];

function sumsOf(request: OrganizationCostRequest): readonly SumName[] {
  return areLinesRead(request) ? [...COST_SUMS, ...COST_LINE_SUMS] : COST_SUMS;
}

/** Line items are of models, so rows are read by model wherever they are asked for. */
function dimensionsOf(request: OrganizationCostRequest): UsageDimension[] {
  const dimensions = request.groupBy.flatMap((group) => dimensionOf(group) ?? []);
  return areLinesRead(request) ? [...dimensions, 'model'] : dimensions;
}

function areLinesRead({ groupBy, lineItems }: OrganizationCostRequest): boolean {
  return groupBy.includes('line_item') || lineItems.length > 0;
}

function dimensionOf(group: CostGroup): UsageDimension | null {
  return group === 'line_item' ? null : GROUP_DIMENSIONS[group];
}

function resultsOf(rows: readonly UsageRow[], request: OrganizationCostRequest): OrganizationCostResult[] {
  const priced = rows.filter(hasPrice);
  const { groupBy, lineItems } = request;
  if (groupBy.includes('line_item')) {
    return priced.flatMap((row) =>
      linesOf(row, lineItems).map((line) => ({
        ...resultOf(row, groupBy, line.nanoUsd),
        line_item: line.name,
        quantity: line.tokens,
        quantity_unit: line.tokens === null ? null : ('tokens' as const),
      })),
    );
  }
  if (lineItems.length === 0) {
    return priced.map((row) => resultOf(row, groupBy, row.cost_nano_usd + row.corrections_nano_usd));
  }
  return sumsOfLines(priced, request);
}

/** Whether any call has a price, from the beginning or by a correction. */
function hasPrice(row: UsageRow): boolean {
  return row.records - row.failed - row.missing_usage - row.unpriced > 0 || row.corrections > 0;
}

/** The chosen lines of all models, summed again by the groups that were asked for. */
function sumsOfLines(rows: readonly UsageRow[], { groupBy, lineItems }: OrganizationCostRequest) {
  const sums = new Map<string, { readonly row: UsageRow; nanoUsd: bigint }>();
  for (const row of rows) {
    const lines = linesOf(row, lineItems);
    if (lines.length === 0) continue;
    const nanoUsd = lines.reduce((sum, line) => sum + line.nanoUsd, 0n);
    const key = JSON.stringify(groupBy.map((group) => valueAt(row, group)));
    const known = sums.get(key);
    if (known === undefined) sums.set(key, { row, nanoUsd });
    else known.nanoUsd += nanoUsd;
  }
  return [...sums.values()].map(({ row, nanoUsd }) => resultOf(row, groupBy, nanoUsd));
}

function linesOf(row: UsageRow, lineItems: readonly string[]): CostLine[] {
  const lines = costLinesOf(row);
  return lineItems.length === 0 ? lines : lines.filter((line) => lineItems.includes(line.name));
}

function resultOf(row: UsageRow, groupBy: readonly CostGroup[], nanoUsd: bigint): OrganizationCostResult {
  const groupValue = (group: CostGroup): string | null => (groupBy.includes(group) ? valueAt(row, group) : null);
  return {
    object: 'organization.costs.result',
    amount: { value: dollars(nanoUsd), currency: 'usd' },
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

function valueAt(row: UsageRow, group: CostGroup): string | null {
  const dimension = dimensionOf(group);
  return dimension === null ? null : (row.dimensions[dimension] ?? null);
}

/** The shape has a JSON number here, the one place where money is none of ours: the nearest to the exact decimal. */
function dollars(nanoUsd: bigint): number {
  return Number(formatUsd(nanoUsd));
}
