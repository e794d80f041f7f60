import type { ChangeAuthor } from './access-book.ts';

/**
 * What statements are made of (docs/statements.md). A call belongs to the month in which it began; a statement holds the
 * calls of its month, and what earlier, closed months have come to since their closing.
 */
export const LINE_COUNTS = [
  'records',
  'requests',
  'failed',
  'missing_usage',
  'estimated',
  'unpriced',
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
  'corrections',
  'priced_later',
] as const;
export type LineCounts = Readonly<Record<(typeof LINE_COUNTS)[number], number>>;

export interface LineKey {
  /** The month in which the calls began. */
  readonly of_month: string;
  readonly key_id: string;
  readonly upstream: string;
  /** '' where no model is known. */
  readonly model: string;
  /** '' for calls without a run. */
  readonly run_id: string;
  readonly usage_source: string;
}

/** Calls of one key, upstream, model, run and usage source that no closed statement holds yet. */
export interface StatementLine extends LineKey, LineCounts {
  /** As recorded. */
  readonly cost_nano_usd: bigint;
  readonly corrections_nano_usd: bigint;
}

/** What the calls of one month have come to. */
export interface MonthSum {
  readonly team: string;
  readonly of_month: string;
  readonly records: number;
  readonly corrections: number;
  readonly cost_nano_usd: bigint;
  readonly corrections_nano_usd: bigint;
}

/** The same as one closed statement has stated it. */
export interface StatedMonth extends MonthSum {
  readonly period: string;
}

export interface ClosedStatement {
  readonly team: string;
  readonly period: string;
  readonly closed_at: string;
  readonly closed_by: string;
  readonly digests: StatementDigests;
  readonly opening_nano_usd: bigint;
  readonly total_nano_usd: bigint;
}

/** SHA-256 of each document, in hexadecimal. */
export type StatementDigests = Readonly<Record<StatementFormat, string>>;
export const STATEMENT_FORMATS = ['json', 'csv', 'html'] as const;
export type StatementFormat = (typeof STATEMENT_FORMATS)[number];

/** What is known of a team's months, all of one moment. */
export interface StatementMonths {
  readonly current: readonly MonthSum[];
  readonly stated: readonly StatedMonth[];
  readonly closed: readonly ClosedStatement[];
}

/** Corrections that stand in one statement, by reason and line. */
export interface CorrectionSum {
  readonly reason: string;
  readonly of_month: string;
  readonly key_id: string;
  readonly upstream: string;
  readonly model: string;
  readonly run_id: string;
  readonly corrections: number;
  readonly delta_nano_usd: bigint;
}

export interface LinePage {
  readonly team: string;
  /** The statement's own month, of which nothing has been stated. */
  readonly period: string;
  /** Closed months that have come to more than was stated of them. */
  readonly lateMonths: readonly string[];
  readonly after: LineKey | null;
  readonly limit: number;
}

export interface StatementClosing {
  /** Who closes it, for the audit. */
  readonly author: ChangeAuthor;
  readonly statement: ClosedStatement;
  readonly documents: Readonly<Record<StatementFormat, string>>;
  /** What the lines that were drafted for it state; all of its lines must have been drafted. */
  readonly stated: readonly MonthSum[];
}

/** `changed`: lines or corrections are others by now; read them and try again. */
export type ClosingOutcome = 'closed' | 'not_next' | 'changed';

/** Statements in the ledger. Every method rejects with `ledger_unavailable` where the ledger cannot be used. */
export interface StatementBook {
  /** @param team null for all teams */
  months(team: string | null): Promise<StatementMonths>;
  /** Lines in the order of their keys. */
  lines(page: LinePage): Promise<StatementLine[]>;
  correctionsIn(team: string, period: string): Promise<CorrectionSum[]>;
  /** Calls that began before the end of the period and have no end yet. */
  openCalls(team: string, period: string): Promise<number>;
  /** A document of a closed statement; null where the statement is not closed. */
  document(team: string, period: string, format: StatementFormat): Promise<string | null>;
  /** Keeps lines for a statement that is about to be closed; `isFirst` drops those of an earlier try. */
  draftLines(draft: { team: string; period: string; lines: readonly StatementLine[]; isFirst: boolean }): Promise<null>;
  /** Closes a period for good, in one transaction. Periods are closed in their order. */
  close(closing: StatementClosing): Promise<ClosingOutcome>;
}
