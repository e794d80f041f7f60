import { nextPeriod, periodOf } from '../ledger/period.ts';
import type { ClosedStatement, MonthSum, StatedMonth, StatementMonths } from '../ledger/statement.ts';

/** One month of a team, as far as sums by month can tell. */
export interface StatementMonth {
  readonly team: string;
  readonly period: string;
  /** Null while it is open. */
  readonly closed: ClosedStatement | null;
  /** What all earlier statements come to. */
  readonly openingNanoUsd: bigint;
  /** What this one comes to: as it was stated, or so far. */
  readonly totalNanoUsd: bigint;
  /** Whether it is the open month that late calls and corrections of closed months stand in. */
  readonly isFirstOpen: boolean;
  /** Closed months that have come to more, or less, than was stated of them. */
  readonly lateMonths: readonly string[];
}

/**
 * The months of each team, from its first call to now, in their order. The totals of all of them add up to what the
 * team's calls have cost, corrections included: what a closed month has come to since its closing is in the total of the
 * first open one.
 */
export function statementMonthsOf(books: StatementMonths, nowMs: number): StatementMonth[] {
  const teams = new Set([...books.current, ...books.closed].map(({ team }) => team));
  return [...teams].sort().flatMap((team) => {
    const isOfTeam = (row: { readonly team: string }): boolean => row.team === team;
    const { current, stated, closed } = books;
    return monthsOfTeam(
      { current: current.filter(isOfTeam), stated: stated.filter(isOfTeam), closed: closed.filter(isOfTeam) },
      { team, now: periodOf(new Date(nowMs).toISOString()) },
    );
  });
}

function monthsOfTeam(books: StatementMonths, { team, now }: { team: string; now: string }): StatementMonth[] {
  const closedThrough = books.closed.at(-1)?.period ?? null;
  const first = books.closed[0]?.period ?? earliest(books.current) ?? now;
  const last = [now, ...books.current.map(({ of_month }) => of_month)].sort().at(-1) ?? now;
  const months: StatementMonth[] = [];
  let openingNanoUsd = 0n;
  for (let period = first; period <= last; period = nextPeriod(period)) {
    const closed = books.closed.find((statement) => statement.period === period) ?? null;
    const isFirstOpen =
      closed === null && (closedThrough === null ? period === first : period === nextPeriod(closedThrough));
    const late = isFirstOpen && closedThrough !== null ? lateSums(books, closedThrough) : [];
    const own = books.current
      .filter(({ of_month }) => of_month === period)
      .reduce((sum, row) => sum + amountOf(row), 0n);
    const totalNanoUsd = closed?.total_nano_usd ?? late.reduce((sum, row) => sum + row.nanoUsd, own);
    const lateMonths = late.map(({ month }) => month);
    months.push({ team, period, closed, openingNanoUsd, totalNanoUsd, isFirstOpen, lateMonths });
    openingNanoUsd += totalNanoUsd;
  }
  return months;
}

/** What closed months have come to beyond what was stated of them. Records and corrections are only ever added. */
function lateSums({ current, stated }: StatementMonths, closedThrough: string): { month: string; nanoUsd: bigint }[] {
  return current
    .filter(({ of_month }) => of_month <= closedThrough)
    .flatMap((now) => {
      const before = stated.filter(({ of_month }) => of_month === now.of_month);
      const isStated = count(before, 'records') === now.records && count(before, 'corrections') === now.corrections;
      const nanoUsd = before.reduce((sum, row) => sum - amountOf(row), amountOf(now));
      return isStated ? [] : [{ month: now.of_month, nanoUsd }];
    });
}

function count(rows: readonly StatedMonth[], name: 'records' | 'corrections'): number {
  return rows.reduce((sum, row) => sum + row[name], 0);
}

function amountOf(row: MonthSum): bigint {
  return row.cost_nano_usd + row.corrections_nano_usd;
}

function earliest(rows: readonly MonthSum[]): string | null {
  return rows.map(({ of_month }) => of_month).sort()[0] ?? null;
}
