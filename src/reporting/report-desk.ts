import { MetertapError } from '../core/errors.ts';
import type { ReportBooks } from '../ledger/report-book.ts';
import { Cursors, type PageRequest } from './list-page.ts';
import { reportOrganizationCosts } from './organization-costs.ts';
import { ORGANIZATION_KINDS } from './organization-kinds.ts';
import { organizationList } from './organization-list.ts';
import { reportOrganizationUsage } from './organization-usage.ts';
import { reportUsers } from './organization-users.ts';
import { pageBytes } from './page-bytes.ts';
import type { ReportPage, ReportQuestion, Reports } from './report-question.ts';
import { reportRun } from './run-report.ts';
import { reportUsage } from './usage-report.ts';

/** The books as they stand at a moment, as far as reports read them. */
export type BooksAt = (nowMs: number) => ReportBooks;

/** Answers reports on the thread that asks, which they keep busy: the thread for reports has one of these. */
export class ReportDesk implements Reports {
  readonly #booksAt: BooksAt;

  constructor(booksAt: BooksAt) {
    this.#booksAt = booksAt;
  }

  async answer(question: ReportQuestion): Promise<Uint8Array> {
    return answerIn(this.#booksAt(question.nowMs), question);
  }
}

async function answerIn(books: ReportBooks, question: ReportQuestion): Promise<Uint8Array> {
  const { nowMs } = question;
  switch (question.report) {
    case 'organization_usage': {
      const kind = ORGANIZATION_KINDS.get(question.kind);
      if (kind === undefined) throw new Error(`There is no kind of usage ${JSON.stringify(question.kind)}.`);
      const page = { ...pageOf(question.page), nowMs };
      return pageBytes(await reportOrganizationUsage(books, { ...question.asked, kind }, page));
    }
    case 'organization_costs':
      return pageBytes(await reportOrganizationCosts(books, question.asked, { ...pageOf(question.page), nowMs }));
    case 'organization_users':
      return pageBytes(organizationList(await reportUsers(books, question.team, nowMs), question.list));
    case 'usage':
      return pageBytes(await reportUsage(books, question.query, pageOf(question.page)));
    case 'run':
      return runBytes(books, question);
  }
}

async function runBytes(
  books: ReportBooks,
  { run, includeChildren, limits }: Extract<ReportQuestion, { readonly report: 'run' }>,
): Promise<Uint8Array> {
  const report = await reportRun(books, run, { includeChildren, withEntries: true });
  if (report !== null) return new TextEncoder().encode(JSON.stringify({ ...report, limits }));
  throw new MetertapError('not_found', `There is no run ${JSON.stringify(run.runId)}.`);
}

function pageOf(page: ReportPage): PageRequest {
  return { ...page, cursors: Cursors.of(page.cursors) };
}
