import { parseArgs } from 'node:util';
import { ruleOf } from './access-options.ts';
import { describeOne, describeTeams } from './access-text.ts';
import { type ManagedContext, optionsOf, pretty, runManaged } from './managed-command.ts';
import { askManagement, changeManagement } from './management-client.ts';

export const TEAMS_USAGE = `Usage: metertap teams create [TEAM] [--name N] [--rule budget_usd=500,per=month]... [--json]
       metertap teams list [--limit N] [--cursor C] [--json]
       metertap teams show TEAM [--json]
       metertap teams update TEAM [--name N] [--rule R]... [--clear name|limits]... [--json]
       metertap teams delete TEAM [--json]

  metertap teams create research --name Research --rule budget_usd=500,per=month --rule tokens=200000,per=minute
  metertap teams update research --clear limits

Asks a running Metertap. Rules that are given take the place of those there are.
`;

const OPTIONS = {
  name: { type: 'string' },
  rule: { type: 'string', multiple: true },
  clear: { type: 'string', multiple: true },
  limit: { type: 'string' },
  cursor: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Options = ReturnType<typeof parseOptions>['values'];
type OptionName = keyof typeof OPTIONS;

interface Action {
  readonly takesTeam: 'yes' | 'no' | 'maybe';
  readonly options: readonly OptionName[];
  readonly run: (context: ManagedContext, options: Options, team: string) => Promise<string>;
}

const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['create', { takesTeam: 'maybe', options: ['name', 'rule'], run: createTeam }],
  ['list', { takesTeam: 'no', options: ['limit', 'cursor'], run: listTeams }],
  ['show', { takesTeam: 'yes', options: [], run: showTeam }],
  ['update', { takesTeam: 'yes', options: ['name', 'rule', 'clear'], run: updateTeam }],
  ['delete', { takesTeam: 'yes', options: [], run: deleteTeam }],
]);

/** Runs `metertap teams …`. Gives the exit code: 0, 1 (refused or no answer) or 2 (usage). */
export function runTeamsCommand(context: ManagedContext): Promise<number> {
  return runManaged(context, TEAMS_USAGE, async () => {
    const { values, positionals } = optionsOf(() => parseOptions(context.args));
    const [name = '', team = '', ...rest] = positionals;
    const action = ACTIONS.get(name);
    if (action === undefined || rest.length > 0 || !fits(action, team, values)) return 'usage';
    context.write(await action.run(context, values, team));
    return 'done';
  });
}

function parseOptions(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

function fits({ takesTeam, options }: Action, team: string, values: Options): boolean {
  if (takesTeam !== 'maybe' && (takesTeam === 'yes') !== (team !== '')) return false;
  return Object.keys(values).every((name) => name === 'json' || options.some((option) => option === name));
}

async function createTeam(context: ManagedContext, options: Options, team: string): Promise<string> {
  const body = { id: team === '' ? undefined : team, ...settingsOf(options) };
  return shown(options, await changeManagement(context, '/teams', { method: 'POST', body }));
}

async function listTeams(context: ManagedContext, options: Options): Promise<string> {
  const page = await askManagement(context, '/teams', { limit: options.limit, cursor: options.cursor });
  return options.json ? pretty(page) : describeTeams(page);
}

async function showTeam(context: ManagedContext, options: Options, team: string): Promise<string> {
  return shown(options, await askManagement(context, pathOf(team), {}));
}

async function updateTeam(context: ManagedContext, options: Options, team: string): Promise<string> {
  const cleared = Object.fromEntries((options.clear ?? []).map((name) => [name, null]));
  const body = { ...settingsOf(options), ...cleared };
  return shown(options, await changeManagement(context, pathOf(team), { method: 'PATCH', body }));
}

async function deleteTeam(context: ManagedContext, options: Options, team: string): Promise<string> {
  return shown(options, await changeManagement(context, pathOf(team), { method: 'DELETE' }));
}

/** Only what was given: members that are undefined do not become part of a JSON body. */
function settingsOf(options: Options): object {
  return { name: options.name, limits: options.rule?.map(ruleOf) };
}

function shown(options: Options, team: unknown): string {
  return options.json ? pretty(team) : describeOne(team);
}

function pathOf(team: string): string {
  return `/teams/${encodeURIComponent(team)}`;
}
