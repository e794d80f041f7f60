import { parseArgs } from 'node:util';
import { labelsOf, numberOf, ruleOf, secondsOf } from './access-options.ts';
import { describeKeys, describeOne, describeSecret } from './access-text.ts';
import { KEYS } from './commands/access.ts';
import { EXIT_OK } from './exit-codes.ts';
import { actionOf, type ManagedContext, pretty, runManaged } from './managed-command.ts';
import { askManagement, changeManagement, memberOf } from './management-client.ts';

type Options = ReturnType<typeof readOptions>;
type Act = (context: ManagedContext, options: Options, keyId: string) => Promise<void>;

const ACTIONS = {
  create: createKey,
  list: listKeys,
  show: showKey,
  update: updateKey,
  rotate: rotateKey,
  revoke: revokeKey,
} satisfies Record<(typeof KEYS.actions)[number]['name'], Act>;

/** Runs `metertap keys …`. Gives the exit code: 0, 1 (refused or no answer) or 2 (usage). */
export function runKeysCommand(context: ManagedContext): Promise<number> {
  return runManaged(context, KEYS, async ({ action, operand, args }) => {
    await actionOf<Act>(ACTIONS, action)(context, readOptions(args), operand);
    return EXIT_OK;
  });
}

function readOptions(args: string[]) {
  return parseArgs({ args, options: KEYS.options, allowPositionals: true }).values;
}

async function createKey(context: ManagedContext, options: Options): Promise<void> {
  const body = { team: options.team, id: options.id, ...settingsOf(options) };
  const made = await changeManagement(context, '/keys', { method: 'POST', body });
  writeSecret(context, options, made);
}

async function listKeys(context: ManagedContext, options: Options): Promise<void> {
  const page = await askManagement(context, '/keys', {
    team: options.team,
    include_revoked: options['include-revoked'] ? 'true' : undefined,
    limit: options.limit,
    cursor: options.cursor,
  });
  context.write(options.json ? pretty(page) : describeKeys(page));
}

async function showKey(context: ManagedContext, options: Options, keyId: string): Promise<void> {
  const key = await askManagement(context, pathOf(keyId), {});
  context.write(options.json ? pretty(key) : describeOne(key));
}

async function updateKey(context: ManagedContext, options: Options, keyId: string): Promise<void> {
  const cleared = Object.fromEntries((options.clear ?? []).map((name) => [name.replaceAll('-', '_'), null]));
  const body = { ...settingsOf(options), ...cleared };
  const key = await changeManagement(context, pathOf(keyId), { method: 'PATCH', body });
  context.write(options.json ? pretty(key) : describeOne(key));
}

async function rotateKey(context: ManagedContext, options: Options, keyId: string): Promise<void> {
  const body = { grace_seconds: secondsOf(options.grace ?? '0') };
  const rotated = await changeManagement(context, `${pathOf(keyId)}/rotate`, { method: 'POST', body });
  writeSecret(context, options, rotated);
}

async function revokeKey(context: ManagedContext, options: Options, keyId: string): Promise<void> {
  const key = await changeManagement(context, pathOf(keyId), { method: 'DELETE' });
  context.write(options.json ? pretty(key) : describeOne(key));
}

/** Only what was given: members that are undefined do not become part of a JSON body. */
function settingsOf(options: Options): object {
  return {
    name: options.name,
    labels: options.label === undefined ? undefined : labelsOf(options.label),
    scopes: options.scope,
    models: options.model,
    endpoints: options.endpoint,
    limits: options.rule?.map(ruleOf),
    client_leaves: options['client-leaves'],
    usage_event: options['usage-event'],
    unpriced_models: options['unpriced-models'],
    requests_per_minute:
      options['requests-per-minute'] === undefined ? undefined : numberOf(options['requests-per-minute']),
    expires_at: options.expires,
    disabled: options.disable === options.enable ? undefined : options.disable === true,
  };
}

function writeSecret(context: ManagedContext, options: Options, answer: unknown): void {
  context.write(options.json ? pretty(answer) : describeOne(answer) + describeSecret(answer));
  const warning = memberOf(answer, 'warning');
  if (typeof warning === 'string') context.writeError(`Warning: ${warning}\n`);
}

function pathOf(keyId: string): string {
  return `/keys/${encodeURIComponent(keyId)}`;
}
