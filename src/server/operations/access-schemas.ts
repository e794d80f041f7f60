import Type from 'typebox';
import { SCOPES } from '../../attribution/permissions.ts';
import { labels, maybeText, maybeTime, nullable, text, time, words } from './schema-words.ts';

/** Shapes of teams and keys (docs/keys.md). */

export const LIMIT_RULES = Type.Array(Type.Record(Type.String(), Type.Unknown()), {
  description: 'Limit rules, as in the configuration.',
});

const SOURCE = words(['api', 'file'], 'Where it was made; what the configuration file has cannot be changed here.');

export const TEAM_VIEW = Type.Object(
  {
    id: text(),
    name: maybeText('For people.'),
    limits: LIMIT_RULES,
    source: SOURCE,
    created_at: maybeTime('Null for one of the file.'),
    updated_at: maybeTime(),
  },
  { $id: 'Team' },
);

const scopes = Type.Array(words(SCOPES), { description: 'Which doors the key opens.' });
const patterns = (description: string) => Type.Union([Type.Array(Type.String()), Type.Null()], { description });
const wordOrNull = (values: readonly string[], description: string) =>
  Type.Union([words(values), Type.Null()], { description });

const SETTINGS = {
  name: maybeText('For people.'),
  labels: labels('Copied into every record of the key.'),
  scopes,
  models: patterns('Models that calls may name, exact or globs; null allows all.'),
  endpoints: patterns('Endpoints that may be called, exact or globs; null allows all.'),
  limits: LIMIT_RULES,
  client_leaves: wordOrNull(['drain', 'abort'], 'What happens when the client leaves; null for the general setting.'),
  usage_event: wordOrNull(['hide', 'pass'], 'Whether an injected usage event is shown; null for the general setting.'),
  unpriced_models: wordOrNull(['allow', 'refuse'], 'Null for the general setting.'),
  requests_per_minute: nullable(Type.Integer({ minimum: 1 })),
  disabled: Type.Boolean(),
  expires_at: maybeTime(),
};

/** The same as members of a body, where null sets each back to its default. */
export const KEY_SETTING_MEMBERS = {
  name: Type.Optional(SETTINGS.name),
  labels: Type.Optional(nullable(SETTINGS.labels)),
  scopes: Type.Optional(nullable(scopes)),
  models: Type.Optional(SETTINGS.models),
  endpoints: Type.Optional(SETTINGS.endpoints),
  limits: Type.Optional(nullable(LIMIT_RULES)),
  client_leaves: Type.Optional(SETTINGS.client_leaves),
  usage_event: Type.Optional(SETTINGS.usage_event),
  unpriced_models: Type.Optional(SETTINGS.unpriced_models),
  requests_per_minute: Type.Optional(SETTINGS.requests_per_minute),
  disabled: Type.Optional(nullable(SETTINGS.disabled)),
  expires_at: Type.Optional(
    Type.Union([Type.String(), Type.Integer(), Type.Null()], { description: 'ISO 8601 or Unix seconds.' }),
  ),
};

const SECRET = Type.Object(
  { redacted_value: text(), created_at: time(), expires_at: maybeTime('Set by the rotation that replaced it.') },
  { $id: 'KeySecret', description: 'One secret, as far as it may be shown.' },
);

export const KEY = Type.Object(
  {
    id: text(),
    team: text(),
    source: SOURCE,
    status: words(['active', 'disabled', 'expired', 'revoked']),
    ...SETTINGS,
    created_at: maybeTime('Null for one of the file.'),
    updated_at: maybeTime(),
    revoked_at: maybeTime(),
    last_used_at: maybeTime('Known to the minute; null where it was never used.'),
    redacted_value: text('What may be shown of the newest secret.'),
    secrets: Type.Array(SECRET, { description: 'Those that are valid now, the oldest first.' }),
  },
  { $id: 'Key' },
);

export const KEY_BODY_EXAMPLE = {
  team: 'research',
  id: 'ci',
  labels: { cost_center: '4711' },
  models: ['gpt-5*'],
  limits: [{ budget_usd: '50', per: 'month' }],
};

export const KEY_EXAMPLE = {
  ...KEY_BODY_EXAMPLE,
  source: 'api',
  status: 'active',
  name: null,
  scopes: ['inference', 'usage:read'],
  endpoints: null,
  client_leaves: null,
  usage_event: null,
  unpriced_models: null,
  requests_per_minute: null,
  disabled: false,
  expires_at: null,
  created_at: '2026-11-22T03:46:32.973Z',
  updated_at: '2026-11-22T03:46:32.973Z',
  revoked_at: null,
  last_used_at: null,
  redacted_value: 'mt_ci_…x7Qd',
  secrets: [{ redacted_value: 'mt_ci_…x7Qd', created_at: '2026-11-22T03:46:32.973Z', expires_at: null }],
};
