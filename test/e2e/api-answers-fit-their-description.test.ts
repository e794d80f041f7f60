import { afterAll, beforeAll, expect, it } from 'vitest';
import { ORGANIZATION_KINDS } from '../../src/reporting/organization-kinds.ts';
import type { OpenApiDocument } from '../../src/server/operations/openapi-document.ts';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { operationsOf, schemaChecker } from '../support/api-schemas.ts';
import { CHAT, postWhole } from '../support/calls.ts';
import { type EventReceiver, startEventReceiver } from '../support/event-receiver.ts';
import { asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

const RESEARCH = 'key-of-research-0001';
const SALES = 'key-of-sales-000001';

let simulator: Simulator;
let receiver: EventReceiver;
let proxy: TestProxy;
let document: OpenApiDocument;
/** Keeps its meaning for the whole file: the id of a record. */
let recordId: string;

/** Calls of two teams: a run with a child, a session, tools, a stream, a failure, estimates, missing usage, no price. */
const CALLS: readonly (readonly [string, string, object, Readonly<Record<string, string>>])[] = [
  [RESEARCH, 'chat/completions', CHAT, { 'x-metertap-run-id': 'nightly', 'x-metertap-agent': 'planner' }],
  [
    RESEARCH,
    'chat/completions',
    { ...CHAT, stream: true },
    {
      'x-metertap-run-id': 'nightly',
      'x-sim-tool-calls': '2',
      'x-metertap-tags': 'a=b',
      'x-metertap-user': 'ada',
      'x-metertap-session-id': 's1',
    },
  ],
  [
    RESEARCH,
    'responses',
    { model: 'gpt-5', input: 'Say hello.' },
    { 'x-run-id': 'child', 'x-metertap-parent-run-id': 'nightly', 'x-metertap-session-id': 's1' },
  ],
  [RESEARCH, 'chat/completions', CHAT, { 'x-metertap-session-id': 's1' }],
  [RESEARCH, 'chat/completions', CHAT, { 'x-metertap-run-id': 'nightly', 'x-sim-status': '500' }],
  [RESEARCH, 'chat/completions', CHAT, { 'x-metertap-run-id': 'nightly', 'x-sim-no-usage': 'true' }],
  [SALES, 'embeddings', { model: 'text-embedding-3-small', input: 'some text' }, { 'x-metertap-run-id': 'nightly' }],
];

/** Two days ago, in Unix seconds: the calls are made now. */
const START = Math.floor(Date.now() / 1_000) - 2 * 86_400;

const MONTH = new Date().toISOString().slice(0, 7);

/** What each route is asked, by its place in the description; ids in paths are filled in as they are here. */
const QUESTIONS: Readonly<Record<string, readonly string[]>> = {
  'GET /api/v1/runs': ['', '?team=research&limit=1', '?order=-cost&session_id=s1'],
  'GET /api/v1/runs/{run_id}': ['nightly?team=research', 'nightly?team=research&include=children', 'child'],
  'GET /api/v1/sessions/{session_id}': ['s1'],
  'GET /api/v1/usage': ['', '?bucket=1d', '?group_by=team,model,usage_source,run_id&include_estimated=true'],
  'GET /api/v1/records': ['', '?limit=2', '?ending=upstream_error'],
  'GET /api/v1/records/{id}': ['{record}'],
  'GET /api/v1/export': ['', '?format=jsonl', '?format=focus&version=1.4'],
  ...Object.fromEntries(
    [...ORGANIZATION_KINDS].map(([kind, { groups }]) => [
      `GET /v1/organization/usage/${kind}`,
      [`?start_time=${START}`, `?start_time=${START}&bucket_width=1h&limit=1&group_by=${groups.join(',')}`],
    ]),
  ),
  'GET /v1/organization/costs': [`?start_time=${START}`, `?start_time=${START}&group_by=line_item,project_id,run_id`],
  'GET /v1/organization/projects': [''],
  'GET /v1/organization/projects/{project_id}': ['research'],
  'GET /v1/organization/projects/{project_id}/api_keys': ['research/api_keys'],
  'GET /v1/organization/projects/{project_id}/spend_limit': ['research/spend_limit'],
  'GET /v1/organization/projects/{project_id}/spend_alerts': ['research/spend_alerts'],
  'GET /v1/organization/projects/{project_id}/rate_limits': ['research/rate_limits'],
  'GET /v1/organization/spend_alerts': [''],
  'GET /v1/organization/users': [''],
  'GET /v1/organization/admin_api_keys': [''],
  'GET /api/v1/limits': ['', '?team=research&run_id=declared&user=ada'],
  'GET /api/v1/prices': ['?model=gpt-5-mini', '?model=nobody-knows', '?model=gpt-5'],
  'GET /api/v1/prices/unpriced': [''],
  'GET /api/v1/statements': ['', '?team=research&limit=1'],
  'GET /api/v1/statements/{team}/{month}': [
    'research/{month}',
    'research/{month}?format=csv',
    'sales/{month}?format=html',
  ],
  'GET /api/v1/teams': ['', '?limit=1'],
  'GET /api/v1/teams/{id}': ['research', 'made'],
  'GET /api/v1/keys': ['', '?include_revoked=true'],
  'GET /api/v1/keys/{id}': ['r1', 'ci'],
  'GET /api/v1/audit': ['', '?target_type=key&limit=1'],
  'GET /api/v1/sinks': [''],
  'GET /api/v1/me': [''],
  'GET /api/v1/status': [''],
  'GET /healthz': [''],
  'GET /readyz': [''],
  'GET /metrics': [''],
  'GET /api/v1/openapi.json': [''],
};

/** Changes, in an order in which each finds what it needs: route, path of it, body. */
const CHANGES: readonly (readonly [string, string, unknown])[] = [
  ['POST /api/v1/teams', '/api/v1/teams', { id: 'made', name: 'Made', limits: [{ budget_usd: '5', per: 'month' }] }],
  ['PATCH /api/v1/teams/{id}', '/api/v1/teams/made', { name: null }],
  ['POST /api/v1/keys', '/api/v1/keys', { id: 'ci', team: 'made', labels: { a: 'b' }, models: ['gpt-*'] }],
  ['PATCH /api/v1/keys/{id}', '/api/v1/keys/ci', { requests_per_minute: 5, expires_at: '2099-01-01' }],
  ['POST /api/v1/keys/{id}/rotate', '/api/v1/keys/ci/rotate', { grace_seconds: 3600 }],
  ['DELETE /api/v1/keys/{id}', '/api/v1/keys/ci', undefined],
  ['PUT /api/v1/runs/{run_id}', '/api/v1/runs/declared', { team: 'research', limits: [{ requests: 5, per: 'run' }] }],
  ['POST /api/v1/sinks/{name}/test', '/api/v1/sinks/out/test', undefined],
  ['POST /api/v1/sinks/{name}/retry', '/api/v1/sinks/out/retry', undefined],
  ['POST /api/v1/reprice', '/api/v1/reprice', { start_time: START, end_time: START + 4 * 86_400, reason: 'a test' }],
  ['POST /api/v1/sign-out', '/api/v1/sign-out', undefined],
  ['POST /api/v1/reload', '/api/v1/reload', undefined],
];
const LAST_CHANGES: typeof CHANGES = [['DELETE /api/v1/teams/{id}', '/api/v1/teams/made', undefined]];

/** Their answers have no end; other tests read them. */
const STREAMS = ['GET /api/v1/runs/{run_id}/events', 'GET /api/v1/events'];
/** A month can be closed once it is over; what it answers otherwise is below. */
const REFUSED = [
  'POST /api/v1/sign-in',
  'POST /api/v1/statements/{team}/{month}/close',
  'GET /v1/organization/spend_limit',
];

beforeAll(async () => {
  simulator = await createSimulator({ port: 0 });
  receiver = await startEventReceiver();
  const yaml = `
upstreams: [{ name: openai, base_url: "${simulator.baseUrl}", api_key: sk-upstream }]
keys:
  - { id: r1, team: research, key: ${RESEARCH}, labels: { cost_center: "4711" } }
  - { id: s1, team: sales, key: ${SALES} }
teams:
  - id: research
    limits:
      - { budget_usd: "500", per: month, alert_at: [50, 90] }
      - { requests: 5000, per: minute, model: "gpt-*" }
      - { tokens: 900000, per: day, each: user }
sinks: [{ name: out, kind: cloudevents, url: "${receiver.url}" }]
rates: { management_per_minute: 100000 }`;
  proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml });
  for (const [key, path, body, headers] of CALLS) await postWhole(proxy, path, body, { key, headers });
  const records = await proxy.records();
  expect(records).toHaveLength(CALLS.length);
  recordId = String(records[0]?.['id']);
  document = await proxy.ask('/api/v1/openapi.json');
});

