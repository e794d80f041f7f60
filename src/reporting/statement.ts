import { formatUsd } from '../core/money.ts';
import { nextPeriod, periodStartMs } from '../ledger/period.ts';
import type { CorrectionSum, StatementLine } from '../ledger/statement.ts';
import type { StatementMonth } from './statement-months.ts';
import { ShareSum, SharesBy, type StatementShare } from './statement-share.ts';

/** A statement of one team and month, as the API gives it and as it is kept once it is closed (docs/statements.md). */
export interface Statement {
  readonly schema: 1;
  readonly team: string;
  readonly period: string;
  readonly start_time: string;
  readonly end_time: string;
  readonly currency: 'USD';
  readonly state: 'open' | 'closed';
  /** When it was closed, or what it is the state of. */
  readonly as_of: string;
  readonly closed_by: string | null;
  /** What all earlier statements come to. */
  readonly opening_balance_usd: string;
  /** Calls that began in the month, as recorded. */
  readonly calls_usd: string;
  /** Calls of earlier, closed months that ended after their closing, as recorded. */
  readonly late_calls_usd: string;
  /** Corrections that stand in this statement, of whichever month the calls are. */
  readonly corrections_usd: string;
  readonly total_usd: string;
  readonly closing_balance_usd: string;
  readonly by_model: readonly (StatementShare & { readonly upstream: string; readonly model: string | null })[];
  readonly by_key: readonly (StatementShare & { readonly key_id: string })[];
  readonly by_run: readonly (StatementShare & { readonly run_id: string | null })[];
  /** The runs beyond those that are listed; the CSV has every one. */
  readonly other_runs: (StatementShare & { readonly runs: number }) | null;
  readonly late_by_month: readonly (StatementShare & { readonly month: string })[];
  readonly corrections: readonly StatementCorrection[];
  readonly apart: StatementApart;
  /** SHA-256 of the CSV of the same statement, in hexadecimal; null while it is open. */
  readonly csv_sha256: string | null;
}

export interface StatementCorrection {
  readonly reason: string;
  readonly month: string;
  readonly upstream: string;
  readonly model: string | null;
  readonly corrections: number;
  readonly corrections_usd: string;
}

/** What the token counts do not hold, and what makes the amounts less than certain. */
export interface StatementApart {
  /** Usage was estimated: the tokens are in here only, the cost is in the amounts too. */
  readonly estimated: {
    readonly calls: number;
    readonly input_tokens: number;
    readonly output_tokens: number;
    readonly cost_usd: string;
  };
  /** Usage is not known; no cost. */
  readonly missing_usage: { readonly calls: number };
  /** Usage is known, a price is not; no cost. */
  readonly unpriced: { readonly calls: number };
  /** Ended in an error of the upstream, without usage; no cost. */
  readonly failed: { readonly calls: number };
  /** Began in the month or before and have no end yet: they stand in a later statement. */
  readonly open: { readonly calls: number };
}

/** Runs that are listed one by one. */
export const LISTED_RUNS = 25;

export interface StatementHead {
  readonly month: StatementMonth;
  readonly asOf: string;
  /** Who closes it; null where it stays open. */
  readonly closedBy: string | null;
  readonly openCalls: number;
}

/** Takes the lines of a statement, in any order, and makes the statement of them. */
export class StatementFold {
  readonly #head: StatementHead;
  readonly #own = new ShareSum();
  readonly #late = new ShareSum();
  readonly #byModel = new SharesBy<{ upstream: string; model: string | null }>();
  readonly #byKey = new SharesBy<{ key_id: string }>();
  readonly #byRun = new SharesBy<{ run_id: string | null }>();
  readonly #lateByMonth = new SharesBy<{ month: string }>();
  readonly #apart = { estimated: 0, estimatedInput: 0, estimatedOutput: 0, missing: 0, unpriced: 0, failed: 0 };
  #estimatedNanoUsd = 0n;

  constructor(head: StatementHead) {
    this.#head = head;
  }

