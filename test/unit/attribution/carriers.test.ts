import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { CarriedIds } from '../../../src/attribution/attribution.ts';
import { readBodyCarriers } from '../../../src/attribution/body-carriers.ts';
import { CARRIERS, type Carrier } from '../../../src/attribution/carrier-table.ts';
import { attribute, isConsumedHeader, readHeadIds } from '../../../src/attribution/carriers.ts';
import { MetertapError } from '../../../src/core/errors.ts';

interface Call {
  readonly headers?: IncomingHttpHeaders;
  readonly path?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

function idsOf({ headers = {}, path, body }: Call): CarriedIds {
  return attribute(readHeadIds(headers, path ?? null), body === undefined ? null : readBodyCarriers(body));
}

function errorOf(act: () => unknown): MetertapError {
  try {
    act();
  } catch (error) {
    if (error instanceof MetertapError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const NO_IDS = { runId: null, parentRunId: null, sessionId: null, agent: null, user: null, traceId: null, tags: {} };
const utf8 = (text: string) => Buffer.from(text).toString('latin1');

/** In the order of precedence. Each call carries the id `value` in one carrier only. */
const RUN_CARRIERS: readonly (readonly [name: string, call: (value: string) => Call])[] = [
  ['x-metertap-run-id', (value) => ({ headers: { 'x-metertap-run-id': value } })],
  ['path', (value) => ({ path: value })],
  ['x-run-id', (value) => ({ headers: { 'x-run-id': value } })],
  ['metadata.run_id', (value) => ({ body: { metadata: { run_id: value } } })],
  ['metadata.metertap_run_id', (value) => ({ body: { metadata: { metertap_run_id: value } } })],
  ['baggage', (value) => ({ headers: { baggage: `gen_ai.agent.call.id=${encodeURIComponent(value)}` } })],
  ['x-litellm-session-id', (value) => ({ headers: { 'x-litellm-session-id': value } })],
  ['x-litellm-trace-id', (value) => ({ headers: { 'x-litellm-trace-id': value } })],
  ['helicone-session-id', (value) => ({ headers: { 'helicone-session-id': value } })],
  ['x-portkey-trace-id', (value) => ({ headers: { 'x-portkey-trace-id': value } })],
  ['cf-aig-metadata run_id', (value) => ({ headers: { 'cf-aig-metadata': JSON.stringify({ run_id: value }) } })],
  ['x-portkey-metadata run_id', (value) => ({ headers: { 'x-portkey-metadata': JSON.stringify({ run_id: value }) } })],
  [
    'x-litellm-spend-logs-metadata session_id',
    (value) => ({ headers: { 'x-litellm-spend-logs-metadata': JSON.stringify({ session_id: value }) } }),
  ],
  ['x-tfy-metadata run_id', (value) => ({ headers: { 'x-tfy-metadata': JSON.stringify({ run_id: value }) } })],
  ['x-session-id', (value) => ({ headers: { 'x-session-id': value } })],
  ['x-session-affinity', (value) => ({ headers: { 'x-session-affinity': value } })],
  ['x-<vendor>-session-id', (value) => ({ headers: { 'x-claude-code-session-id': value } })],
  ['session-id', (value) => ({ headers: { 'session-id': value } })],
  ['session_id', (value) => ({ headers: { session_id: value } })],
  ['thread-id', (value) => ({ headers: { 'thread-id': value } })],
  ['thread_id', (value) => ({ headers: { thread_id: value } })],
  [
    'x-codex-turn-metadata',
    (value) => ({ headers: { 'x-codex-turn-metadata': JSON.stringify({ session_id: value }) } }),
  ],
  ['body litellm_session_id', (value) => ({ body: { litellm_session_id: value } })],
  ['metadata.session_id', (value) => ({ body: { metadata: { session_id: value } } })],
  ['metadata.trace_id', (value) => ({ body: { metadata: { trace_id: value } } })],
];

const together = (calls: readonly Call[]): Call =>
  calls.reduce<Call>(
    (all, call) => ({
      headers: { ...call.headers, ...all.headers },
      ...((all.path ?? call.path) === undefined ? {} : { path: all.path ?? call.path ?? '' }),
      body: {
        ...call.body,
        ...all.body,
        metadata: { ...Object(call.body?.['metadata']), ...Object(all.body?.['metadata']) },
      },
    }),
    {},
  );

describe('the run id', () => {
  it.each(RUN_CARRIERS)('is read from %s', (_, call) => {
    expect(idsOf(call('run-42')).runId).toBe('run-42');
  });

  it.each(RUN_CARRIERS.map(([name], i) => [name, i] as const))('from %s goes before all that come later', (_, from) => {
    const calls = RUN_CARRIERS.slice(from).map(([, call], i) => call(`run-${from + i}`));
    expect(idsOf(together(calls)).runId).toBe(`run-${from}`);
  });

  it.each(RUN_CARRIERS.slice(2))(
    'in %s counts as absent when it is bad, and the next carrier is asked',
    (name, call) => {
      const last = { body: { prompt_cache_key: 'agents-sdk:run:1' } };
      for (const bad of ['', '   ', 'no-op', 'NO-OP', 'x'.repeat(257)]) {
        expect(idsOf(together([call(bad), last])).runId, `${name}: ${bad}`).toBe('agents-sdk:run:1');
      }
    },
  );

  it('is what the Agents SDK puts into the cache key, and no other cache key', () => {
    for (const kind of ['run', 'session', 'group', 'conversation']) {
      expect(idsOf({ body: { prompt_cache_key: `agents-sdk:${kind}:7` } }).runId).toBe(`agents-sdk:${kind}:7`);
    }
    expect(idsOf({ body: { prompt_cache_key: 'my-prompt' } }).runId).toBeNull();
    expect(idsOf({ body: { prompt_cache_key: 'x agents-sdk:run:7' } }).runId).toBeNull();
  });

  it('has 256 characters at most, and may be any printable text', () => {
    expect(idsOf({ headers: { 'x-run-id': 'x'.repeat(256) } }).runId).toHaveLength(256);
    expect(idsOf({ path: 'Lauf 7/ä €' }).runId).toBe('Lauf 7/ä €');
    expect(idsOf({ headers: { 'x-run-id': utf8('Prüflauf 🐙') } }).runId).toBe('Prüflauf 🐙');
    expect(idsOf({ headers: { 'x-run-id': 'bad\xff' } }).runId).toBeNull();
    expect(idsOf({ headers: { 'x-run-id': 'a\tb' } }).runId).toBeNull();
  });

  it('is never a trace id, a conversation or a user', () => {
    const ids = idsOf({
      headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
      body: { conversation: 'conv_1', user: 'u', previous_response_id: 'resp_1' },
    });
    expect(ids).toMatchObject({
      runId: null,
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      sessionId: 'conv_1',
      user: 'u',
    });
  });

  it('may be a whole number in JSON', () => {
    expect(idsOf({ body: { metadata: { run_id: 42 } } }).runId).toBe('42');
    expect(idsOf({ body: { metadata: { run_id: 4.2 } } }).runId).toBeNull();
    expect(idsOf({ body: { metadata: { run_id: { id: 'x' } } } }).runId).toBeNull();
  });

  it('is not taken from our session header or from the parent of a session', () => {
    const headers = { 'x-metertap-session-id': 's', 'x-parent-session-id': 'p', 'x-dynamo-parent-session-id': 'd' };
    expect(idsOf({ headers })).toEqual({ ...NO_IDS, sessionId: 's', parentRunId: 'p' });
  });
});

describe('the session', () => {
  it.each([
    ['x-metertap-session-id', { headers: { 'x-metertap-session-id': 'own', 'x-litellm-session-id': 'l' } }, 'own'],
    ['x-litellm-session-id', { headers: { 'x-litellm-session-id': 'l', 'helicone-session-id': 'h' } }, 'l'],
    ['helicone-session-id', { headers: { 'helicone-session-id': 'h', 'x-session-id': 'x' } }, 'h'],
    ['cf-aig-metadata', { headers: { 'cf-aig-metadata': '{"run_id":"r","session_id":"c"}' } }, 'c'],
    ['x-session-id', { headers: { 'x-session-id': 'x', 'x-dynamo-session-id': 'd' } }, 'x'],
    ['x-<vendor>-session-id', { headers: { 'x-agent-session-id': 'v', 'session-id': 'c' } }, 'v'],
    ['session-id', { headers: { 'session-id': 'c', 'thread-id': 't' } }, 'c'],
    ['the body of LiteLLM', { body: { litellm_session_id: 'b', conversation: 'conv' } }, 'b'],
    ['baggage', { headers: { baggage: 'gen_ai.conversation.id=g' }, body: { conversation: 'conv' } }, 'g'],
    ['conversation', { body: { conversation: { id: 'conv' }, prompt_cache_key: 'agents-sdk:session:1' } }, 'conv'],
    ['a cache key that says session', { body: { prompt_cache_key: 'agents-sdk:session:1' } }, 'agents-sdk:session:1'],
    ['no cache key that says run', { body: { prompt_cache_key: 'agents-sdk:run:1' } }, null],
    ['no trace header', { headers: { 'x-litellm-trace-id': 't', 'x-portkey-trace-id': 'p' } }, null],
  ] satisfies [string, Call, string | null][])('is read from %s', (_, call, sessionId) => {
    expect(idsOf(call).sessionId).toBe(sessionId);
  });

  it('and the run are two things where both are named', () => {
    const headers = { 'x-run-id': 'run', 'x-litellm-session-id': 'session' };
    expect(idsOf({ headers })).toMatchObject({ runId: 'run', sessionId: 'session' });
  });
});

describe('the parent run', () => {
  const names = [
    'x-metertap-parent-run-id',
    'x-parent-run-id',
    'x-parent-session-id',
    'x-dynamo-parent-session-id',
    'x-claude-code-parent-agent-id',
    'x-codex-parent-thread-id',
  ];

  it.each(names.map((name, i) => [name, i] as const))('from %s goes before all that come later', (_, from) => {
    const headers = Object.fromEntries(names.slice(from).map((name) => [name, `from ${name}`]));
    expect(idsOf({ headers }).parentRunId).toBe(`from ${names[from]}`);
  });

  it('is read from what Codex says of its turn', () => {
    const headers = { 'x-codex-turn-metadata': '{"thread_id":"t","parent_thread_id":"p"}' };
    expect(idsOf({ headers })).toMatchObject({ parentRunId: 'p', runId: 't', sessionId: 't' });
  });
});

describe('agent and user', () => {
  it.each([
    [{ 'x-metertap-agent': 'own', baggage: 'gen_ai.agent.name=b' }, 'own'],
    [{ baggage: 'gen_ai.agent.name=my%20agent', 'x-litellm-agent-id': 'l' }, 'my agent'],
    [{ baggage: 'gen_ai.agent.name=my+agent%2B' }, 'my agent+'],
    [{ 'x-litellm-agent-id': 'l', 'x-claude-code-agent-id': 'c' }, 'l'],
    [{ 'x-claude-code-agent-id': 'c' }, 'c'],
  ])('%j is the agent %s', (headers, agent) => {
    expect(idsOf({ headers }).agent).toBe(agent);
  });

  it.each([
    [{ headers: { 'x-metertap-user': 'own', 'helicone-user-id': 'h' } }, 'own'],
    [{ headers: { 'helicone-user-id': 'h', 'x-litellm-end-user-id': 'e' } }, 'h'],
    [{ headers: { 'x-litellm-end-user-id': 'e', 'x-litellm-customer-id': 'c' } }, 'e'],
    [{ headers: { 'x-litellm-customer-id': 'c', 'x-portkey-metadata': '{"_user":"p"}' } }, 'c'],
    [{ headers: { 'x-portkey-metadata': '{"_user":"p"}' }, body: { user: 'b' } }, 'p'],
    [{ body: { user: 'b' } }, 'b'],
    [{ body: { safety_identifier: 's' } }, 's'],
    [{ headers: { 'x-metertap-user': utf8('Doe, Jané') } }, 'Doe, Jané'],
  ] satisfies [Call, string][])('%j is the user %s', (call, user) => {
    expect(idsOf(call).user).toBe(user);
  });
});

describe('baggage', () => {
  it('gives run, agent and session at once, among other entries and properties', () => {
    const baggage =
      'tenant=acme, gen_ai.agent.call.id=0199%2Drun;ttl=1 ,gen_ai.agent.name=my%20agent,gen_ai.conversation.id=c';
    expect(idsOf({ headers: { baggage } })).toEqual({
      ...NO_IDS,
      runId: '0199-run',
      agent: 'my agent',
      sessionId: 'c',
    });
  });

  it('keeps a plus sign in an id, and drops what cannot be decoded', () => {
    const baggage = 'gen_ai.agent.call.id=a+b,gen_ai.agent.name=%ff';
    expect(idsOf({ headers: { baggage } })).toEqual({ ...NO_IDS, runId: 'a+b' });
  });
});

describe('JSON headers', () => {
  it.each([
    ['bad JSON', '{"run_id":'],
    ['an array', '["run_id"]'],
    ['a string', '"run_id"'],
    ['null', 'null'],
    ['more than 8 KiB', JSON.stringify({ run_id: 'r', filler: 'x'.repeat(8192) })],
    ['an inherited member', '{"__proto__":{"run_id":"evil"}}'],
  ])('are absent when they hold %s', (_, text) => {
    expect(idsOf({ headers: { 'cf-aig-metadata': text } })).toEqual(NO_IDS);
  });

  it('are UTF-8', () => {
    expect(idsOf({ headers: { 'cf-aig-metadata': utf8('{"run_id":"Lauf ä"}') } }).runId).toBe('Lauf ä');
  });
});

describe('tags', () => {
  it('of all carriers are put together, ours first', () => {
    const headers = {
      'x-metertap-tags': 'team=search,plain=own',
      'x-litellm-tags': 'plain, batch',
      'helicone-property-env': 'prod',
      'helicone-property-team': 'other',
    };
    expect(idsOf({ headers }).tags).toEqual({ team: 'search', plain: 'own', batch: 'true', env: 'prod' });
  });

  it('are never more than 32', () => {
    const names = Array.from({ length: 40 }, (_, i) => `t${i}`).join(',');
    expect(Object.keys(idsOf({ headers: { 'x-litellm-tags': names, 'helicone-property-x': 'y' } }).tags)).toHaveLength(
      32,
    );
  });

  it('cannot change what a tag map inherits', () => {
    const { tags } = idsOf({ headers: { 'x-metertap-tags': '__proto__=x,constructor=y' } });
    expect(Object.keys(tags)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(tags)).toBe(Object.prototype);
  });
});

describe('bad values of our own carriers', () => {
  const OWN_IDS = [
    'x-metertap-run-id',
    'x-metertap-parent-run-id',
    'x-metertap-session-id',
    'x-metertap-agent',
    'x-metertap-user',
  ];
  const BAD = ['', '  ', 'no-op', 'x'.repeat(257), 'a\tb', 'bad\xff', utf8('\u200bzero width')];

  it.each(OWN_IDS)('%s refuses them before and while ids are read', (name) => {
    for (const value of BAD) {
      const headers = { [name]: value };
      for (const act of [() => readHeadIds(headers, null), () => idsOf({ headers })]) {
        const error = errorOf(act);
        expect(error).toMatchObject({ code: 'invalid_attribution', param: name });
        expect(error.message).toContain(name);
        expect(error.message).toContain('256');
      }
    }
  });

  it('never quotes what it refuses', () => {
    const secret = `sk-secret\x01${'x'.repeat(300)}`;
    expect(errorOf(() => readHeadIds({ 'x-metertap-run-id': secret }, null)).message).not.toContain('sk-secret');
  });

  it('the path refuses them', () => {
    for (const value of ['', 'no-op', 'x'.repeat(257), 'a\u0000b']) {
      expect(errorOf(() => readHeadIds({}, value))).toMatchObject({ code: 'invalid_attribution', param: 'run_id' });
      expect(errorOf(() => idsOf({ path: value }))).toMatchObject({ code: 'invalid_attribution', param: 'run_id' });
    }
    expect(errorOf(() => readHeadIds({ 'x-metertap-run-id': 'good' }, '')).param).toBe('run_id');
  });

  it('a run id given twice must be the same', () => {
    for (const twice of ['a, b', ['a', 'b'], 'a, a, b']) {
      const headers = { 'x-metertap-run-id': twice };
      expect(errorOf(() => readHeadIds(headers, null))).toMatchObject({ param: 'x-metertap-run-id' });
    }
    expect(idsOf({ headers: { 'x-metertap-run-id': 'a, a' } }).runId).toBe('a');
    expect(idsOf({ headers: { 'x-metertap-run-id': ['a', 'a'] } }).runId).toBe('a');
    expect(idsOf({ headers: { 'x-metertap-run-id': 'a,b' } }).runId).toBe('a,b');
  });

  it('tags refuse them', () => {
    for (const value of ['a', '=b', 'a=%zz', 'a=b, a=c', `a=${'x'.repeat(257)}`, 'a=\xff']) {
      const error = errorOf(() => readHeadIds({ 'x-metertap-tags': value }, null));
      expect(error).toMatchObject({ code: 'invalid_attribution', param: 'x-metertap-tags' });
    }
  });

  it('other headers are not judged', () => {
    readHeadIds({ 'x-run-id': '', 'x-litellm-session-id': 'no-op', 'cf-aig-metadata': '{', baggage: '%%' }, null);
    readHeadIds({ 'x-metertap-run-id': 'good', 'x-metertap-tags': 'a=b' }, 'good');
  });
});

describe('the table', () => {
  it('names every header in lower case, as Node gives them', () => {
    for (const carrier of Object.values(CARRIERS).flatMap((carriers: readonly Carrier[]) => carriers)) {
      if (typeof carrier.name === 'string') expect(carrier.name).toBe(carrier.name.toLowerCase());
    }
  });

  it('has every header read, also where it is the only one', () => {
    for (const [id, carriers] of Object.entries<readonly Carrier[]>(CARRIERS)) {
      for (const carrier of carriers) {
        if (carrier.place !== 'header' && carrier.place !== 'json_header') continue;
        const value = carrier.place === 'header' ? 'v' : JSON.stringify({ [carrier.member]: 'v' });
        expect(idsOf({ headers: { host: 'h', [carrier.name]: value } })).toMatchObject({ [id]: 'v' });
      }
    }
  });

  it('gives nothing where nothing is', () => {
    expect(idsOf({})).toEqual(NO_IDS);
    expect(idsOf({ headers: { host: 'h', 'user-agent': 'OpenAI/JS' }, body: { model: 'm' } })).toEqual(NO_IDS);
  });
});

describe('isConsumedHeader', () => {
  it.each([
    'x-metertap-run-id',
    'x-metertap-anything',
    'x-run-id',
    'x-parent-run-id',
    'baggage',
    'x-litellm-api-key',
    'x-portkey-virtual-key',
    'x-tfy-metadata',
    'helicone-auth',
    'helicone-property-name',
    'cf-aig-authorization',
  ])('%s ends here', (name) => {
    expect(isConsumedHeader(name)).toBe(true);
  });

  it.each([
    'x-session-id',
    'x-session-affinity',
    'session-id',
    'thread_id',
    'x-codex-turn-metadata',
    'x-claude-code-session-id',
    'x-dynamo-session-id',
    'x-stainless-lang',
    'openai-organization',
    'authorization',
    'traceparent',
    'x-metertap',
    'x-run-identity',
  ])('%s does not', (name) => {
    expect(isConsumedHeader(name)).toBe(false);
  });
});