afterAll(async () => {
  await proxy.close();
  await simulator.close();
  await receiver.close();
});

async function ask(method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${proxy.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${proxy.adminKey}` },
    body: body === undefined ? null : JSON.stringify(body),
  });
}

/** What is wrong with an answer by the description of its route, and with its value where it is JSON. */
async function faultsOf(route: string, answer: Response): Promise<string[]> {
  const described = operationsOf(document).find((operation) => operation.route === route)?.operation;
  if (described === undefined) return [`${route} is not described`];
  const response = asRecord(described['responses'])[String(answer.status)];
  const text = await answer.text();
  if (response === undefined) return [`${answer.status} is not described: ${text}`];
  const { content, headers } = asRecord(response);
  const missing = Object.keys(asRecord(headers ?? {})).filter((name) => !answer.headers.has(name));
  const type = (answer.headers.get('content-type') ?? '').split(';', 1)[0] ?? '';
  const media = asRecord(content ?? {})[type];
  if (media === undefined && text !== '') return [`${type} is not described`];
  if (media === undefined) return missing.map((name) => `no ${name}`);
  const value: unknown = type === 'application/json' ? JSON.parse(text) : text;
  const check = schemaChecker(document, { strict: true });
  return [...missing.map((name) => `no ${name}`), ...check(asRecord(media)['schema'], value)];
}

it('asks every GET route that is described', () => {
  const described = operationsOf(document).map(({ route }) => route);
  const asked = [
    ...Object.keys(QUESTIONS),
    ...[...CHANGES, ...LAST_CHANGES].map(([route]) => route),
    ...STREAMS,
    ...REFUSED,
  ];
  expect(asked.toSorted()).toEqual(described.toSorted());
});

it.each(CHANGES)('%s answers as described', async (route, path, body) => {
  const [method = ''] = route.split(' ');
  const answer = await ask(method, path, body);
  expect(answer.status).toBeLessThan(300);
  expect(await faultsOf(route, answer)).toEqual([]);
});

const ASKED = Object.entries(QUESTIONS).flatMap(([route, questions]) =>
  questions.map((question) => ({ route, question })),
);

it.each(ASKED)('$route $question answers as described', async ({ route, question }) => {
  const path =
    (route.split(' ')[1] ?? '').replace(/\{.*/, '') + question.replace('{record}', recordId).replace('{month}', MONTH);
  const answer = await ask('GET', path);
  expect(answer.status).toBe(200);
  expect(await faultsOf(route, answer)).toEqual([]);
});

it('answers as described when it refuses', async () => {
  const answers: readonly (readonly [string, Promise<Response>])[] = [
    ['GET /api/v1/runs', fetch(`${proxy.url}/api/v1/runs`)],
    ['GET /api/v1/runs', ask('GET', '/api/v1/runs?limit=0')],
    ['GET /api/v1/runs/{run_id}', ask('GET', '/api/v1/runs/nobody-knows')],
    ['GET /api/v1/audit', fetch(`${proxy.url}/api/v1/audit`, { headers: { authorization: `Bearer ${RESEARCH}` } })],
    ['POST /api/v1/teams', ask('POST', '/api/v1/teams', { id: 'made' })],
    ['PATCH /api/v1/keys/{id}', ask('PATCH', '/api/v1/keys/r1', {})],
    ['POST /api/v1/keys', ask('POST', '/api/v1/keys', { team: 7 })],
    ['POST /api/v1/sign-in', ask('POST', '/api/v1/sign-in', { key: 'x' })],
    ['GET /v1/organization/spend_limit', ask('GET', '/v1/organization/spend_limit')],
    ['POST /api/v1/statements/{team}/{month}/close', ask('POST', `/api/v1/statements/research/${MONTH}/close`)],
  ];
  const statuses: number[] = [];
  for (const [route, asked] of answers) {
    const answer = await asked;
    statuses.push(answer.status);
    expect(await faultsOf(route, answer), route).toEqual([]);
  }
  expect(statuses).toEqual([401, 400, 404, 403, 409, 409, 400, 403, 404, 400]);
});

it.each(LAST_CHANGES)('%s answers as described, at the end', async (route, path, body) => {
  const answer = await ask(route.split(' ')[0] ?? '', path, body);
  expect(answer.status).toBe(200);
  expect(await faultsOf(route, answer)).toEqual([]);
});
