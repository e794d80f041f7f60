import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MetertapError } from '../core/errors.ts';
import type { ChangeAuthor } from '../ledger/access-book.ts';
import { nextPeriod, periodStartMs } from '../ledger/period.ts';
import type {
  CorrectionSum,
  LineKey,
  MonthSum,
  StatementBook,
  StatementDigests,
  StatementFormat,
  StatementLine,
} from '../ledger/statement.ts';
import { type Statement, StatementFold } from './statement.ts';
import { StatementCsv } from './statement-csv.ts';
import { statementHtml } from './statement-html.ts';
import { type StatementMonth, statementMonthsOf } from './statement-months.ts';

/** A statement is read in pages, so that other reads and calls come in between. */
const LINES_PER_PAGE = 2_000;
const LINES_PER_TURN = 200;
const CLOSING_TRIES = 5;

export interface StatementQuestion {
  readonly team: string;
  readonly period: string;
  readonly nowMs: number;
}

type Documents = Readonly<Record<StatementFormat, string>>;

/** Whether a statement is closed, and its document in one format. */
export interface StatementDocument {
  readonly text: string;
  /** Null while it is open. */
  readonly digest: string | null;
}

/**
 * Gives a statement in one format: a closed one as it was written at its closing, an open one as it is now.
 *
 * @throws MetertapError `not_found` for a team without calls, and for a month before its first or after now
 */
export async function statementDocument(
  book: StatementBook,
  question: StatementQuestion,
  format: StatementFormat,
): Promise<StatementDocument> {
  const month = await findMonth(book, question);
  if (month.closed === null) {
    const { documents } = await prepare(book, { month, nowMs: question.nowMs, closedBy: null, keepLines: noLines });
    return { text: documents[format], digest: null };
  }
  const text = await book.document(month.team, month.period, format);
  if (text === null) throw unknownStatement(question);
  return { text, digest: month.closed.digests[format] };
}

/** All months, team by team, the newest first. @param team null for all teams */
export async function statementMonths(
  book: StatementBook,
  team: string | null,
  nowMs: number,
): Promise<StatementMonth[]> {
  const months = statementMonthsOf(await book.months(team), nowMs);
  return [...Map.groupBy(months, (month) => month.team).values()].flatMap((ofTeam) => ofTeam.reverse());
}

/**
 * Closes a team's month: states it for good. What its calls come to afterwards stands in the next month.
 *
 * @throws MetertapError `not_found` as above; `invalid_parameter` where the month is not over, is closed, or an earlier
 *   one is open
 */
export async function closeStatement(
  book: StatementBook,
  question: StatementQuestion & { readonly author: ChangeAuthor },
): Promise<StatementMonth> {
  const { team, period, nowMs } = question;
  for (let tries = 0; tries < CLOSING_TRIES; tries++) {
    const month = await findMonth(book, question);
    refuseClosing(month, await statementMonths(book, team, nowMs), nowMs);
    let isFirst = true;
    const draft = async (lines: readonly StatementLine[]): Promise<void> => {
      await book.draftLines({ team, period, lines, isFirst });
      isFirst = false;
    };
    const prepared = await prepare(book, { month, nowMs, closedBy: question.author.actor, keepLines: draft });
    if (isFirst) await draft([]);
    const outcome = await book.close({
      author: question.author,
      statement: {
        team,
        period,
        closed_at: new Date(nowMs).toISOString(),
        closed_by: question.author.actor,
        digests: digestsOf(prepared.documents),
        opening_nano_usd: month.openingNanoUsd,
        total_nano_usd: prepared.totalNanoUsd,
      },
      documents: prepared.documents,
      stated: prepared.stated,
    });
    if (outcome === 'closed') return findMonth(book, question);
  }
  throw new MetertapError('ledger_unavailable', 'The month changed while it was being closed. Try again.');
}

