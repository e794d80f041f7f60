import { parseArgs } from 'node:util';
import { labelsOf, numberOf, ruleOf, secondsOf } from './access-options.ts';
import { describeKeys, describeOne, describeSecret } from './access-text.ts';
import { type ManagedContext, optionsOf, pretty, runManaged } from './managed-command.ts';
import { askManagement, changeManagement, memberOf } from './management-client.ts';

export const KEYS_USAGE = `Usage: metertap keys create --team T [--id ID] [settings] [--json]
       metertap keys list [--team T] [--include-revoked] [--limit N] [--cursor C] [--json]
       metertap keys show KEY [--json]
       metertap keys update KEY [settings] [--clear NAME]... [--json]
       metertap keys rotate KEY [--grace TIME] [--json]
       metertap keys revoke KEY [--json]

Settings:
  --name N                 for people
  --label NAME=VALUE       copied into every record; may be repeated
  --scope S                inference, usage:read, metrics:read, admin:read, admin:write; may be repeated
  --model M                a model or glob that it may use; may be repeated
  --endpoint E             an endpoint or glob that it may call; may be repeated
  --rule budget_usd=50,per=month
                           a limit rule; may be repeated
  --client-leaves drain|abort, --usage-event hide|pass, --unpriced-models allow|refuse, --requests-per-minute N
  --expires TIME           ISO 8601 or Unix seconds
  --disable, --enable

  metertap keys create --team research --id ci --model 'gpt-5*' --expires 2027-01-31
  metertap keys update ci --clear models --disable
  metertap keys rotate ci --grace 24h          a new secret now; the old one is valid for a day more
  metertap keys revoke ci                      refused from now on, for ever

Asks a running Metertap. The secret is printed by create and rotate, once.
`;

const OPTIONS = {
  team: { type: 'string' },
  id: { type: 'string' },
  name: { type: 'string' },
  label: { type: 'string', multiple: true },
  scope: { type: 'string', multiple: true },
  model: { type: 'string', multiple: true },
  endpoint: { type: 'string', multiple: true },
  rule: { type: 'string', multiple: true },
  'client-leaves': { type: 'string' },
  'usage-event': { type: 'string' },
  'unpriced-models': { type: 'string' },
  'requests-per-minute': { type: 'string' },
  expires: { type: 'string' },
  disable: { type: 'boolean' },
  enable: { type: 'boolean' },
  clear: { type: 'string', multiple: true },
  grace: { type: 'string' },
  'include-revoked': { type: 'boolean' },
  limit: { type: 'string' },
  cursor: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Options = ReturnType<typeof parseOptions>['values'];
type OptionName = keyof typeof OPTIONS;

interface Action {
  readonly takesKey: boolean;
  readonly options: readonly OptionName[];
  readonly run: (context: ManagedContext, options: Options, keyId: string) => Promise<void>;
}

const SETTINGS: readonly OptionName[] = [
  'name',
  'label',
  'scope',
  'model',
  'endpoint',
  'rule',
  'client-leaves',
  'usage-event',
  'unpriced-models',
  'requests-per-minute',
  'expires',
  'disable',
  'enable',
];

const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['create', { takesKey: false, options: ['team', 'id', ...SETTINGS], run: createKey }],
  ['list', { takesKey: false, options: ['team', 'include-revoked', 'limit', 'cursor'], run: listKeys }],
  ['show', { takesKey: true, options: [], run: showKey }],
  ['update', { takesKey: true, options: [...SETTINGS, 'clear'], run: updateKey }],
  ['rotate', { takesKey: true, options: ['grace'], run: rotateKey }],
  ['revoke', { takesKey: true, options: [], run: revokeKey }],
]);

/** Runs `metertap keys …`. Gives the exit code: 0, 1 (refused or no answer) or 2 (usage). */
export function runKeysCommand(context: ManagedContext): Promise<number> {
  return runManaged(context, KEYS_USAGE, async () => {
    const { values, positionals } = optionsOf(() => parseOptions(context.args));
    const [name = '', keyId = '', ...rest] = positionals;
    const action = ACTIONS.get(name);
    if (action === undefined || rest.length > 0 || action.takesKey !== (keyId !== '')) return 'usage';
    if (!takesAll(action, values)) return 'usage';
    await action.run(context, values, keyId);
    return 'done';
  });
}

function parseOptions(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

/** An option of another action would be silently without effect. */
function takesAll(action: Action, values: Options): boolean {
  return Object.keys(values).every((name) => name === 'json' || action.options.some((option) => option === name));
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
