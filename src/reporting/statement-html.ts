import type { Statement } from './statement.ts';
import type { StatementShare } from './statement-share.ts';

const STYLE = `
:root { color: #1a1a1a; background: #fff; font: 10.5pt/1.45 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
body { max-width: 66rem; margin: 2rem auto; padding: 0 1.5rem; }
header { display: flex; justify-content: space-between; align-items: flex-start; border-bottom: 2px solid #1a1a1a; padding-bottom: .75rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 1.75rem 0 .4rem; break-after: avoid; }
p { margin: .2rem 0; color: #555; }
.state { border: 1px solid currentColor; border-radius: .3rem; padding: .1rem .6rem; font-weight: 600; }
.open { color: #8a4b00; }
.closed { color: #14602b; }
table { width: 100%; border-collapse: collapse; font-size: .84rem; }
th, td { text-align: left; padding: .28rem .5rem; border-bottom: 1px solid #ddd; vertical-align: top; overflow-wrap: anywhere; }
th { font-size: .82rem; color: #555; border-bottom-color: #888; }
td:first-child { min-width: 12rem; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; overflow-wrap: normal; }
tr.sum td { font-weight: 600; border-top: 1px solid #888; }
table.balance { max-width: 32rem; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
footer { margin-top: 2rem; border-top: 1px solid #ddd; padding-top: .5rem; font-size: .82rem; color: #555; overflow-wrap: anywhere; }
@page { size: A4; margin: 16mm 14mm; }
@media print { :root { font-size: 8.5pt; } td, th { padding-left: .3rem; padding-right: .3rem; } body { max-width: none; margin: 0; padding: 0; } }
`;

/** A statement as one page of its own that prints well: no script, nothing loaded from anywhere. */
export function statementHtml(statement: Statement): string {
  const title = `Statement ${statement.period}, ${statement.team}`;
  const isClosed = statement.state === 'closed';
  const asOf = `${isClosed ? `Closed ${timeText(statement.as_of)}` : `Open; as of ${timeText(statement.as_of)}`}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><div><h1>${escaped(statement.team)}: statement for ${escaped(statement.period)}</h1>
<p>${timeText(statement.start_time)} to ${timeText(statement.end_time)}, in US dollars</p></div>
<p class="state ${statement.state}">${asOf}</p></header>
${balance(statement)}
${section('By model', modelTable(statement))}
${section(
  'By key',
  shareTable('Key', statement.by_key, (row) => row.key_id),
)}
${section('By run', runTable(statement))}
${lateTable(statement)}
${correctionTable(statement)}
${section('Shown apart', apartTable(statement))}
<footer>A call belongs to the month in which it began. Tokens are those that upstreams reported; costs hold estimated calls too.
${statement.csv_sha256 === null ? '' : `The CSV of this statement has every line; its SHA-256 is ${statement.csv_sha256}.`}</footer>
</body>
</html>
`;
}

function balance(statement: Statement): string {
  const rows: [string, string, boolean][] = [
    ['Opening balance: all earlier statements', statement.opening_balance_usd, false],
    [`Calls that began in ${statement.period}`, statement.calls_usd, false],
    ['Late calls of earlier months', statement.late_calls_usd, false],
    ['Corrections', statement.corrections_usd, false],
    ['Total of this statement', statement.total_usd, true],
    ['Closing balance', statement.closing_balance_usd, true],
  ];
  const lines = rows.map(
    ([name, usd, isSum]) => `<tr${isSum ? ' class="sum"' : ''}><td>${escaped(name)}</td>${number(usd)}</tr>`,
  );
  return `<h2>Balance</h2>\n<table class="balance"><tbody>${lines.join('\n')}</tbody></table>`;
}

function section(title: string, table: string): string {
  return `<h2>${escaped(title)}</h2>\n${table}`;
}

function modelTable({ by_model }: Statement): string {
  return shareTable('Model', by_model, (row) => `${row.model ?? 'no model'} (${row.upstream})`);
}

function runTable({ by_run, other_runs }: Statement): string {
  const rows = by_run.map((row) => ({ name: row.run_id ?? 'calls without a run', ...row }));
  const others = other_runs === null ? [] : [{ name: `${grouped(other_runs.runs)} other runs`, ...other_runs }];
  return shareTable('Run', [...rows, ...others], ({ name }) => name);
}

function lateTable({ late_by_month }: Statement): string {
  if (late_by_month.length === 0) return '';
  return section(
    'Of earlier, closed months',
    shareTable('Month', late_by_month, ({ month }) => month),
  );
}

function correctionTable({ corrections }: Statement): string {
  if (corrections.length === 0) return '';
  const rows = corrections.map((row) => {
    const model = `${row.model ?? 'no model'} (${row.upstream})`;
    return `<tr>${text(row.reason)}${text(row.month)}${text(model)}${number(grouped(row.corrections))}${number(row.corrections_usd)}</tr>`;
  });
  return section(
    'Corrections that stand in this statement',
    table(['Reason', 'Month of the calls', 'Model'], ['Calls', 'USD'], rows),
  );
}

function apartTable({ apart }: Statement): string {
  const { estimated } = apart;
  const rows: [string, number, string][] = [
    [
      `Usage estimated: ${grouped(estimated.input_tokens)} input and ${grouped(estimated.output_tokens)} output tokens, not in the tables above`,
      estimated.calls,
      `${estimated.cost_usd}, in the amounts above`,
    ],
    ['Usage missing', apart.missing_usage.calls, 'not known'],
    ['Price missing', apart.unpriced.calls, 'not known'],
    ['Failed without usage', apart.failed.calls, 'none'],
    ['Not ended yet; will stand in a later statement', apart.open.calls, 'not known'],
  ];
  const lines = rows.map(([name, calls, cost]) => `<tr>${text(name)}${number(grouped(calls))}${number(cost)}</tr>`);
  return table(['Calls'], ['Number', 'Cost in USD'], lines);
}

function shareTable<Row extends StatementShare>(
  title: string,
  rows: readonly Row[],
  nameOf: (row: Row) => string,
): string {
  if (rows.length === 0) return '<p>None.</p>';
  const lines = rows.map((row) => {
    const counts = [row.requests, row.input_tokens, row.cache_read_tokens, row.output_tokens].map(grouped);
    const cells = [...counts, row.cost_usd, row.corrections_usd, row.total_usd];
    return `<tr>${text(nameOf(row))}${cells.map(number).join('')}</tr>`;
  });
  return table([title], ['Requests', 'Input', 'of it cached', 'Output', 'Cost', 'Corrections', 'Total USD'], lines);
}

function table(texts: readonly string[], numbers: readonly string[], rows: readonly string[]): string {
  const heads = [
    ...texts.map((title) => `<th>${escaped(title)}</th>`),
    ...numbers.map((title) => `<th class="n">${escaped(title)}</th>`),
  ];
  return `<table><thead><tr>${heads.join('')}</tr></thead>\n<tbody>${rows.join('\n')}</tbody></table>`;
}

function text(value: string): string {
  return `<td>${escaped(value)}</td>`;
}

function number(value: string): string {
  return `<td class="n">${escaped(value)}</td>`;
}

/** 1234567 as 1,234,567, whatever the locale of the machine is. */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

function timeText(isoTime: string): string {
  return `${isoTime.slice(0, 10)} ${isoTime.slice(11, 16)} UTC`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
