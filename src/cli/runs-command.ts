import { parseArgs } from 'node:util';
import { RUNS } from './commands/looking.ts';
import { readEvents } from './event-stream-reader.ts';
import { actionOf, type ManagedContext, pretty, runManaged } from './managed-command.ts';
import { askManagement, ManagementFailure, openManagementStream } from './management-client.ts';
import { describeEvent, describeRun, describeRuns } from './runs-text.ts';

type Options = ReturnType<typeof readOptions>;
type Act = (context: ManagedContext, options: Options, runId: string) => Promise<number>;

const ACTIONS = { list: listRuns, show: showRun, watch: watchRun } satisfies Record<
  (typeof RUNS.actions)[number]['name'],
  Act
>;

/** Runs `metertap runs list`, `show` or `watch`. Gives the exit code: 0, 1 (no answer) or 2 (usage). */
export function runRunsCommand(context: ManagedContext): Promise<number> {
  return runManaged(context, RUNS, ({ action, operand, args }) =>
    actionOf<Act>(ACTIONS, action)(context, readOptions(args), operand),
  );
}

function readOptions(args: string[]) {
  return parseArgs({ args, options: RUNS.options, allowPositionals: true }).values;
}

async function listRuns(context: ManagedContext, options: Options): Promise<number> {
  const page = await askManagement(context, '/runs', {
    team: options.team,
    session_id: options.session,
    start_time: options.start,
    end_time: options.end,
    order: options.order,
    limit: options.limit,
    cursor: options.cursor,
  });
  context.write(options.json ? pretty(page) : describeRuns(page));
  return 0;
}

async function showRun(context: ManagedContext, options: Options, runId: string): Promise<number> {
  const include = options.children ? 'children' : undefined;
  const run = await askManagement(context, `/runs/${encodeURIComponent(runId)}`, { team: options.team, include });
  context.write(options.json ? pretty(run) : describeRun(run));
  return 0;
}

/** Prints events until the command is stopped. A stream that ends by itself is a failure: runs have no end. */
async function watchRun(context: ManagedContext, options: Options, runId: string): Promise<number> {
  const path = `/runs/${encodeURIComponent(runId)}/events`;
  const stream = await openManagementStream(context, path, { team: options.team });
  try {
    for await (const { event, data } of readEvents(stream)) {
      const parsed: unknown = JSON.parse(data);
      context.write(options.json ? `${JSON.stringify({ event, data: parsed })}\n` : describeEvent(event, parsed));
    }
  } catch (cause) {
    if (context.stop.aborted) return 0;
    throw new ManagementFailure('The connection to Metertap broke.', { cause });
  }
  throw new ManagementFailure('Metertap ended the stream.');
}
