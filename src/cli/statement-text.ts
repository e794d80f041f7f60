import { listOf, memberOf } from './management-client.ts';
import { type Column, cellText, textTable } from './text-table.ts';

const member = (title: string, name: string): Column<unknown> => ({
  title,
  textOf: (row) => cellText(memberOf(row, name)),
});
const figure = (title: string, name: string): Column<unknown> => ({ ...member(title, name), isNumber: true });

const SHARE: readonly Column<unknown>[] = [
  figure('REQUESTS', 'requests'),
  figure('INPUT', 'input_tokens'),
  figure('CACHED', 'cache_read_tokens'),
  figure('OUTPUT', 'output_tokens'),
  figure('COST', 'cost_usd'),
  figure('CORRECTIONS', 'corrections_usd'),
  figure('TOTAL USD', 'total_usd'),
];

const BALANCE = [
  ['Opening balance', 'opening_balance_usd'],
  ['Calls of the month', 'calls_usd'],
  ['Late calls of earlier months', 'late_calls_usd'],
  ['Corrections', 'corrections_usd'],
  ['Total', 'total_usd'],
  ['Closing balance', 'closing_balance_usd'],
] as const;

/** A statement as text, for people; everything in it is in its JSON. */
export function describeStatement(statement: unknown): string {
  const text = (name: string): string => cellText(memberOf(statement, name));
  const balance = textTable(
    BALANCE.map(([title, name]) => ({ title, usd: text(name) })),
    [
      { title: '', textOf: ({ title }) => title },
      { title: 'USD', isNumber: true, textOf: ({ usd }) => usd },
    ],
  );
  const state =
    text('state') === 'closed' ? `closed ${text('as_of')} by ${text('closed_by')}` : `open, as of ${text('as_of')}`;
  const others = memberOf(statement, 'other_runs');
  const runs = [
    ...listOf(statement, 'by_run').map((row) => ({ name: cellText(memberOf(row, 'run_id')), row })),
    ...(typeof others === 'object' && others !== null
      ? [{ name: `(${cellText(memberOf(others, 'runs'))} others)`, row: others }]
      : []),
  ];
  const runColumns = SHARE.map((column) => ({ ...column, textOf: (run: { row: unknown }) => column.textOf(run.row) }));
  return [
    `${text('team')}, ${text('period')}: ${state}\n`,
    balance,
    textTable(listOf(statement, 'by_model'), [member('MODEL', 'model'), member('UPSTREAM', 'upstream'), ...SHARE]),
    textTable(listOf(statement, 'by_key'), [member('KEY', 'key_id'), ...SHARE]),
    textTable(runs, [{ title: 'RUN', textOf: ({ name }) => name }, ...runColumns]),
    ...optional(statement, 'late_by_month', [member('EARLIER MONTH', 'month'), ...SHARE]),
    ...optional(statement, 'corrections', [
      member('CORRECTION', 'reason'),
      member('MONTH', 'month'),
      member('MODEL', 'model'),
      figure('CALLS', 'corrections'),
      figure('USD', 'corrections_usd'),
    ]),
    apartText(memberOf(statement, 'apart')),
  ].join('\n');
}

function optional(statement: unknown, name: string, columns: readonly Column<unknown>[]): string[] {
  const rows = listOf(statement, name);
  return rows.length === 0 ? [] : [textTable(rows, columns)];
}

function apartText(apart: unknown): string {
  const of = (...path: string[]): string => cellText(memberOf(apart, ...path));
  return [
    `Apart: ${of('estimated', 'calls')} calls with estimated usage (${of('estimated', 'input_tokens')} input, ${of('estimated', 'output_tokens')} output tokens; ${of('estimated', 'cost_usd')} USD, in the amounts above)`,
    `       ${of('missing_usage', 'calls')} without usage, ${of('unpriced', 'calls')} without a price, ${of('failed', 'calls')} failed: no cost`,
    `       ${of('open', 'calls')} not ended yet\n`,
  ].join('\n');
}

const MONTH_COLUMNS: readonly Column<unknown>[] = [
  member('TEAM', 'team'),
  member('MONTH', 'period'),
  member('STATE', 'state'),
  figure('OPENING USD', 'opening_balance_usd'),
  figure('TOTAL USD', 'total_usd'),
  figure('CLOSING USD', 'closing_balance_usd'),
  member('CLOSED AT', 'closed_at'),
];

/** The list of statements, for people. */
export function describeStatements(months: readonly unknown[]): string {
  return months.length === 0 ? 'No statements.\n' : textTable(months, MONTH_COLUMNS);
}

/** One month that has just been closed, for people. */
export function describeClosed(month: unknown): string {
  const [team, period, total] = ['team', 'period', 'total_usd'].map((name) => cellText(memberOf(month, name)));
  return `closed ${period} of ${team}: ${total} USD, sha256 of the CSV ${cellText(memberOf(month, 'sha256', 'csv'))}\n`;
}
