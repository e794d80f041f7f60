import Type from 'typebox';
import { AUDIT_TARGETS } from '../../ledger/access-book.ts';
import { KEY, KEY_BODY_EXAMPLE, KEY_EXAMPLE, KEY_SETTING_MEMBERS, LIMIT_RULES, TEAM_VIEW } from './access-schemas.ts';
import type { OperationTable } from './operation.ts';
import { json } from './operation.ts';
import { CURSOR, END_TIME, limit, START_TIME, TEAM } from './parameters.ts';
import { maybeText, maybeTime, nullable, page, text, time, words } from './schema-words.ts';

const LIMIT = limit({ fallback: 100, max: 1_000 });
const TEAM_EXAMPLE = {
  id: 'research',
  name: 'Research',
  limits: [{ budget_usd: '500', per: 'month' }],
  source: 'api',
  created_at: '2026-11-22T03:46:32.973Z',
  updated_at: '2026-11-22T03:46:32.973Z',
};

const TEAM_SETTINGS = { name: Type.Optional(maybeText('For people.')), limits: Type.Optional(nullable(LIMIT_RULES)) };
const NEW_TEAM = Type.Object(
  { id: Type.Optional(text('Letters, digits, `.`, `_`, `-`; made if left out.')), ...TEAM_SETTINGS },
  { $id: 'NewTeam', additionalProperties: false },
);
const TEAM_PATCH = Type.Object(TEAM_SETTINGS, { $id: 'TeamPatch', additionalProperties: false });
const DELETED_TEAM = Type.Object({ ...TEAM_VIEW.properties, deleted_at: maybeTime() }, { $id: 'DeletedTeam' });

const NEW_KEY = Type.Object(
  {
    id: Type.Optional(text('Letters, digits, `-`; made if left out.')),
    team: text('The team that the calls of the key count for; it is made with the key, if nobody has.'),
    ...KEY_SETTING_MEMBERS,
  },
  { $id: 'NewKey', additionalProperties: false },
);
const KEY_PATCH = Type.Object(KEY_SETTING_MEMBERS, { $id: 'KeyPatch', additionalProperties: false });
const KEY_WITH_SECRET = Type.Object(
  {
    ...KEY.properties,
    secret: text('Shown this once; only its HMAC is kept.'),
    warning: Type.Optional(text('Where the key opens no call.')),
  },
  { $id: 'KeyWithSecret' },
);
const ROTATION = Type.Object(
  {
    grace_seconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 31_536_000,
        default: 0,
        description: 'How long the old secret stays valid.',
      }),
    ),
  },
  { $id: 'KeyRotation', additionalProperties: false },
);

const AUDIT_ENTRY = Type.Object(
  {
    id: Type.Integer(),
    at: time(),
    actor: text('`admin`, `key:` and the id of the key, or `signal:SIGHUP`.'),
    action: text('`team.create`, `key.rotate`, …'),
    target_type: words(AUDIT_TARGETS),
    target_id: text(),
    team: maybeText(),
    before: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], {
      description: 'The whole, as it was; null for corrections and the configuration.',
    }),
    after: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], {
      description:
        'The whole, as it is; of corrections their number and sum, of the configuration the names of what has changed.',
    }),
    request_id: maybeText(),
    address: maybeText('Of the connection.'),
  },
  { $id: 'AuditEntry' },
);

