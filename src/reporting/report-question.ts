import type { RunKey, UsageQuery } from '../ledger/ledger-reader.ts';
import type { PageRequest, PlainCursors } from './list-page.ts';
import type { OrganizationCostRequest } from './organization-costs.ts';
import type { OrganizationListRequest } from './organization-list.ts';
import type { OrganizationUsageRequest } from './organization-usage.ts';

/** A page of a report, as data that can be posted to another thread. */
export interface ReportPage extends Omit<PageRequest, 'cursors'> {
  readonly cursors: PlainCursors;
}

/** The reports that may read much or say much, and what is asked. `nowMs` is what is now, for those who ask. */
export type ReportQuestion = { readonly nowMs: number } & (
  | {
      readonly report: 'organization_usage';
      /** A name in `ORGANIZATION_KINDS`. */
      readonly kind: string;
      readonly asked: Omit<OrganizationUsageRequest, 'kind'>;
      readonly page: ReportPage;
    }
  | { readonly report: 'organization_costs'; readonly asked: OrganizationCostRequest; readonly page: ReportPage }
  | { readonly report: 'organization_users'; readonly team: string | null; readonly list: OrganizationListRequest }
  | { readonly report: 'usage'; readonly query: UsageQuery; readonly page: ReportPage }
  | {
      readonly report: 'run';
      readonly run: RunKey;
      readonly includeChildren: boolean;
      /** How its limits stand, to be shown in place of what was declared. */
      readonly limits: readonly unknown[];
    }
);

/** Answers reports. */
export interface Reports {
  /**
   * Gives the JSON of the answer in UTF-8. Rejects with `ledger_unavailable`, and with `invalid_parameter` for a cursor
   * that is none of the report; `not_found` for a run that nobody has heard of.
   */
  answer(question: ReportQuestion): Promise<Uint8Array>;
}

/** The page of a question as data. */
export function reportPage({ limit, position, cursors }: PageRequest): ReportPage {
  return { limit, position, cursors: cursors.plain };
}