  add(line: StatementLine): void {
    const isLate = line.of_month !== this.#head.month.period;
    (isLate ? this.#late : this.#own).add(line);
    this.#byModel.add({ upstream: line.upstream, model: line.model || null }, line);
    this.#byKey.add({ key_id: line.key_id }, line);
    this.#byRun.add({ run_id: line.run_id || null }, line);
    if (isLate) this.#lateByMonth.add({ month: line.of_month }, line);
    this.#addApart(line);
  }

  #addApart(line: StatementLine): void {
    this.#apart.missing += line.missing_usage;
    this.#apart.unpriced += line.unpriced - line.priced_later;
    this.#apart.failed += line.failed;
    if (line.usage_source !== 'estimated') return;
    this.#apart.estimated += line.estimated;
    this.#apart.estimatedInput += line.input_tokens;
    this.#apart.estimatedOutput += line.output_tokens;
    this.#estimatedNanoUsd += line.cost_nano_usd + line.corrections_nano_usd;
  }

  get totalNanoUsd(): bigint {
    return this.#own.totalNanoUsd + this.#late.totalNanoUsd;
  }

  finish(corrections: readonly CorrectionSum[], csvSha256: string | null): Statement {
    const { month, asOf, closedBy, openCalls } = this.#head;
    const runs = this.#byRun.sorted();
    return {
      schema: 1,
      team: month.team,
      period: month.period,
      start_time: new Date(periodStartMs(month.period)).toISOString(),
      end_time: new Date(periodStartMs(nextPeriod(month.period))).toISOString(),
      currency: 'USD',
      state: closedBy === null ? 'open' : 'closed',
      as_of: asOf,
      closed_by: closedBy,
      opening_balance_usd: formatUsd(month.openingNanoUsd),
      calls_usd: formatUsd(this.#own.costNanoUsd),
      late_calls_usd: formatUsd(this.#late.costNanoUsd),
      corrections_usd: formatUsd(this.#own.correctionsNanoUsd + this.#late.correctionsNanoUsd),
      total_usd: formatUsd(this.totalNanoUsd),
      closing_balance_usd: formatUsd(month.openingNanoUsd + this.totalNanoUsd),
      by_model: this.#byModel.sorted().map(({ key, sum }) => ({ ...key, ...sum.view() })),
      by_key: this.#byKey.sorted().map(({ key, sum }) => ({ ...key, ...sum.view() })),
      by_run: runs.slice(0, LISTED_RUNS).map(({ key, sum }) => ({ ...key, ...sum.view() })),
      other_runs: othersOf(runs.slice(LISTED_RUNS).map(({ sum }) => sum)),
      late_by_month: this.#lateByMonth
        .sorted()
        .map(({ key, sum }) => ({ ...key, ...sum.view() }))
        .sort((a, b) => (a.month < b.month ? -1 : 1)),
      corrections: correctionViews(corrections),
      apart: this.#apartView(openCalls),
      csv_sha256: csvSha256,
    };
  }

  #apartView(openCalls: number): StatementApart {
    return {
      estimated: {
        calls: this.#apart.estimated,
        input_tokens: this.#apart.estimatedInput,
        output_tokens: this.#apart.estimatedOutput,
        cost_usd: formatUsd(this.#estimatedNanoUsd),
      },
      missing_usage: { calls: this.#apart.missing },
      unpriced: { calls: this.#apart.unpriced },
      failed: { calls: this.#apart.failed },
      open: { calls: openCalls },
    };
  }
}

function othersOf(sums: readonly ShareSum[]): Statement['other_runs'] {
  if (sums.length === 0) return null;
  const others = new ShareSum();
  for (const sum of sums) others.merge(sum);
  return { runs: sums.length, ...others.view() };
}

/** By reason, month and model, in the order in which they are given. */
function correctionViews(sums: readonly CorrectionSum[]): StatementCorrection[] {
  const groups = Map.groupBy(sums, (sum) => JSON.stringify([sum.reason, sum.of_month, sum.upstream, sum.model]));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return [
      {
        reason: first.reason,
        month: first.of_month,
        upstream: first.upstream,
        model: first.model || null,
        corrections: group.reduce((sum, row) => sum + row.corrections, 0),
        corrections_usd: formatUsd(group.reduce((sum, row) => sum + row.delta_nano_usd, 0n)),
      },
    ];
  });
}
