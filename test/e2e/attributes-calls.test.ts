import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAT, postWhole } from '../support/calls.ts';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

let upstream: FakeUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'c1', choices: [] }));
  proxy = await startProxy({ upstreamUrl: upstream.url, yaml: 'rates: { management_per_minute: 100000 }' });
});

afterAll(async () => {
  await proxy.close();
  await upstream.close();
});

interface Sources {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly base?: string;
}

const IDS = ['run_id', 'parent_run_id', 'session_id', 'agent', 'user', 'trace_id'] as const;
const NOTHING = { run_id: null, parent_run_id: null, session_id: null, agent: null, user: null, trace_id: null };

/** Makes one call; gives what the record says of its ids, and the header that names the run. */
async function attributionOf(sources: Sources) {
  const { headers = {}, base = '/v1' } = sources;
  const answer = await postWhole(proxy, 'chat/completions', { ...CHAT, ...sources.body }, { headers, base });
  expect(answer.status).toBe(200);
  const record = await proxy.ask(`/api/v1/records/${answer.headers.get('x-metertap-request-id')}`);
  return {
    ids: Object.fromEntries(IDS.map((name) => [name, record[name]])),
    tags: record['tags'],
    runHeader: answer.headers.get('x-metertap-run-id'),
  };
}

type Row = readonly [string, Sources, Partial<Record<(typeof IDS)[number], string>>];
const header = (name: string, value = 'v1'): Sources => ({ headers: { [name]: value } });
const json = (name: string, member: string): Sources => header(name, JSON.stringify({ [member]: 'v1' }));

const RUNS: readonly Row[] = [
  ['x-metertap-run-id', header('x-metertap-run-id'), { run_id: 'v1' }],
  ['the path', { base: '/run/v1/v1' }, { run_id: 'v1' }],
  ['the path, percent-encoded', { base: '/run/a%2Fb%20%C3%BC/v1' }, { run_id: 'a/b ü' }],
  ['x-run-id', header('x-run-id'), { run_id: 'v1' }],
  ['metadata.run_id', { body: { metadata: { run_id: 'v1' } } }, { run_id: 'v1' }],
  ['metadata.metertap_run_id', { body: { metadata: { metertap_run_id: 'v1' } } }, { run_id: 'v1' }],
  ['baggage gen_ai.agent.call.id', header('baggage', 'a=b, gen_ai.agent.call.id=v%31'), { run_id: 'v1' }],
  ['x-litellm-session-id', header('x-litellm-session-id'), { run_id: 'v1', session_id: 'v1' }],
  ['x-litellm-trace-id', header('x-litellm-trace-id'), { run_id: 'v1' }],
  ['Helicone-Session-Id', header('Helicone-Session-Id'), { run_id: 'v1', session_id: 'v1' }],
  ['x-portkey-trace-id', header('x-portkey-trace-id'), { run_id: 'v1' }],
  ['cf-aig-metadata.run_id', json('cf-aig-metadata', 'run_id'), { run_id: 'v1' }],
  ['cf-aig-metadata.session_id', json('cf-aig-metadata', 'session_id'), { run_id: 'v1', session_id: 'v1' }],
  ['x-portkey-metadata.run_id', json('x-portkey-metadata', 'run_id'), { run_id: 'v1' }],
  ['x-litellm-spend-logs-metadata.run_id', json('x-litellm-spend-logs-metadata', 'run_id'), { run_id: 'v1' }],
  ['x-tfy-metadata.run_id', json('x-tfy-metadata', 'run_id'), { run_id: 'v1' }],
  ['x-session-id', header('x-session-id'), { run_id: 'v1', session_id: 'v1' }],
  ['x-session-affinity', header('x-session-affinity'), { run_id: 'v1', session_id: 'v1' }],
  ['x-…-session-id', header('x-some-tool-session-id'), { run_id: 'v1', session_id: 'v1' }],
  ['session-id', header('session-id'), { run_id: 'v1', session_id: 'v1' }],
  ['session_id', header('session_id'), { run_id: 'v1', session_id: 'v1' }],
  ['thread-id', header('thread-id'), { run_id: 'v1', session_id: 'v1' }],
  ['thread_id', header('thread_id'), { run_id: 'v1', session_id: 'v1' }],
  ['x-codex-turn-metadata', json('x-codex-turn-metadata', 'session_id'), { run_id: 'v1', session_id: 'v1' }],
  ['litellm_session_id of the body', { body: { litellm_session_id: 'v1' } }, { run_id: 'v1', session_id: 'v1' }],
  ['session_id of the body', { body: { session_id: 'v1' } }, { run_id: 'v1', session_id: 'v1' }],
  ['metadata.session_id', { body: { metadata: { session_id: 'v1' } } }, { run_id: 'v1', session_id: 'v1' }],
  ['metadata.trace_id', { body: { metadata: { trace_id: 'v1' } } }, { run_id: 'v1' }],
  ['prompt_cache_key', { body: { prompt_cache_key: 'agents-sdk:run:1' } }, { run_id: 'agents-sdk:run:1' }],
];

