import { parseArgs } from 'node:util';
import {
  askManagement,
  askManagementText,
  changeManagement,
  listOf,
  type ManagementAccess,
  ManagementFailure,
  memberOf,
} from './management-client.ts';
import { describeClosed, describeStatement, describeStatements } from './statement-text.ts';

export const STATEMENT_USAGE = `Usage: metertap statement --team T --month YYYY-MM [--format text|csv|html|json] [--json] [--output FILE]
       metertap statement list [--team T] [--json]
       metertap statement close --month YYYY-MM [--team T] [--json]

Months are calendar months in UTC. Closing states a month for good, those before it first, of one team or of all; calls that
end later and later corrections stand in the next month.

  metertap statement --team research --month 2026-11
  metertap statement --team research --month 2026-11 --format html --output research-2026-11.html
  metertap statement close --month 2026-11
`;

/** What the command needs of the world; only the process edge has it. */
export interface StatementCommandContext extends ManagementAccess {
  /** What follows `metertap statement`. */
  readonly args: readonly string[];
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  readonly writeFile: (path: string, text: string) => void;
}

type Options = NonNullable<ReturnType<typeof parseOptions>>['values'];
type Action = (context: StatementCommandContext, options: Options) => Promise<number>;

const ACTIONS: ReadonlyMap<string, { readonly run: Action; readonly needs: readonly ('team' | 'month')[] }> = new Map([
  ['', { run: showStatement, needs: ['team', 'month'] }],
  ['list', { run: listStatements, needs: [] }],
  ['close', { run: closeStatements, needs: ['month'] }],
]);
const FORMATS: ReadonlySet<string> = new Set(['text', 'csv', 'html', 'json']);

/** Runs `metertap statement`. Gives the exit code: 0, 1 (no answer, or not all closed) or 2 (usage). */
export async function runStatementCommand(context: StatementCommandContext): Promise<number> {
  const parsed = parseOptions(context.args);
  if (parsed?.values.help) {
    context.write(STATEMENT_USAGE);
    return 0;
  }
  const [name = '', ...rest] = parsed?.positionals ?? [];
  const action = ACTIONS.get(name);
  if (parsed === null || action === undefined || rest.length > 0 || action.needs.some((need) => !parsed.values[need])) {
    context.writeError(STATEMENT_USAGE);
    return 2;
  }
  try {
    return await action.run(context, parsed.values);
  } catch (error) {
    if (context.stop.aborted) return 1;
    if (!(error instanceof ManagementFailure)) throw error;
    context.writeError(`${error.message}\n`);
    return 1;
  }
}

function parseOptions(args: readonly string[]) {
  const options = {
    team: { type: 'string' },
    month: { type: 'string' },
    format: { type: 'string' },
    output: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  } as const;
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true });
    return FORMATS.has(parsed.values.format ?? 'text') ? parsed : null;
  } catch {
    return null; // parseArgs throws on options that it does not know; the caller shows the usage
  }
}

async function showStatement(context: StatementCommandContext, options: Options): Promise<number> {
  const format = options.json ? 'json' : (options.format ?? 'text');
  const path = `/statements/${encodeURIComponent(options.team ?? '')}/${encodeURIComponent(options.month ?? '')}`;
  const answer = await askManagementText(context, path, { format: format === 'text' ? 'json' : format });
  const text = format === 'text' ? describeStatement(JSON.parse(answer)) : answer;
  if (options.output === undefined) context.write(text);
  else context.writeFile(options.output, text);
  return 0;
}

async function listStatements(context: StatementCommandContext, options: Options): Promise<number> {
  const months = await allMonths(context, options.team);
  context.write(options.json ? pretty({ data: months }) : describeStatements(months));
  return 0;
}

/** Closes the open months up to the one that is named, the oldest first, and says which they were. */
async function closeStatements(context: StatementCommandContext, options: Options): Promise<number> {
  const through = options.month ?? '';
  const months = await allMonths(context, options.team);
  const isDue = (month: unknown): boolean =>
    memberOf(month, 'state') === 'open' && String(memberOf(month, 'period')) <= through;
  const due = months.filter(isDue).reverse();
  if (due.length === 0) throw new ManagementFailure(`There is no open month up to ${through}.`);
  const closed: unknown[] = [];
  for (const month of due) {
    const team = encodeURIComponent(String(memberOf(month, 'team')));
    closed.push(
      await changeManagement(context, `/statements/${team}/${String(memberOf(month, 'period'))}/close`, {
        method: 'POST',
      }),
    );
    if (!options.json) context.write(describeClosed(closed.at(-1)));
  }
  if (options.json) context.write(pretty({ data: closed }));
  return 0;
}

async function allMonths(context: StatementCommandContext, team: string | undefined): Promise<unknown[]> {
  const months: unknown[] = [];
  let cursor: string | undefined;
  do {
    const page = await askManagement(context, '/statements', { team, limit: '1000', cursor });
    months.push(...listOf(page, 'data'));
    const next = memberOf(page, 'next_cursor');
    cursor = typeof next === 'string' ? next : undefined;
  } while (cursor !== undefined);
  return months;
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
