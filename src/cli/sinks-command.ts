import { parseArgs } from 'node:util';
import { SINKS } from './commands/operating.ts';
import { actionOf, type ManagedContext, pretty, runManaged } from './managed-command.ts';
import { askManagement, changeManagement, listOf, memberOf } from './management-client.ts';
import { cellText, textTable } from './text-table.ts';

interface Outcome {
  readonly answer: unknown;
  readonly text: string;
  readonly exitCode: 0 | 1;
}

type Act = (context: ManagedContext, name: string) => Promise<Outcome>;

const ACTIONS = { list: listSinks, test: testSink, retry: retrySink } satisfies Record<
  (typeof SINKS.actions)[number]['name'],
  Act
>;

/** Runs `metertap sinks list`, `test` or `retry`. Gives the exit code: 0, 1 (no answer, or not taken) or 2 (usage). */
export function runSinksCommand(context: ManagedContext): Promise<number> {
  return runManaged(context, SINKS, async ({ action, operand, args }) => {
    const { values } = parseArgs({ args, options: SINKS.options, allowPositionals: true });
    const { answer, text, exitCode } = await actionOf<Act>(ACTIONS, action)(context, operand);
    context.write(values.json ? pretty(answer) : text);
    return exitCode;
  });
}

async function listSinks(context: ManagedContext): Promise<Outcome> {
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

async function testSink(context: ManagedContext, name: string): Promise<Outcome> {
  const answer = await changeManagement(context, `/sinks/${encodeURIComponent(name)}/test`, {
    method: 'POST',
    body: {},
  });
  if (memberOf(answer, 'taken') === true) return { answer, text: `${name} has taken a test event.\n`, exitCode: 0 };
  return { answer, text: `${name} has not taken it: ${cellText(memberOf(answer, 'error'))}\n`, exitCode: 1 };
}

async function retrySink(context: ManagedContext, name: string): Promise<Outcome> {
  const answer = await changeManagement(context, `/sinks/${encodeURIComponent(name)}/retry`, {
    method: 'POST',
    body: {},
  });
  return { answer, text: `${cellText(memberOf(answer, 'retrying'))} parked events are sent again.\n`, exitCode: 0 };
}
