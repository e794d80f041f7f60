import type { DatabaseSync } from 'node:sqlite';
import { firstIdAt } from '../../core/ids.ts';
import { nextPeriod, periodStartMs } from '../period.ts';
import { integer, jsonStrings, type Row, text, textOrNull } from '../row-values.ts';
import {
  type ClosedStatement,
  type CorrectionSum,
  LINE_COUNTS,
  type LineCounts,
  type LinePage,
  type MonthSum,
  type StatementFormat,
  type StatementLine,
  type StatementMonths,
} from '../statement.ts';

const MONTH_SQL = `strftime('%Y-%m', bucket_start / 1000, 'unixepoch')`;
const SUMS_SQL = `sum(records) AS records, sum(corrections) AS corrections,
  CAST(sum(cost_nano_usd) AS TEXT) AS cost_text, CAST(sum(corrections_nano_usd) AS TEXT) AS corrections_text`;

/** What every month has come to, what has been stated of it, and which statements are closed. */
export function statementMonths(database: DatabaseSync, team: string | null): StatementMonths {
  const ofTeam = team === null ? '' : 'WHERE team = ?';
  const all = (sql: string): Row[] => database.prepare(sql).all(...(team === null ? [] : [team]));
  const current = `SELECT team, ${MONTH_SQL} AS of_month, ${SUMS_SQL} FROM usage_day ${ofTeam} GROUP BY team, of_month`;
  const stated = `SELECT team, of_month, period, ${SUMS_SQL} FROM stated_months ${ofTeam} GROUP BY team, of_month, period`;
  const closed = `SELECT team, period, closed_at, closed_by, digests, CAST(opening_nano_usd AS TEXT) AS opening_text,
      CAST(total_nano_usd AS TEXT) AS total_text FROM statements ${ofTeam} ORDER BY team, period`;
  return {
    current: all(current).map(monthSumOf),
    stated: all(stated).map((row) => ({ ...monthSumOf(row), period: text(row, 'period') })),
    closed: all(closed).map(closedStatementOf),
  };
}

function monthSumOf(row: Row): MonthSum {
  return {
    team: text(row, 'team'),
    of_month: text(row, 'of_month'),
    records: integer(row, 'records'),
    corrections: integer(row, 'corrections'),
    cost_nano_usd: BigInt(text(row, 'cost_text')),
    corrections_nano_usd: BigInt(text(row, 'corrections_text')),
  };
}

function closedStatementOf(row: Row): ClosedStatement {
  const { json = '', csv = '', html = '' } = jsonStrings(row, 'digests');
  return {
    team: text(row, 'team'),
    period: text(row, 'period'),
    closed_at: text(row, 'closed_at'),
    closed_by: text(row, 'closed_by'),
    digests: { json, csv, html },
    opening_nano_usd: BigInt(text(row, 'opening_text')),
    total_nano_usd: BigInt(text(row, 'total_text')),
  };
}

const KEY = ['of_month', 'key_id', 'upstream', 'model', 'run_id', 'usage_source'] as const;
const AMOUNTS = ['cost_nano_usd', 'corrections_nano_usd'] as const;

/** What the roll-ups have of some months, less what closed statements have stated of them. */
export function statementLines(database: DatabaseSync, page: LinePage): StatementLine[] {
  const months = [page.period, ...page.lateMonths];
  const after = page.after === null ? '' : `AND (${KEY.join(', ')}) > (${KEY.map(() => '?').join(', ')})`;
  const { after: position } = page;
  const afterValues = position === null ? [] : KEY.map((name) => position[name]);
  const names = [...LINE_COUNTS, ...AMOUNTS];
  const keyColumns = KEY.map((name) => (name === 'of_month' ? `${MONTH_SQL} AS of_month` : name)).join(', ');
  const sql = `
    SELECT ${KEY.join(', ')}, ${LINE_COUNTS.map((name) => `sum(${name}) AS ${name}`).join(', ')},
      CAST(sum(cost_nano_usd) AS TEXT) AS cost_text, CAST(sum(corrections_nano_usd) AS TEXT) AS corrections_text
    FROM (
      SELECT ${keyColumns}, ${names.join(', ')} FROM activity
        WHERE team = ? AND (${months.map(() => '(bucket_start >= ? AND bucket_start < ?)').join(' OR ')})
      UNION ALL
      SELECT ${KEY.join(', ')}, ${names.map((name) => `-${name}`).join(', ')} FROM statement_lines
        WHERE team = ? AND period < ? AND of_month IN (SELECT value FROM json_each(?))
    ) WHERE true ${after}
    GROUP BY ${KEY.join(', ')} HAVING sum(records) <> 0 OR sum(corrections) <> 0
    ORDER BY ${KEY.join(', ')} LIMIT ?`;
  return database
    .prepare(sql)
    .all(
      page.team,
      ...months.flatMap((month) => [periodStartMs(month), periodStartMs(nextPeriod(month))]),
      page.team,
      page.period,
      JSON.stringify(page.lateMonths),
      ...afterValues,
      page.limit,
    )
    .map(lineOf);
}

