import { parseArgs } from 'node:util';
import { readEvents } from './event-stream-reader.ts';
import { askManagement, type ManagementAccess, ManagementFailure, openManagementStream } from './management-client.ts';
import { describeEvent, describeRun, describeRuns } from './runs-text.ts';

export const RUNS_USAGE = `Usage: metertap runs list [--team T] [--session S] [--start TIME] [--end TIME] [--order -cost|-last_activity_at]
                          [--limit N] [--cursor C] [--json]
       metertap runs show RUN [--team T] [--children] [--json]
       metertap runs watch RUN [--team T] [--json]

Asks a running Metertap. Times are ISO 8601 or Unix seconds.
`;

/** What the command needs of the world; only the process edge has it. */
export interface RunsCommandContext extends ManagementAccess {
  /** What follows `metertap runs`. */
  readonly args: readonly string[];
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
}

type Options = NonNullable<ReturnType<typeof parseOptions>>['values'];
type Action = (context: RunsCommandContext, options: Options, runId: string) => Promise<number>;

const ACTIONS: ReadonlyMap<string, { readonly run: Action; readonly takesRun: boolean }> = new Map([
  ['list', { run: listRuns, takesRun: false }],
  ['show', { run: showRun, takesRun: true }],
  ['watch', { run: watchRun, takesRun: true }],
]);

/** Runs `metertap runs list`, `show` or `watch`. Gives the exit code: 0, 1 (no answer) or 2 (usage). */
export async function runRunsCommand(context: RunsCommandContext): Promise<number> {
  const parsed = parseOptions(context.args);
  const [name = '', runId = '', ...rest] = parsed?.positionals ?? [];
  const action = ACTIONS.get(name);
  if (parsed === null || action === undefined || rest.length > 0 || action.takesRun !== (runId !== '')) {
    context.writeError(RUNS_USAGE);
    return 2;
  }
  try {
    return await action.run(context, parsed.values, runId);
  } catch (error) {
    if (context.stop.aborted) return 0;
    if (!(error instanceof ManagementFailure)) throw error;
    context.writeError(`${error.message}\n`);
    return 1;
  }
}

function parseOptions(args: readonly string[]) {
  const options = {
    team: { type: 'string' },
    session: { type: 'string' },
    start: { type: 'string' },
    end: { type: 'string' },
    order: { type: 'string' },
    limit: { type: 'string' },
    cursor: { type: 'string' },
    children: { type: 'boolean' },
    json: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: joinedOrder(args), options, allowPositionals: true });
  } catch {
    return null; // parseArgs throws on options that it does not know; the caller shows the usage
  }
}

/** The values of `--order` begin with a dash, which `parseArgs` takes only after an equals sign. */
function joinedOrder(args: readonly string[]): string[] {
  const at = args.indexOf('--order');
  const value = args[at + 1];
  if (at < 0 || value === undefined) return [...args];
  return [...args.slice(0, at), `--order=${value}`, ...args.slice(at + 2)];
}

async function listRuns(context: RunsCommandContext, options: Options): Promise<number> {
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

async function showRun(context: RunsCommandContext, options: Options, runId: string): Promise<number> {
  const include = options.children ? 'children' : undefined;
  const run = await askManagement(context, `/runs/${encodeURIComponent(runId)}`, { team: options.team, include });
  context.write(options.json ? pretty(run) : describeRun(run));
  return 0;
}

/** Prints events until the command is stopped. A stream that ends by itself is a failure: runs have no end. */
async function watchRun(context: RunsCommandContext, options: Options, runId: string): Promise<number> {
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

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
