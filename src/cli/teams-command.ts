import { parseArgs } from 'node:util';
import { ruleOf } from './access-options.ts';
import { describeOne, describeTeams } from './access-text.ts';
import { TEAMS } from './commands/access.ts';
import { EXIT_OK } from './exit-codes.ts';
import { actionOf, type ManagedContext, pretty, runManaged } from './managed-command.ts';
import { askManagement, changeManagement } from './management-client.ts';

type Options = ReturnType<typeof readOptions>;
type Act = (context: ManagedContext, options: Options, team: string) => Promise<string>;

const ACTIONS = {
  create: createTeam,
  list: listTeams,
  show: showTeam,
  update: updateTeam,
  delete: deleteTeam,
} satisfies Record<(typeof TEAMS.actions)[number]['name'], Act>;

/** Runs `metertap teams …`. Gives the exit code: 0, 1 (refused or no answer) or 2 (usage). */
export function runTeamsCommand(context: ManagedContext): Promise<number> {
  return runManaged(context, TEAMS, async ({ action, operand, args }) => {
    context.write(await actionOf<Act>(ACTIONS, action)(context, readOptions(args), operand));
    return EXIT_OK;
  });
}

function readOptions(args: string[]) {
  return parseArgs({ args, options: TEAMS.options, allowPositionals: true }).values;
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
