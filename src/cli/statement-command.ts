import { parseArgs } from 'node:util';
import { isPeriod } from '../ledger/period.ts';
import { faultText, readCommandLine } from './command-line.ts';
import { STATEMENT } from './commands/money.ts';
import { EXIT_FAILURE, EXIT_USAGE } from './exit-codes.ts';
import { actionOf, type ManagedContext } from './managed-command.ts';
import {
  askManagement,
  askManagementText,
  changeManagement,
  listOf,
  ManagementFailure,
  memberOf,
} from './management-client.ts';
import { describeClosed, describeStatement, describeStatements } from './statement-text.ts';

/** What the command needs of the world; only the process edge has it. */
export interface StatementCommandContext extends ManagedContext {
  readonly writeFile: (path: string, text: string) => void;
}

type Options = ReturnType<typeof readOptions>;
type Act = (context: StatementCommandContext, options: Options) => Promise<number>;

const ACTIONS = { '': showStatement, list: listStatements, close: closeStatements } satisfies Record<
  (typeof STATEMENT.actions)[number]['name'],
  Act
>;

/** Runs `metertap statement`. Gives the exit code: 0, 1 (no answer, or not all closed) or 2 (usage). */
export async function runStatementCommand(context: StatementCommandContext): Promise<number> {
  const line = readCommandLine(STATEMENT, context);
  if (typeof line === 'number') return line;
  const options = readOptions(line.args);
  if (options.month !== undefined && !isPeriod(options.month)) {
    const fault = `--month ${JSON.stringify(options.month)} is no month. Write it as 2026-11.`;
    context.writeError(faultText(STATEMENT, fault));
    return EXIT_USAGE;
  }
  try {
    return await actionOf<Act>(ACTIONS, line.action)(context, options);
  } catch (error) {
    if (context.stop.aborted) return EXIT_FAILURE;
    if (!(error instanceof ManagementFailure)) throw error;
    context.writeError(`${error.message}\n`);
    return EXIT_FAILURE;
  }
}

function readOptions(args: string[]) {
  return parseArgs({ args, options: STATEMENT.options, allowPositionals: true }).values;
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
