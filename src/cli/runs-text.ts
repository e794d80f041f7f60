import { listOf, memberOf } from './management-client.ts';
import { type Column, cellText, textTable } from './text-table.ts';

const INCOMPLETE = '* some of the calls are open, or their usage or price is not known: the cost is not exact\n';

const member = (title: string, ...path: readonly string[]): Column<unknown> => ({
  title,
  textOf: (row) => cellText(memberOf(row, ...path)),
});
const count = (title: string, ...path: readonly string[]): Column<unknown> => ({
  ...member(title, ...path),
  isNumber: true,
});

const RUN_COLUMNS: readonly Column<unknown>[] = [
  member('RUN', 'run_id'),
  member('TEAM', 'team'),
  count('REQUESTS', 'usage', 'requests'),
  count('INPUT', 'usage', 'input_tokens'),
  count('CACHED', 'usage', 'cache_read_tokens'),
  count('OUTPUT', 'usage', 'output_tokens'),
  count('REASONING', 'usage', 'output_tokens_details', 'reasoning_tokens'),
  { title: 'COST USD', isNumber: true, textOf: costText },
  count('OPEN', 'in_flight'),
  member('LAST ACTIVITY', 'last_activity_at'),
];

const SHARE_COLUMNS: readonly Column<unknown>[] = [
  count('REQUESTS', 'requests'),
  count('INPUT', 'input_tokens'),
  count('CACHED', 'cache_read_tokens'),
  count('OUTPUT', 'output_tokens'),
  count('REASONING', 'reasoning_tokens'),
  count('TOOL CALLS', 'tool_calls'),
  count('COST USD', 'cost_usd'),
];

/** A page of runs, for people. */
export function describeRuns(page: unknown): string {
  const runs = listOf(page, 'data');
  if (runs.length === 0) return 'No runs.\n';
  const cursor = memberOf(page, 'next_cursor');
  const more = typeof cursor === 'string' ? `More: --cursor ${cellText(cursor)}\n` : '';
  return textTable(runs, RUN_COLUMNS) + footnote(runs) + more;
}

/** One run with its shares and, where they were asked for, its descendants, for people. */
export function describeRun(run: unknown): string {
  const notCounted = Object.entries(memberOf(run, 'not_counted') ?? {})
    .filter(([, number]) => number !== 0)
    .map(([name, number]) => `${name} ${cellText(number)}`);
  return [
    textTable([run], RUN_COLUMNS) + footnote([run]),
    textTable(listOf(run, 'by_model'), [member('MODEL', 'model'), ...SHARE_COLUMNS]),
    textTable(listOf(run, 'by_agent'), [member('AGENT', 'agent'), ...SHARE_COLUMNS]),
    ...(notCounted.length === 0 ? [] : [`Not counted: ${notCounted.join(', ')}\n`]),
    ...describeTree(run),
  ].join('\n');
}

/** One event of a watched run as one line, for people. */
export function describeEvent(event: string, data: unknown): string {
  if (event === 'totals') {
    const usage = memberOf(data, 'usage');
    const [requests, input, output] = ['requests', 'input_tokens', 'output_tokens'].map((name) =>
      cellText(memberOf(usage, name)),
    );
    return `= ${requests} requests, ${input} input, ${output} output, ${costText(data)} USD\n`;
  }
  const words = ['started_at', 'agent', 'response_model', 'ending', 'usage_source'].map((name) =>
    cellText(memberOf(data, name)),
  );
  const input = cellText(memberOf(data, 'usage', 'input_tokens'));
  const output = cellText(memberOf(data, 'usage', 'output_tokens'));
  return `${words.join('  ')}  ${input} input, ${output} output, ${cellText(memberOf(data, 'cost_usd'))} USD\n`;
}

function describeTree(run: unknown): string[] {
  const descendants = indented(run, '');
  if (descendants.length === 0) return [];
  const columns = [
    { title: 'CHILDREN', textOf: (row: Descendant) => row.indent + cellText(memberOf(row.run, 'run_id')) },
  ];
  const sums = RUN_COLUMNS.slice(2).map((column) => ({
    ...column,
    textOf: (row: Descendant) => column.textOf(row.run),
  }));
  const cost = cellText(memberOf(run, 'cost_usd_with_children'));
  const exact = memberOf(run, 'cost_complete_with_children') === true ? '' : ' *';
  return [`${textTable(descendants, [...columns, ...sums])}With children: ${cost} USD${exact}\n`];
}

interface Descendant {
  readonly run: unknown;
  readonly indent: string;
}

function indented(run: unknown, indent: string): Descendant[] {
  return listOf(run, 'children_tree').flatMap((child) => [{ run: child, indent }, ...indented(child, `${indent}  `)]);
}

function costText(run: unknown): string {
  return cellText(memberOf(run, 'cost_usd')) + (isExact(run) ? '' : ' *');
}

function isExact(run: unknown): boolean {
  return memberOf(run, 'cost_complete') === true;
}

function footnote(runs: readonly unknown[]): string {
  return runs.every(isExact) ? '' : INCOMPLETE;
}