async function findMonth(book: StatementBook, question: StatementQuestion): Promise<StatementMonth> {
  const months = await statementMonths(book, question.team, question.nowMs);
  const month = months.find(({ period }) => period === question.period);
  if (month === undefined) throw unknownStatement(question);
  return month;
}

function unknownStatement({ team, period }: StatementQuestion): MetertapError {
  const message = `There is no statement of ${JSON.stringify(team)} for ${period}: it has no calls, or none that early, or the month has not begun.`;
  return new MetertapError('not_found', message);
}

function refuseClosing(month: StatementMonth, months: readonly StatementMonth[], nowMs: number): void {
  if (month.closed !== null) throw invalid(`${month.period} is closed since ${month.closed.closed_at}.`);
  if (periodStartMs(nextPeriod(month.period)) > nowMs) throw invalid(`${month.period} is not over yet.`);
  const first = months.find(({ isFirstOpen }) => isFirstOpen);
  if (first !== undefined && first.period !== month.period) {
    throw invalid(`Months are closed in their order. Close ${first.period} first.`);
  }
}

function invalid(message: string): MetertapError {
  return new MetertapError('invalid_parameter', message, { param: 'month' });
}

interface Preparation {
  readonly month: StatementMonth;
  readonly nowMs: number;
  readonly closedBy: string | null;
  readonly keepLines: (lines: readonly StatementLine[]) => Promise<void>;
}

async function prepare(book: StatementBook, { month, nowMs, closedBy, keepLines }: Preparation) {
  const { team, period } = month;
  const [openCalls, corrections] = await Promise.all([book.openCalls(team, period), book.correctionsIn(team, period)]);
  const fold = new StatementFold({ month, asOf: new Date(nowMs).toISOString(), closedBy, openCalls });
  const csv = new StatementCsv(month);
  const stated = new Map<string, MonthSum>();
  for await (const lines of linesOf(book, month)) {
    await keepLines(lines);
    for (const [position, line] of lines.entries()) {
      if (position % LINES_PER_TURN === LINES_PER_TURN - 1) await nextTurn();
      fold.add(line);
      csv.addCalls(line);
      stated.set(line.of_month, addLine(stated.get(line.of_month), team, line));
    }
  }
  for (const sum of corrections) csv.addCorrection(sum);
  const documents = documentsOf(fold, corrections, { csv: csv.text(), isClosed: closedBy !== null });
  return { documents, stated: [...stated.values()], totalNanoUsd: fold.totalNanoUsd };
}

async function noLines(): Promise<void> {}

async function* linesOf(book: StatementBook, month: StatementMonth): AsyncGenerator<StatementLine[]> {
  const { team, period, lateMonths } = month;
  let after: LineKey | null = null;
  for (;;) {
    const lines: StatementLine[] = await book.lines({ team, period, lateMonths, after, limit: LINES_PER_PAGE });
    if (lines.length > 0) yield lines;
    after = lines.at(-1) ?? null;
    if (lines.length < LINES_PER_PAGE || after === null) return;
  }
}

function addLine(sum: MonthSum | undefined, team: string, line: StatementLine): MonthSum {
  return {
    team,
    of_month: line.of_month,
    records: (sum?.records ?? 0) + line.records,
    corrections: (sum?.corrections ?? 0) + line.corrections,
    cost_nano_usd: (sum?.cost_nano_usd ?? 0n) + line.cost_nano_usd,
    corrections_nano_usd: (sum?.corrections_nano_usd ?? 0n) + line.corrections_nano_usd,
  };
}

function documentsOf(
  fold: StatementFold,
  corrections: readonly CorrectionSum[],
  { csv, isClosed }: { readonly csv: string; readonly isClosed: boolean },
): Documents {
  const statement: Statement = fold.finish(corrections, isClosed ? sha256(csv) : null);
  return { json: `${JSON.stringify(statement, null, 2)}\n`, csv, html: statementHtml(statement) };
}

function digestsOf(documents: Documents): StatementDigests {
  return { json: sha256(documents.json), csv: sha256(documents.csv), html: sha256(documents.html) };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
