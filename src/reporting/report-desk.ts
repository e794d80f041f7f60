import type { LedgerReader } from '../ledger/ledger-reader.ts';
import { Cursors, type PageRequest } from './list-page.ts';
import { reportOrganizationCosts } from './organization-costs.ts';
import { ORGANIZATION_KINDS } from './organization-kinds.ts';
import { organizationList } from './organization-list.ts';
import { reportOrganizationUsage } from './organization-usage.ts';
import { reportUsers } from './organization-users.ts';
import { type PageObject, pageBytes } from './page-bytes.ts';
import type { ReportPage, ReportQuestion, Reports } from './report-question.ts';
import { reportUsage } from './usage-report.ts';

/** The books as they stand at a moment, as far as reports read them. */
export type BooksAt = (nowMs: number) => Pick<LedgerReader, 'usage'>;

/** Answers reports on the thread that asks, which they keep busy: the thread for reports has one of these. */
export class ReportDesk implements Reports {
  readonly #booksAt: BooksAt;

  constructor(booksAt: BooksAt) {
    this.#booksAt = booksAt;
  }

  async answer(question: ReportQuestion): Promise<Uint8Array> {
    return pageBytes(await answerIn(this.#booksAt(question.nowMs), question));
  }
}

async function answerIn(books: Pick<LedgerReader, 'usage'>, question: ReportQuestion): Promise<PageObject> {
  const { nowMs } = question;
  switch (question.report) {
    case 'organization_usage': {
      const kind = ORGANIZATION_KINDS.get(question.kind);
      if (kind === undefined) throw new Error(`There is no kind of usage ${JSON.stringify(question.kind)}.`);
      return reportOrganizationUsage(books, { ...question.asked, kind }, { ...pageOf(question.page), nowMs });
    }
    case 'organization_costs':
      return reportOrganizationCosts(books, question.asked, { ...pageOf(question.page), nowMs });
    case 'organization_users':
      return organizationList(await reportUsers(books, question.team, nowMs), question.list);
    case 'usage':
      return reportUsage(books, question.query, pageOf(question.page));
  }
}

function pageOf(page: ReportPage): PageRequest {
  return { ...page, cursors: Cursors.of(page.cursors) };
}