function lineOf(row: Row): StatementLine {
  return {
    of_month: text(row, 'of_month'),
    key_id: text(row, 'key_id'),
    upstream: text(row, 'upstream'),
    model: text(row, 'model'),
    run_id: text(row, 'run_id'),
    usage_source: text(row, 'usage_source'),
    ...countsOf(row),
    cost_nano_usd: BigInt(text(row, 'cost_text')),
    corrections_nano_usd: BigInt(text(row, 'corrections_text')),
  };
}

function countsOf(row: Row): LineCounts {
  const count = (name: (typeof LINE_COUNTS)[number]): number => integer(row, name);
  return {
    records: count('records'),
    requests: count('requests'),
    failed: count('failed'),
    missing_usage: count('missing_usage'),
    estimated: count('estimated'),
    unpriced: count('unpriced'),
    input_tokens: count('input_tokens'),
    cache_read_tokens: count('cache_read_tokens'),
    cache_write_tokens: count('cache_write_tokens'),
    output_tokens: count('output_tokens'),
    reasoning_tokens: count('reasoning_tokens'),
    corrections: count('corrections'),
    priced_later: count('priced_later'),
  };
}

/** The corrections that stand in a period, by reason, month of the calls, key, model and run. */
export function correctionsIn(database: DatabaseSync, team: string, period: string): CorrectionSum[] {
  return database
    .prepare(
      `SELECT reason, substr(record_started_at, 1, 7) AS of_month, key_id, upstream, model, coalesce(run_id, '') AS run,
        count(*) AS corrections, CAST(sum(delta_nano_usd) AS TEXT) AS delta_text
      FROM corrections WHERE team = ? AND period = ?
      GROUP BY reason, of_month, key_id, upstream, model, run ORDER BY reason, of_month, key_id, upstream, model, run`,
    )
    .all(team, period)
    .map((row) => ({
      reason: text(row, 'reason'),
      of_month: text(row, 'of_month'),
      key_id: text(row, 'key_id'),
      upstream: text(row, 'upstream'),
      model: text(row, 'model'),
      run_id: text(row, 'run'),
      corrections: integer(row, 'corrections'),
      delta_nano_usd: BigInt(text(row, 'delta_text')),
    }));
}

/** Calls of a team without an end that began before the end of a period. */
export function openCalls(database: DatabaseSync, team: string, period: string): number {
  const row = database
    .prepare(
      `SELECT (SELECT count(*) FROM open_calls WHERE team = ?1 AND id < ?2)
        + (SELECT count(*) FROM records INDEXED BY records_open
          WHERE team = ?1 AND ending IN ('in_flight', 'queued') AND id < ?2) AS calls`,
    )
    .get(team, firstIdAt(periodStartMs(nextPeriod(period))));
  return row === undefined ? 0 : integer(row, 'calls');
}

/** A document of a closed statement, as it was written; null where there is none. */
export function statementDocument(
  database: DatabaseSync,
  statement: { team: string; period: string; format: StatementFormat },
): string | null {
  const row = database
    .prepare(`SELECT ${statement.format} AS document FROM statements WHERE team = ? AND period = ?`)
    .get(statement.team, statement.period);
  return row === undefined ? null : textOrNull(row, 'document');
}
