import { ASKS, type Command, JSON_OPTION } from '../command.ts';

const LIMIT = { type: 'string', value: 'N', text: 'how many; 100 by default, 1,000 at most' } as const;
const CURSOR = { type: 'string', value: 'CURSOR', text: 'go on after the last page' } as const;
const RULE = {
  type: 'string',
  multiple: true,
  value: 'RULE',
  text: 'a limit rule, such as budget_usd=50,per=month; may be repeated',
} as const;

const SETTINGS = [
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
] as const;

export const KEYS = {
  name: 'keys',
  group: 'Teams and keys',
  summary: 'make, change, rotate and revoke keys',
  options: {
    team: { type: 'string', value: 'TEAM', text: 'whose key it is; with list, only this team' },
    id: { type: 'string', value: 'ID', text: 'letters, digits and dashes; made if left out' },
    name: { type: 'string', value: 'NAME', text: 'for people' },
    label: {
      type: 'string',
      multiple: true,
      value: 'NAME=VALUE',
      text: 'copied into every record of the key; may be repeated',
    },
    scope: {
      type: 'string',
      multiple: true,
      value: 'SCOPE',
      words: ['inference', 'usage:read', 'metrics:read', 'admin:read', 'admin:write'],
      text: 'a door that it opens; may be repeated',
    },
    model: { type: 'string', multiple: true, value: 'MODEL', text: 'a model or glob that it may use; may be repeated' },
    endpoint: {
      type: 'string',
      multiple: true,
      value: 'ENDPOINT',
      text: 'an endpoint or glob that it may call; may be repeated',
    },
    rule: RULE,
    'client-leaves': { type: 'string', value: 'WORD', words: ['drain', 'abort'], text: 'when a client leaves' },
    'usage-event': {
      type: 'string',
      value: 'WORD',
      words: ['hide', 'pass'],
      text: 'the usage event that was asked for',
    },
    'unpriced-models': { type: 'string', value: 'WORD', words: ['allow', 'refuse'], text: 'models without a price' },
    'requests-per-minute': { type: 'string', value: 'N', text: 'how many calls it may make' },
    expires: { type: 'string', value: 'TIME', text: 'ISO 8601 or Unix seconds' },
    disable: { type: 'boolean', text: 'refuse its calls until it is enabled' },
    enable: { type: 'boolean', text: 'take its calls again' },
    clear: { type: 'string', multiple: true, value: 'SETTING', text: 'set one back to its default; may be repeated' },
    grace: { type: 'string', value: 'TIME', text: 'how long the old secret stays valid: 90s, 15m, 24h, 7d' },
    'include-revoked': { type: 'boolean', text: 'revoked ones too' },
    limit: LIMIT,
    cursor: CURSOR,
    json: JSON_OPTION,
  },
  actions: [
    { name: 'create', summary: 'make a key', options: ['team', 'id', ...SETTINGS, 'json'], required: ['team'] },
    {
      name: 'list',
      summary: 'keys, never their secrets',
      options: ['team', 'include-revoked', 'limit', 'cursor', 'json'],
    },
    { name: 'show', summary: 'one key', operand: 'KEY', options: ['json'] },
    { name: 'update', summary: 'change its settings', operand: 'KEY', options: [...SETTINGS, 'clear', 'json'] },
    { name: 'rotate', summary: 'give it a new secret', operand: 'KEY', options: ['grace', 'json'] },
    { name: 'revoke', summary: 'refuse it from now on, for ever', operand: 'KEY', options: ['json'] },
  ],
  examples: [
    ['metertap keys create --team research', 'a key; its secret is printed this once'],
    ["metertap keys create --team research --id ci --model 'gpt-5*' --expires 2027-01-31", 'one for few models'],
    ['metertap keys update ci --clear models --disable', 'all models, but no calls for now'],
    ['metertap keys rotate ci --grace 24h', 'a new secret; the old one is valid for a day more'],
    ['metertap keys revoke ci', 'refused within a second'],
  ],
  notes: ASKS,
} as const satisfies Command;

export const TEAMS = {
  name: 'teams',
  group: 'Teams and keys',
  summary: 'make, change and delete teams',
  options: {
    name: { type: 'string', value: 'NAME', text: 'for people' },
    rule: RULE,
    clear: {
      type: 'string',
      multiple: true,
      value: 'SETTING',
      words: ['name', 'limits'],
      text: 'set one back; may be repeated',
    },
    limit: LIMIT,
    cursor: CURSOR,
    json: JSON_OPTION,
  },
  actions: [
    {
      name: 'create',
      summary: 'make a team',
      operand: 'TEAM',
      isOperandOptional: true,
      options: ['name', 'rule', 'json'],
    },
    { name: 'list', summary: 'teams', options: ['limit', 'cursor', 'json'] },
    { name: 'show', summary: 'one team', operand: 'TEAM', options: ['json'] },
    { name: 'update', summary: 'change it', operand: 'TEAM', options: ['name', 'rule', 'clear', 'json'] },
    { name: 'delete', summary: 'delete it, once its keys are revoked', operand: 'TEAM', options: ['json'] },
  ],
  examples: [
    ['metertap teams list', 'those of the file and those that were made'],
    ['metertap teams create research --name Research --rule budget_usd=500,per=month', 'a team with a budget'],
    ['metertap teams update research --clear limits', 'without it'],
  ],
  notes: `Rules that are given take the place of those there are. ${ASKS}`,
} as const satisfies Command;