const OTHERS: readonly Row[] = [
  ['x-metertap-parent-run-id', header('x-metertap-parent-run-id'), { parent_run_id: 'v1' }],
  ['x-parent-run-id', header('x-parent-run-id'), { parent_run_id: 'v1' }],
  ['x-parent-session-id', header('x-parent-session-id'), { parent_run_id: 'v1' }],
  ['x-claude-code-parent-agent-id', header('x-claude-code-parent-agent-id'), { parent_run_id: 'v1' }],
  ['x-metertap-session-id', header('x-metertap-session-id'), { session_id: 'v1' }],
  ['baggage gen_ai.conversation.id', header('baggage', 'gen_ai.conversation.id=v1'), { session_id: 'v1' }],
  ['conversation', { body: { conversation: 'v1' } }, { session_id: 'v1' }],
  ['conversation.id', { body: { conversation: { id: 'v1' } } }, { session_id: 'v1' }],
  ['x-metertap-agent', header('x-metertap-agent', 'Doe, Jane'), { agent: 'Doe, Jane' }],
  ['baggage gen_ai.agent.name', header('baggage', 'gen_ai.agent.name=my%20agent'), { agent: 'my agent' }],
  ['x-metertap-user', header('x-metertap-user'), { user: 'v1' }],
  ['Helicone-User-Id', header('Helicone-User-Id'), { user: 'v1' }],
  ['user', { body: { user: 'v1' } }, { user: 'v1' }],
  ['safety_identifier', { body: { safety_identifier: 'v1' } }, { user: 'v1' }],
  [
    'traceparent, which is never a run',
    header('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
    { trace_id: '0af7651916cd43dd8448eb211c80319c' },
  ],
];

const NONE: readonly Row[] = [
  ['nothing', {}, {}],
  ['no-op', header('x-run-id', 'no-op'), {}],
  ['an id that is too long', header('x-session-id', 'x'.repeat(257)), {}],
  ['an empty member', { body: { metadata: { run_id: '' } } }, {}],
  ['a prompt cache key of another kind', { body: { prompt_cache_key: 'my-cache' } }, {}],
  ['metadata that is no object', { body: { metadata: ['run_id'] } }, {}],
  ['a header that should be JSON and is not', header('cf-aig-metadata', '{"run_id":'), {}],
];

describe.each([
  ['takes a run from', RUNS],
  ['takes other ids from', OTHERS],
  ['takes nothing from', NONE],
])('%s', (_what, rows) => {
  it.each(rows)('%s', async (_carrier, sources, expected) => {
    const { ids, runHeader } = await attributionOf(sources);
    expect(ids).toEqual({ ...NOTHING, ...expected });
    const named = runHeader === null ? null : Buffer.from(runHeader, 'latin1').toString();
    expect(named).toBe(expected.run_id ?? null);
  });
});

it('takes the first of the carriers that are there, in the order of the contract', async () => {
  const ladder: readonly Sources[] = [
    header('x-metertap-run-id', 'r0'),
    { base: '/run/r1/v1' },
    header('x-run-id', 'r2'),
    { body: { metadata: { run_id: 'r3' } } },
    header('baggage', 'gen_ai.agent.call.id=r4'),
    header('x-litellm-session-id', 'r5'),
    header('x-litellm-trace-id', 'r6'),
    header('helicone-session-id', 'r7'),
    header('x-portkey-trace-id', 'r8'),
    header('cf-aig-metadata', '{"run_id":"r9"}'),
    header('x-session-id', 'r10'),
    { body: { prompt_cache_key: 'agents-sdk:run:r11' } },
  ];
  const runs: unknown[] = [];
  for (let from = 0; from < ladder.length; from++) {
    const rest = ladder.slice(from);
    const sources = {
      headers: Object.assign({}, ...rest.map((rung) => rung.headers ?? {})),
      body: Object.assign({}, ...rest.map((rung) => rung.body ?? {})),
      base: rest.find((rung) => rung.base !== undefined)?.base ?? '/v1',
    };
    runs.push((await attributionOf(sources)).ids['run_id']);
  }
  const expected = ladder.map((_rung, i) => (i === 11 ? 'agents-sdk:run:r11' : `r${i}`));
  expect(runs).toEqual(expected);
});

it('keeps the tags of all carriers', async () => {
  const headers = {
    'x-metertap-tags': 'team=search,step=plan%2Cdo',
    'x-litellm-tags': 'nightly,team',
    'helicone-property-app': 'shop',
  };
  const { tags } = await attributionOf({ headers });
  expect(tags).toEqual({ team: 'search', step: 'plan,do', nightly: 'true', app: 'shop' });
});

it('marks the retries of the official SDKs', async () => {
  const headers = { 'x-stainless-retry-count': '2' };
  const answer = await postWhole(proxy, 'chat/completions', CHAT, { headers });
  const record = await proxy.ask(`/api/v1/records/${answer.headers.get('x-metertap-request-id')}`);
  expect(record['client_retry']).toBe(2);
});
