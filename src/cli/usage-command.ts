import { parseArgs } from 'node:util';
import { USAGE } from './commands/looking.ts';
import { EXIT_OK } from './exit-codes.ts';
import { type ManagedContext, runManaged } from './managed-command.ts';
import { askManagement, listOf, type ManagementQuery, memberOf } from './management-client.ts';
import { OptionFault } from './option-fault.ts';
import { type Column, cellText, textTable } from './text-table.ts';
import { costText, totalRow, type UsageRow, usageRows } from './usage-rows.ts';

/** The options that narrow, and the parameters of the API that they are. */
const FILTERS = {
  team: 'team',
  key: 'key_id',
  model: 'model',
  upstream: 'upstream',
  endpoint: 'endpoint',
  user: 'user',
  agent: 'agent',
  run: 'run_id',
  session: 'session_id',
} as const;

const DEFAULT_GROUPS = ['team', 'model'];

type Options = ReturnType<typeof readOptions>;

/** Runs `metertap usage`. Gives the exit code: 0, 1 (no answer) or 2 (usage). */
export function runUsageCommand(context: ManagedContext): Promise<number> {
  return runManaged(context, USAGE, async ({ args }) => {
    const options = readOptions(args);
    if (options.json && options.csv) throw new OptionFault('--json and --csv are two forms of the same; give one.');
    const groupBy = options['group-by']?.flatMap((list) => list.split(',')) ?? DEFAULT_GROUPS;
    const buckets = await readBuckets(context, options, groupBy);
    context.write(printed(buckets, options, groupBy));
    return EXIT_OK;
  });
}

function readOptions(args: string[]) {
  return parseArgs({ args, options: USAGE.options }).values;
}

/** All pages of the answer. */
async function readBuckets(
  context: ManagedContext,
  options: Options,
  groupBy: readonly string[],
): Promise<readonly unknown[]> {
  const filters = Object.entries(FILTERS).map(([option, parameter]) => [parameter, filterOf(options, option)] as const);
  const query: ManagementQuery = {
    start_time: options.from,
    end_time: options.to,
    bucket: options.bucket ?? '1d',
    partial_buckets: options.bucket === undefined ? 'true' : undefined, // one sum of the range, whose buckets nobody sees
    group_by: groupBy,
    include_estimated: options.estimated ? 'true' : undefined,
    ...Object.fromEntries(filters),
    ...namedFilters('tag', options.tag ?? []),
    ...namedFilters('label', options.label ?? []),
  };
  const buckets: unknown[] = [];
  let cursor: string | undefined;
  do {
    const page = await askManagement(context, '/usage', { ...query, cursor });
    buckets.push(...listOf(page, 'data'));
    const next = memberOf(page, 'next_cursor');
    cursor = typeof next === 'string' ? next : undefined;
  } while (cursor !== undefined);
  return buckets;
}

/** `--tag project=apollo` is `tag.project=apollo`. */
function namedFilters(kind: 'tag' | 'label', pairs: readonly string[]): Record<string, readonly string[]> {
  const filters: Record<string, string[]> = {};
  for (const pair of pairs) {
    const [, name = '', value = ''] = /^([^=]+)=(.+)$/s.exec(pair) ?? [];
    if (name === '') throw new OptionFault(`--${kind} ${JSON.stringify(pair)} is not written as NAME=VALUE.`);
    filters[`${kind}.${name}`] = [...(filters[`${kind}.${name}`] ?? []), value];
  }
  return filters;
}

function filterOf(options: Options, option: string): readonly string[] | undefined {
  const value = Object.entries(options).find(([name]) => name === option)?.[1];
  return Array.isArray(value) ? value : undefined;
}

function printed(buckets: readonly unknown[], options: Options, groupBy: readonly string[]): string {
  if (options.json) return `${JSON.stringify({ data: buckets }, null, 2)}\n`;
  const rows = usageRows(buckets, { groupBy, byBucket: options.bucket !== undefined });
  const columns = columnsOf(groupBy, options.bucket !== undefined);
  if (options.csv) return csv(rows, columns);
  const total = totalRow(rows);
  if (total === null) return 'Nothing was used.\n';
  const footnote = total.isCostComplete
    ? ''
    : '* the usage or the price of some calls is not known: the cost is not exact\n';
  return textTable(rows.length === 1 ? rows : [...rows, total], columns.map(forPeople)) + footnote;
}

interface UsageColumn extends Column<UsageRow> {
  readonly name: string;
}

function columnsOf(groupBy: readonly string[], byBucket: boolean): UsageColumn[] {
  const count = (title: string, name: string, countOf: (row: UsageRow) => number): UsageColumn => ({
    title,
    name,
    isNumber: true,
    textOf: (row) => String(countOf(row)),
  });
  return [
    ...(byBucket ? [{ title: 'FROM', name: 'start_time', textOf: (row: UsageRow) => row.bucket ?? '' }] : []),
    ...groupBy.map((name, at) => ({
      title: name.toUpperCase(),
      name,
      textOf: (row: UsageRow) => row.groups[at] ?? '',
    })),
    count('REQUESTS', 'requests', (row) => row.requests),
    count('INPUT', 'input_tokens', (row) => row.inputTokens),
    count('CACHED', 'cache_read_tokens', (row) => row.cacheReadTokens),
    count('OUTPUT', 'output_tokens', (row) => row.outputTokens),
    count('REASONING', 'reasoning_tokens', (row) => row.reasoningTokens),
    count('TOTAL', 'total_tokens', (row) => row.totalTokens),
    count('TOOL CALLS', 'tool_calls', (row) => row.toolCalls),
    { title: 'COST USD', name: 'cost_usd', isNumber: true, textOf: costText },
  ];
}

/** Names that clients gave must not steer the terminal; the last row is the sum of the others. */
function forPeople(column: UsageColumn, at: number): Column<UsageRow> {
  const mark = (row: UsageRow) => (column.name === 'cost_usd' && !row.isCostComplete ? ' *' : '');
  const isSum = (row: UsageRow) => at === 0 && row.bucket === null && row.groups.length === 0;
  return {
    ...column,
    textOf: (row) => (isSum(row) && !column.isNumber ? 'all' : cellText(column.textOf(row)) + mark(row)),
  };
}

/** Comma-separated values (RFC 4180), with whether each cost is complete. */
function csv(rows: readonly UsageRow[], columns: readonly UsageColumn[]): string {
  const header = [...columns.map(({ name }) => name), 'cost_complete'];
  const lines = rows.map((row) => [...columns.map(({ textOf }) => textOf(row)), String(row.isCostComplete)]);
  return [header, ...lines].map((line) => `${line.map(csvField).join(',')}\r\n`).join('');
}

/** What a spreadsheet would take for a formula is text here. */
function csvField(text: string): string {
  const safe = /^[=+@\t\r]|^-(?![\d.]+$)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
