import Type from 'typebox';
import type { OperationTable } from './operation.ts';
import { json } from './operation.ts';
import { TEAM } from './parameters.ts';
import { count, maybeText, maybeTime, text, time, words } from './schema-words.ts';

const AUTH_MODE = words(['passthrough', 'keys']);

const WHO = Type.Object(
  {
    kind: words(['admin', 'team', 'nobody'], '`nobody` without a credential.'),
    team: maybeText(),
    key_id: maybeText(),
    read_only: Type.Boolean(),
    auth_mode: AUTH_MODE,
    signed_in_until: maybeTime('Null where a credential was sent rather than a session.'),
  },
  { $id: 'Who' },
);
const WHO_EXAMPLE = {
  kind: 'admin',
  team: null,
  key_id: null,
  read_only: false,
  auth_mode: 'keys',
  signed_in_until: '2026-11-22T15:46:32.973Z',
};

const STATUS = Type.Object(
  {
    status: words(['ready', 'not_ready']),
    reasons: Type.Array(Type.Object({ code: words(['shutting_down', 'ledger_unavailable']), message: text() })),
    version: text('Of Metertap.'),
    node_version: text(),
    started_at: time(),
    now: time(),
    auth_mode: AUTH_MODE,
    open_calls: Type.Optional(count('This member and those below are for administrators.')),
    journal: Type.Optional(
      Type.Object({ state: words(['ready', 'unavailable']), waiting_records: count('Not yet committed.') }),
    ),
    upstreams: Type.Optional(
      Type.Array(Type.Object({ name: text(), origin: text(), models: Type.Array(Type.String()) })),
    ),
    configuration: Type.Optional(
      Type.Object({ loaded_at: time(), last_load: words(['in_force', 'refused'], 'Of the last load that was tried.') }),
    ),
  },
  { $id: 'Status' },
);

/** Sessions of browsers, and what a page asks to know what to show. */
export const SESSION_OPERATIONS: OperationTable = {
  'POST /api/v1/sign-in': {
    id: 'signIn',
    tag: 'Sessions',
    summary: 'Begin a session with a key, for a browser',
    description: 'Needs the header `x-metertap-csrf`. The answer sets the cookie of a session, for 12 hours.',
    access: 'open',
    body: {
      schema: Type.Object(
        { key: text('An admin key, or the key of a team.') },
        { $id: 'SignIn', additionalProperties: false },
      ),
      example: { key: '…' },
      isRequired: true,
    },
    answers: { 200: json('Who it is.', WHO, WHO_EXAMPLE) },
    errors: ['invalid_api_key', 'invalid_parameter', 'permission_denied', 'rate_limit_exceeded'],
  },
  'POST /api/v1/sign-out': {
    id: 'signOut',
    tag: 'Sessions',
    summary: 'End the session',
    access: 'reader',
    answers: { 204: { description: 'It is over.' } },
  },
  'GET /api/v1/me': {
    id: 'getWho',
    tag: 'Sessions',
    summary: 'Say who asks',
    access: 'open',
    answers: { 200: json('Who it is.', WHO, WHO_EXAMPLE) },
  },
  'GET /api/v1/events': {
    id: 'followChanges',
    tag: 'Sessions',
    summary: 'Say when calls have been committed',
    description: 'Server-sent events `changed` with `{"calls": 3}`, at most one a second.',
    access: 'reader',
    query: { team: TEAM },
    answers: {
      200: {
        description: 'The events.',
        content: { 'text/event-stream': { schema: text(), example: 'event: changed\ndata: {"calls":3}\n\n' } },
      },
    },
  },
  'GET /api/v1/status': {
    id: 'getStatus',
    tag: 'Operation',
    summary: 'Show what runs, and how it is',
    access: 'reader',
    query: {},
    answers: { 200: json('The status.', STATUS) },
  },
};
