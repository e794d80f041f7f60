import Type from 'typebox';
import { LIMIT_RULE } from './limit-rule.ts';
import { choice, entry, flag, id, list, map, nonEmptyList, text, VISIBLE_ASCII, wholeNumber } from './schema-parts.ts';

export const TEAM_ENTRY = entry('a team', {
  id: id('What records and keys call it.'),
  name: Type.Optional(text({ description: 'For people.' })),
  limits: list(LIMIT_RULE, { description: 'What the team may use.', default: [], expects: 'a list of limit rules' }),
});

export const KEY_ENTRY = entry('a key', {
  id: id('What records call it.'),
  team: id('The team that its calls count for; it need not be listed under `teams`.'),
  key: text({
    description:
      "The key itself. In `passthrough` mode: the client's own credential, which this entry gives a name and a team.",
    minLength: 16,
    pattern: VISIBLE_ASCII,
    expects: 'at least 16 printable characters without blanks',
    secret: 'whole',
  }),
  labels: map(text({ description: 'The value.', minLength: 0 }), {
    description: 'Copied into every record of the key.',
    default: {},
    expects: 'a mapping of text to text',
  }),
  scopes: list(
    choice(['inference', 'usage:read', 'metrics:read', 'admin:read', 'admin:write'], { description: 'One scope.' }),
    {
      description: 'What the key may be used for; see [keys.md](keys.md).',
      default: ['inference', 'usage:read'],
      expects: 'a list of scopes',
    },
  ),
  models: Type.Optional(
    nonEmptyList(text({ description: 'A model or a glob.' }), {
      description: 'The models that it may call, exact or globs.',
      expects: 'a list of models or globs',
      defaultText: 'all',
    }),
  ),
  endpoints: Type.Optional(
    nonEmptyList(text({ description: 'An endpoint or a glob.' }), {
      description: 'The endpoints that it may call, such as `chat/completions` or `audio/*`.',
      expects: 'a list of endpoints or globs',
      defaultText: 'all',
    }),
  ),
  usage_event: Type.Optional(
    choice(['hide', 'pass'], {
      description: 'As `streams.usage_event`, for this key.',
      defaultText: '`streams.usage_event`',
    }),
  ),
  client_leaves: Type.Optional(
    choice(['drain', 'abort'], {
      description: 'As `streams.client_leaves`, for this key.',
      defaultText: '`streams.client_leaves`',
    }),
  ),
  unpriced_models: Type.Optional(
    choice(['allow', 'refuse'], {
      description: 'As `limits.unpriced_models`, for this key.',
      defaultText: '`limits.unpriced_models`',
    }),
  ),
  requests_per_minute: Type.Optional(
    wholeNumber({
      description: 'Most requests in a minute.',
      minimum: 1,
      defaultText: '`rates.key_requests_per_minute`',
    }),
  ),
  disabled: flag({ description: 'Refuses the key without deleting its entry.', default: false }),
  expires_at: Type.Optional(
    Type.String({
      format: 'date-time',
      description: 'From when on it is refused.',
      expects: 'a date and time with its zone',
      hint: 'write it as 2027-01-31T00:00:00Z',
    }),
  ),
  limits: list(LIMIT_RULE, { description: 'What the key may use.', default: [], expects: 'a list of limit rules' }),
});
