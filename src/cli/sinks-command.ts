import { parseArgs } from 'node:util';
import {
  askManagement,
  changeManagement,
  listOf,
  type ManagementAccess,
  ManagementFailure,
  memberOf,
} from './management-client.ts';
import { cellText, textTable } from './text-table.ts';

export const SINKS_USAGE = `Usage: metertap sinks list [--json]
       metertap sinks test NAME [--json]
       metertap sinks retry NAME [--json]

Asks a running Metertap where its events go: how each sink stands, whether a test event arrives, and to send again what
was parked.

  metertap sinks list
  metertap sinks test pager
  metertap sinks retry billing
`;

/** What the command needs of the world; only the process edge has it. */
export interface SinksCommandContext extends ManagementAccess {
  /** What follows `metertap sinks`. */
  readonly args: readonly string[];
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

interface Outcome {
  readonly answer: unknown;
  readonly text: string;
  readonly exitCode: 0 | 1;
}

type Action = (context: SinksCommandContext, name: string) => Promise<Outcome>;

const ACTIONS: ReadonlyMap<string, { readonly run: Action; readonly takesName: boolean }> = new Map([
  ['list', { run: listSinks, takesName: false }],
  ['test', { run: testSink, takesName: true }],
  ['retry', { run: retrySink, takesName: true }],
]);

/** Runs `metertap sinks list`, `test` or `retry`. Gives the exit code: 0, 1 (no answer, or not taken) or 2 (usage). */
export async function runSinksCommand(context: SinksCommandContext): Promise<number> {
  const parsed = parseOptions(context.args);
  const [verb = '', name = '', ...rest] = parsed?.positionals ?? [];
  const action = ACTIONS.get(verb);
  if (parsed?.values.help === true) {
    context.write(SINKS_USAGE);
    return 0;
  }
  if (parsed === null || action === undefined || rest.length > 0 || action.takesName !== (name !== '')) {
    context.writeError(SINKS_USAGE);
    return 2;
  }
  try {
    const { answer, text, exitCode } = await action.run(context, name);
    context.write(parsed.values.json ? `${JSON.stringify(answer, null, 2)}\n` : text);
    return exitCode;
  } catch (error) {
    if (context.stop.aborted) return 0;
    if (!(error instanceof ManagementFailure)) throw error;
    context.writeError(`${error.message}\n`);
    return 1;
  }
}

function parseOptions(args: readonly string[]) {
  const options = { json: { type: 'boolean' }, help: { type: 'boolean' } } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch {
    return null; // parseArgs throws on options that it does not know; the caller shows the usage
  }
}

async function listSinks(context: SinksCommandContext): Promise<Outcome> {
  const answer = await askManagement(context, '/sinks', {});
  const sinks = listOf(answer, 'data');
  const text = sinks.length === 0 ? 'No sinks are configured.\n' : describeSinks(sinks);
  return { answer, text, exitCode: 0 };
}

function describeSinks(sinks: readonly unknown[]): string {
  const column = (title: string, member: string) => ({
    title,
    textOf: (sink: unknown) => cellText(memberOf(sink, member)),
  });
  const table = textTable(sinks, [
    column('NAME', 'name'),
    column('KIND', 'kind'),
    column('HOST', 'host'),
    column('STATE', 'state'),
    { ...column('WAITING', 'waiting'), isNumber: true },
    {
      title: 'LAG',
      isNumber: true,
      textOf: (sink) => `${Math.round(Number(memberOf(sink, 'lag_seconds') ?? 0))} s`,
    },
    { ...column('PARKED', 'parked'), isNumber: true },
    column('LAST DELIVERED', 'last_delivered_at'),
  ]);
  const notes = sinks.flatMap((sink) => {
    const name = cellText(memberOf(sink, 'name'));
    const error = memberOf(sink, 'state') === 'failing' ? memberOf(sink, 'last_error') : null;
    const parked = memberOf(sink, 'last_parked', 'reason');
    return [
      ...(typeof error === 'string' ? [`${name}: ${cellText(error)}`] : []),
      ...(typeof parked === 'string' ? [`${name}: parked because of ${cellText(parked)}`] : []),
    ];
  });
  return notes.length === 0 ? table : `${table}\n${notes.join('\n')}\n`;
}

async function testSink(context: SinksCommandContext, name: string): Promise<Outcome> {
  const answer = await changeManagement(context, `/sinks/${encodeURIComponent(name)}/test`, {
    method: 'POST',
    body: {},
  });
  if (memberOf(answer, 'taken') === true) return { answer, text: `${name} has taken a test event.\n`, exitCode: 0 };
  return { answer, text: `${name} has not taken it: ${cellText(memberOf(answer, 'error'))}\n`, exitCode: 1 };
}

async function retrySink(context: SinksCommandContext, name: string): Promise<Outcome> {
  const answer = await changeManagement(context, `/sinks/${encodeURIComponent(name)}/retry`, {
    method: 'POST',
    body: {},
  });
  return { answer, text: `${cellText(memberOf(answer, 'retrying'))} parked events are sent again.\n`, exitCode: 0 };
}