/** Teams, keys, and the audit of their changes. */
export const ACCESS_OPERATIONS: OperationTable = {
  'GET /api/v1/teams': {
    id: 'listTeams',
    tag: 'Teams and keys',
    summary: 'List teams',
    access: 'reader',
    query: { limit: LIMIT, cursor: CURSOR },
    answers: { 200: json('Teams in the order of their ids; the key of a team sees its own.', page(TEAM_VIEW)) },
  },
  'POST /api/v1/teams': {
    id: 'createTeam',
    tag: 'Teams and keys',
    summary: 'Make a team',
    access: 'admin',
    body: {
      schema: NEW_TEAM,
      example: { id: 'research', name: 'Research', limits: [{ budget_usd: '500', per: 'month' }] },
      isRequired: false,
    },
    answers: { 201: json('The team.', TEAM_VIEW, TEAM_EXAMPLE) },
    errors: ['conflict'],
  },
  'GET /api/v1/teams/{id}': {
    id: 'getTeam',
    tag: 'Teams and keys',
    summary: 'Show a team',
    access: 'reader',
    answers: { 200: json('The team.', TEAM_VIEW, TEAM_EXAMPLE) },
  },
  'PATCH /api/v1/teams/{id}': {
    id: 'updateTeam',
    tag: 'Teams and keys',
    summary: 'Change a team',
    description: 'Members that are left out stay; null sets one back. A team of the configuration file is a 409.',
    access: 'admin',
    body: { schema: TEAM_PATCH, example: { name: 'Research' }, isRequired: false },
    answers: { 200: json('The team.', TEAM_VIEW, TEAM_EXAMPLE) },
    errors: ['conflict'],
  },
  'DELETE /api/v1/teams/{id}': {
    id: 'deleteTeam',
    tag: 'Teams and keys',
    summary: 'Delete a team',
    description: 'A 409 while it has keys that are not revoked.',
    access: 'admin',
    answers: { 200: json('The team as it was.', DELETED_TEAM) },
    errors: ['conflict'],
  },
  'GET /api/v1/keys': {
    id: 'listKeys',
    tag: 'Teams and keys',
    summary: 'List keys',
    access: 'reader',
    query: {
      team: TEAM,
      include_revoked: Type.Boolean({ description: 'Revoked ones too.', default: false }),
      limit: LIMIT,
      cursor: CURSOR,
    },
    answers: { 200: json('Keys in the order of their ids, never with a secret.', page(KEY)) },
  },
  'POST /api/v1/keys': {
    id: 'createKey',
    tag: 'Teams and keys',
    summary: 'Make a key',
    access: 'admin',
    body: { schema: NEW_KEY, example: KEY_BODY_EXAMPLE, isRequired: true },
    answers: { 201: json('The key with its secret, which is shown this once.', KEY_WITH_SECRET) },
    errors: ['conflict'],
  },
  'GET /api/v1/keys/{id}': {
    id: 'getKey',
    tag: 'Teams and keys',
    summary: 'Show a key',
    access: 'reader',
    answers: { 200: json('The key.', KEY, KEY_EXAMPLE) },
  },
  'PATCH /api/v1/keys/{id}': {
    id: 'updateKey',
    tag: 'Teams and keys',
    summary: 'Change a key',
    description: 'Members that are left out stay; null sets one back. A key of the configuration file is a 409.',
    access: 'admin',
    body: { schema: KEY_PATCH, example: { models: ['gpt-5*'], disabled: true }, isRequired: false },
    answers: { 200: json('The key.', KEY, KEY_EXAMPLE) },
    errors: ['conflict'],
  },
  'POST /api/v1/keys/{id}/rotate': {
    id: 'rotateKey',
    tag: 'Teams and keys',
    summary: 'Give a key a new secret',
    access: 'admin',
    body: { schema: ROTATION, example: { grace_seconds: 86400 }, isRequired: false },
    answers: { 200: json('The key with its new secret, which is shown this once.', KEY_WITH_SECRET) },
    errors: ['conflict'],
  },
  'DELETE /api/v1/keys/{id}': {
    id: 'revokeKey',
    tag: 'Teams and keys',
    summary: 'Revoke a key, for ever',
    access: 'admin',
    answers: { 200: json('The key, which stays to be read.', KEY) },
    errors: ['conflict'],
  },
  'GET /api/v1/audit': {
    id: 'listChanges',
    tag: 'Teams and keys',
    summary: 'List every change, the newest first',
    access: 'admin_reader',
    query: {
      target_type: words(AUDIT_TARGETS),
      target_id: text(
        'Its id; of a statement the team and the month, as `research/2026-11`; of corrections the range of time that was priced anew, from/to; of the configuration `file`.',
      ),
      actor: text('`admin`, `key:` and the id of the key, or `signal:SIGHUP`.'),
      action: text('Such as `key.rotate`.'),
      start_time: START_TIME,
      end_time: END_TIME,
      limit: LIMIT,
      cursor: CURSOR,
    },
    answers: { 200: json('Changes.', page(AUDIT_ENTRY)) },
  },
};
