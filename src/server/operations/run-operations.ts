import Type from 'typebox';
import type { OperationTable } from './operation.ts';
import { json } from './operation.ts';
import { CURSOR, END_TIME, limit, START_TIME, TEAM, TEAM_OF_ID } from './parameters.ts';
import { RUN_EXAMPLE, SESSION_EXAMPLE } from './run-examples.ts';
import { count, labels, maybeText, nullable, page, text, time, usd, wordList, words } from './schema-words.ts';
import { ACTIVITY, USAGE_BLOCK } from './usage-schemas.ts';

const RULES = Type.Array(Type.Record(Type.String(), Type.Unknown()), {
  description:
    'In lists the rules that were declared for the run, as they were given; of a single run how its limits stand.',
});

const RUN_MEMBERS = {
  run_id: text(),
  team: text(),
  parent_run_id: maybeText(),
  session_id: maybeText('The session that the last call named.'),
  labels: labels('Declared for the run.'),
  children: Type.Array(Type.String(), { description: 'Ids of the direct children.' }),
  started_at: time(),
  last_activity_at: time(),
  in_flight: count('Calls that are open now.'),
  ...ACTIVITY,
  limits: RULES,
};
const RUN = Type.Object(RUN_MEMBERS, { $id: 'Run' });

const TREE_NODE = Type.Object(
  { ...RUN_MEMBERS, children_tree: Type.Array(Type.Unsafe({ $ref: '#/components/schemas/RunTreeNode' })) },
  { $id: 'RunTreeNode', description: 'A descendant, with its own children below it.' },
);

const RUN_OR_TREE = Type.Object(
  {
    ...RUN_MEMBERS,
    children_tree: Type.Optional(Type.Array(TREE_NODE)),
    children_truncated: Type.Optional(
      Type.Boolean({ description: 'True where there are more than 1,000 runs; the rest is neither shown nor summed.' }),
    ),
    usage_with_children: Type.Optional(USAGE_BLOCK),
    cost_usd_with_children: Type.Optional(usd()),
    cost_complete_with_children: Type.Optional(Type.Boolean()),
    corrections_usd_with_children: Type.Optional(usd()),
    corrected_cost_usd_with_children: Type.Optional(usd()),
  },
  { $id: 'RunReport', description: 'A run; the last seven members are there with `include=children`.' },
);

const SESSION_BLOCK = {
  started_at: time(),
  last_activity_at: time(),
  in_flight: count('Calls that are open now.'),
  ...ACTIVITY,
};
const SESSION = Type.Object(
  {
    session_id: text(),
    team: text(),
    ...SESSION_BLOCK,
    runs: Type.Array(RUN, { description: 'Of each run only what it did in this session, without entries.' }),
    runs_truncated: Type.Boolean({ description: 'True where there are more than 1,000 runs; the sum holds them all.' }),
    without_run: nullable(Type.Object(SESSION_BLOCK, { description: 'The calls that named no run.' })),
  },
  { $id: 'Session' },
);

const DECLARATION = Type.Object(
  {
    team: Type.Optional(text('Whose run it is; the query may say it instead.')),
    parent_run_id: Type.Optional(maybeText('Not the run itself or one of its descendants.')),
    labels: Type.Optional(nullable(labels('At most 64 pairs.'))),
    limits: Type.Optional(
      Type.Array(Type.Record(Type.String(), Type.Unknown()), {
        maxItems: 32,
        description: 'Limit rules, each a flat object.',
      }),
    ),
  },
  { $id: 'RunDeclaration', additionalProperties: false },
);

/** Runs and sessions. */
export const RUN_OPERATIONS: OperationTable = {
  'GET /api/v1/runs': {
    id: 'listRuns',
    tag: 'Runs',
    summary: 'List runs with their totals',
    access: 'reader',
    query: {
      team: TEAM,
      session_id: text('Runs whose last call named this session.'),
      start_time: START_TIME,
      end_time: END_TIME,
      order: words(['-last_activity_at', '-cost'], 'The newest or the dearest first; the newest by default.'),
      limit: limit({ fallback: 20, max: 100 }),
      cursor: CURSOR,
    },
    answers: { 200: json('Runs, without `request_usage_entries`.', page(RUN)) },
  },
  'GET /api/v1/runs/{run_id}': {
    id: 'getRun',
    tag: 'Runs',
    summary: 'Show a run',
    description: 'Run ids live within a team: where several teams have the id, the refusal names them.',
    access: 'reader',
    query: {
      team: TEAM_OF_ID,
      include: wordList(['children'], 'Adds the whole tree of descendants and its sum.'),
    },
    answers: { 200: json('The run.', RUN_OR_TREE, RUN_EXAMPLE) },
  },
  'PUT /api/v1/runs/{run_id}': {
    id: 'declareRun',
    tag: 'Runs',
    summary: 'Declare a run ahead of its calls',
    description: 'Or change what was declared: members that are left out stay as they are.',
    access: 'admin',
    query: { team: text('Whose run it is; the body may say it instead.') },
    body: {
      schema: DECLARATION,
      example: { team: 'research', parent_run_id: 'nightly', limits: [{ requests: 50, per: 'run' }] },
      isRequired: false,
    },
    answers: { 200: json('The run.', RUN_OR_TREE, RUN_EXAMPLE) },
  },
  'GET /api/v1/runs/{run_id}/events': {
    id: 'followRun',
    tag: 'Runs',
    summary: 'Follow a run live',
    description:
      'Server-sent events for as long as the client stays: `totals` (the run without entries) at once, then each call that is committed as `record`, and `totals` again.',
    access: 'reader',
    query: { team: TEAM_OF_ID },
    answers: {
      200: {
        description: 'The events.',
        content: {
          'text/event-stream': { schema: text(), example: 'event: totals\ndata: {"run_id":"nightly-42"}\n\n' },
        },
      },
    },
  },
  'GET /api/v1/sessions/{session_id}': {
    id: 'getSession',
    tag: 'Runs',
    summary: 'Show a session and its runs',
    access: 'reader',
    query: { team: TEAM_OF_ID },
    answers: { 200: json('The session.', SESSION, SESSION_EXAMPLE) },
  },
};
