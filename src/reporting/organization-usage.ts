import type { LedgerReader, UsageDimension, UsageRow } from '../ledger/ledger-reader.ts';
import type { PageRequest } from './list-page.ts';
import {
  FILTER_DIMENSIONS,
  GROUP_DIMENSIONS,
  IMAGE_SOURCES,
  type OrganizationFilter,
  type OrganizationGroup,
  type OrganizationKind,
} from './organization-kinds.ts';
import {
  type OrganizationPage,
  type OrganizationQuestion,
  type OrganizationRange,
  organizationPage,
} from './organization-page.ts';

/** One result; its members are those of the kind, then its groups, which are null unless they were asked for. */
export type OrganizationUsageResult = Readonly<Record<string, string | number | boolean | null>>;

export interface OrganizationUsageRequest {
  readonly kind: OrganizationKind;
  readonly range: OrganizationRange;
  readonly groupBy: readonly OrganizationGroup[];
  readonly filters: Readonly<Partial<Record<OrganizationFilter, readonly string[]>>>;
  /** Only batch jobs, or none; Metertap forwards those without metering them. Null: both. */
  readonly batch: boolean | null;
  /** Whether estimated tokens are in the sums. */
  readonly includeEstimated: boolean;
}

/** Answers one of OpenAI's usage endpoints from the roll-ups: project is team, api key is key, user is end user. */
export function reportOrganizationUsage(
  reader: Pick<LedgerReader, 'usage'>,
  request: OrganizationUsageRequest,
  page: PageRequest & { readonly nowMs: number },
): Promise<OrganizationPage<OrganizationUsageResult>> {
  const asked = { range: request.range, question: questionOf(request), nowMs: page.nowMs };
  return organizationPage(reader, asked, {
    ...page,
    resultsOf: (rows) => rows.map((row) => resultOf(row, request)).filter((result) => result !== null),
  });
}

function questionOf(request: OrganizationUsageRequest): OrganizationQuestion {
  const { kind, groupBy, batch } = request;
  const filters: Partial<Record<UsageDimension, readonly string[]>> = { endpoint: kind.endpoints };
  for (const [name, dimension] of Object.entries(FILTER_DIMENSIONS)) {
    const values = valuesOf(request.filters, name);
    if (values === undefined) continue;
    if (dimension === null) return null;
    filters[dimension] = name === 'sources' ? values.flatMap((source) => IMAGE_SOURCES.get(source) ?? []) : values;
  }
  if (batch === true || filters.endpoint?.length === 0) return null;
  const dimensions = groupBy.flatMap((group) => GROUP_DIMENSIONS[group] ?? []);
  return {
    groupBy: dimensions,
    filters,
    includeEstimated: request.includeEstimated,
    sums: ['requests', ...kind.sums],
  };
}

function valuesOf(filters: OrganizationUsageRequest['filters'], name: string): readonly string[] | undefined {
  return Object.entries(filters).find(([given]) => given === name)?.[1];
}

function resultOf(row: UsageRow, { kind, groupBy }: OrganizationUsageRequest): OrganizationUsageResult | null {
  // Calls that failed without usage are none that a model answered.
  const counts = row.requests === 0 ? null : kind.countsOf(row);
  if (counts === null) return null;
  const shown = groupBy.includes('run_id') ? [...kind.groups, 'run_id' as const] : kind.groups;
  const groups = shown.map((group) => [group, groupBy.includes(group) ? groupValue(row, group) : null]);
  return { object: kind.object, ...counts, ...Object.fromEntries(groups) };
}

function groupValue(row: UsageRow, group: OrganizationGroup): string | boolean | null {
  if (group === 'batch') return false;
  if (group === 'api_source') return 'unlabeled';
  const dimension = GROUP_DIMENSIONS[group];
  const value = dimension === null ? null : (row.dimensions[dimension] ?? null);
  return group === 'source' ? sourceOf(value) : value;
}

function sourceOf(endpoint: string | null): string | null {
  return [...IMAGE_SOURCES].find(([, name]) => name === endpoint)?.[0] ?? null;
}
