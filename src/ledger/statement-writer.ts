import type { DatabaseSync } from 'node:sqlite';
import { formatUsd } from '../core/money.ts';
import { audit } from './access-writer.ts';
import { inTransaction } from './database.ts';
import { nextPeriod, periodStartMs } from './period.ts';
import { integer, textOrNull } from './row-values.ts';
import {
  type ClosingOutcome,
  LINE_COUNTS,
  type MonthSum,
  type StatementClosing,
  type StatementLine,
} from './statement.ts';

const LINE_COLUMNS = [
  'team',
  'period',
  'of_month',
  'key_id',
  'upstream',
  'model',
  'run_id',
  'usage_source',
  ...LINE_COUNTS,
  'cost_nano_usd',
  'corrections_nano_usd',
];
const INSERT_LINE = `INSERT OR REPLACE INTO statement_lines (${LINE_COLUMNS.join(', ')})
  VALUES (${LINE_COLUMNS.map(() => '?').join(', ')})`;
const INSERT_STATEMENT = `INSERT INTO statements (team, period, closed_at, closed_by, digests, opening_nano_usd,
    total_nano_usd, json, csv, html) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const INSERT_MONTH = `INSERT INTO stated_months (team, of_month, period, records, corrections, cost_nano_usd,
    corrections_nano_usd) VALUES (?, ?, ?, ?, ?, ?, ?)`;

/** Lines of a statement that is not closed count for nothing: readers look at those of closed periods only. */
export function draftLines(
  database: DatabaseSync,
  draft: { team: string; period: string; lines: readonly StatementLine[]; isFirst: boolean },
): null {
  const { team, period } = draft;
  inTransaction(database, () => {
    if (isClosed(database, team, period)) return;
    if (draft.isFirst) database.prepare('DELETE FROM statement_lines WHERE team = ? AND period = ?').run(team, period);
    const insert = database.prepare(INSERT_LINE);
    for (const line of draft.lines) {
      insert.run(
        team,
        period,
        line.of_month,
        line.key_id,
        line.upstream,
        line.model,
        line.run_id,
        line.usage_source,
        ...LINE_COUNTS.map((name) => line[name]),
        line.cost_nano_usd,
        line.corrections_nano_usd,
      );
    }
  });
  return null;
}

/**
 * Closes a period: its documents and what it states are kept for good. Nothing is written unless it is the team's next
 * period, the lines that are there are those that the documents were made of, and no correction has come in between.
 */
export function closeStatement(database: DatabaseSync, closing: StatementClosing): ClosingOutcome {
  const { team, period } = closing.statement;
  return inTransaction(database, () => {
    const last = database.prepare('SELECT max(period) AS period FROM statements WHERE team = ?').get(team);
    const before = last === undefined ? null : textOrNull(last, 'period');
    if (before === null ? hasEarlierCalls(database, team, period) : nextPeriod(before) !== period) return 'not_next';
    if (!isSame(draftedSum(database, team, period), sumOf(closing.stated))) return 'changed';
    if (correctionsIn(database, team, period) !== sumOf(closing.stated).corrections) return 'changed';
    write(database, closing);
    return 'closed';
  });
}

function write(database: DatabaseSync, { statement, documents, stated, author }: StatementClosing): void {
  const { team, period } = statement;
  database
    .prepare(INSERT_STATEMENT)
    .run(
      team,
      period,
      statement.closed_at,
      statement.closed_by,
      JSON.stringify(statement.digests),
      statement.opening_nano_usd,
      statement.total_nano_usd,
      documents.json,
      documents.csv,
      documents.html,
    );
  const insert = database.prepare(INSERT_MONTH);
  for (const month of stated) {
    const amounts = [month.cost_nano_usd, month.corrections_nano_usd];
    insert.run(team, month.of_month, period, month.records, month.corrections, ...amounts);
  }
  const after = { team, period, total_usd: formatUsd(statement.total_nano_usd), sha256: statement.digests };
  const entry = {
    action: 'statement.close',
    target: 'statement',
    id: `${team}/${period}`,
    team,
    before: null,
    after,
  } as const;
  audit(database, entry, { ...author, nowMs: Date.parse(statement.closed_at) });
}

type Sum = Omit<MonthSum, 'team' | 'of_month'>;

function sumOf(months: readonly MonthSum[]): Sum {
  return {
    records: months.reduce((sum, month) => sum + month.records, 0),
    corrections: months.reduce((sum, month) => sum + month.corrections, 0),
    cost_nano_usd: months.reduce((sum, month) => sum + month.cost_nano_usd, 0n),
    corrections_nano_usd: months.reduce((sum, month) => sum + month.corrections_nano_usd, 0n),
  };
}

function draftedSum(database: DatabaseSync, team: string, period: string): Sum {
  const row = database
    .prepare(
      `SELECT coalesce(sum(records), 0) AS records, coalesce(sum(corrections), 0) AS corrections,
        CAST(coalesce(sum(cost_nano_usd), 0) AS TEXT) AS cost_text,
        CAST(coalesce(sum(corrections_nano_usd), 0) AS TEXT) AS corrections_text
      FROM statement_lines WHERE team = ? AND period = ?`,
    )
    .get(team, period);
  if (row === undefined) throw new Error('A sum has a row.');
  return {
    records: integer(row, 'records'),
    corrections: integer(row, 'corrections'),
    cost_nano_usd: BigInt(textOrNull(row, 'cost_text') ?? '0'),
    corrections_nano_usd: BigInt(textOrNull(row, 'corrections_text') ?? '0'),
  };
}

function isSame(a: Sum, b: Sum): boolean {
  return (
    a.records === b.records &&
    a.corrections === b.corrections &&
    a.cost_nano_usd === b.cost_nano_usd &&
    a.corrections_nano_usd === b.corrections_nano_usd
  );
}

function correctionsIn(database: DatabaseSync, team: string, period: string): number {
  const row = database
    .prepare('SELECT count(*) AS made FROM corrections WHERE team = ? AND period = ?')
    .get(team, period);
  return row === undefined ? 0 : integer(row, 'made');
}

function hasEarlierCalls(database: DatabaseSync, team: string, period: string): boolean {
  const earlier = database.prepare('SELECT 1 FROM usage_day WHERE team = ? AND bucket_start < ? LIMIT 1');
  return earlier.get(team, periodStartMs(period)) !== undefined;
}

function isClosed(database: DatabaseSync, team: string, period: string): boolean {
  return database.prepare('SELECT 1 FROM statements WHERE team = ? AND period = ?').get(team, period) !== undefined;
}
