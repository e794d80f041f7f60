import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { CHAT, CLIENT_KEY, onlyRecord, postWhole, recordsOnceThere } from '../support/calls.ts';
import { connectRaw, rawRequest } from '../support/raw-client.ts';
import { asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';
import { comparedHeaders, exchange, type WireAnswer } from '../support/wire-exchange.ts';

/*
 * An upstream with `continuous_usage` is asked for its running usage. Each client must see what it would have seen if
 * the upstream had been asked for what the client asked for, and a stream that is left must have its exact usage.
 */

const PASS_KEY = 'key-that-passes-usage-0001';

let simulator: Simulator;
beforeAll(async () => {
  simulator = await createSimulator({ port: 0, dialect: 'vllm' });
});
beforeEach(() => simulator.reset());
afterAll(() => simulator.close());

function startContinuous(more = ''): Promise<TestProxy> {
  const yaml = `
upstreams:
  - { name: vllm, base_url: "${simulator.baseUrl}", continuous_usage: true }
${more}`;
  return startProxy({ upstreamUrl: simulator.baseUrl, yaml });
}

/** A stream with these `stream_options`; none where they are undefined. */
function stream(options: object | undefined): Record<string, unknown> {
  return { ...CHAT, stream: true, ...(options === undefined ? {} : { stream_options: options }) };
}

function post(baseUrl: string, body: object, key = CLIENT_KEY): Promise<WireAnswer> {
  return exchange(baseUrl, {
    method: 'POST',
    path: '/chat/completions',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'x-sim-id': 'same' },
    body: JSON.stringify(body),
  });
}

/** The `stream_options` that the upstream received last. */
function optionsReceived(): unknown {
  const body = simulator.requests().at(-1)?.body ?? '{}';
  return asRecord(JSON.parse(body))['stream_options'];
}

const BOTH = { include_usage: true, continuous_usage_stats: true };

describe('a client that asked for', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['nothing of usage', {}],
    ['no usage', { include_usage: false }],
    ['usage', { include_usage: true }],
    ['usage, and no running usage', { include_usage: true, continuous_usage_stats: false }],
    ['running usage alone', { continuous_usage_stats: true }],
    ['both', BOTH],
  ])('%s sees what it asked for, and the upstream is asked for both', async (_, options) => {
    await using proxy = await startContinuous();
    const body = stream(options as object | undefined);
    const direct = await post(simulator.baseUrl, body);
    const through = await post(proxy.baseUrl, body);
    expect(optionsReceived()).toEqual(BOTH);
    expect(through.body.toString()).toBe(direct.body.toString());
    expect(comparedHeaders(through)).toEqual(comparedHeaders(direct));
    expect(await onlyRecord(proxy)).toMatchObject({ ending: 'completed', usage_source: 'reported' });
  });

  it('nothing, and whose key passes the usage event, sees that event and no running usage', async () => {
    await using proxy = await startContinuous(
      `keys: [{ id: k, team: t, key: ${PASS_KEY}, usage_event: pass }]\nauth: { mode: passthrough }`,
    );
    const asked = await post(simulator.baseUrl, stream({ include_usage: true }), PASS_KEY);
    const through = await post(proxy.baseUrl, stream(undefined), PASS_KEY);
    expect(optionsReceived()).toEqual(BOTH);
    expect(through.body.toString()).toBe(asked.body.toString());
  });
});

describe('a stream that is left', () => {
  it.each([
    ['by a client that asked for nothing', undefined],
    ['by a client that asked for usage', { include_usage: true }],
  ])('%s has the usage that the upstream told last', async (_, options) => {
    await using proxy = await startContinuous('streams: { client_leaves: abort }');
    await using client = await connectRaw(proxy.url);
    const head = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${CLIENT_KEY}`];
    const steering = ['x-sim-events: 5000', 'x-sim-interval-ms: 5', 'x-sim-input-tokens: 77'];
    const body = JSON.stringify(stream(options));
    client.send(rawRequest([...head, 'content-type: application/json', ...steering], body));
    await client.until('simulator');
    client.leave();
    const seen = client.received.split('"content":').length - 2; // less the event that names the role
    const record = await onlyRecord(proxy);
    expect(record).toMatchObject({ ending: 'client_left', usage_source: 'reported', usage: { input_tokens: 77 } });
    const output = Number(asRecord(record['usage'])['output_tokens']);
    expect(output).toBeGreaterThanOrEqual(seen);
    expect(output).toBeLessThan(5_000);
    expect(asRecord(record['usage_raw'])['completion_tokens']).toBe(output);
    expect(client.received).not.toContain('"usage"');
  });
});

describe('running usage is not asked for', () => {
  it('where several choices are: it would be that of one of them', async () => {
    await using proxy = await startContinuous();
    await post(proxy.baseUrl, { ...stream(undefined), n: 2 });
    expect(optionsReceived()).toEqual({ include_usage: true });
  });

  it('of legacy completions', async () => {
    await using proxy = await startContinuous();
    await postWhole(proxy, 'completions', { model: 'gpt-3.5-turbo-instruct', prompt: 'Hi', stream: true });
    expect(optionsReceived()).toEqual({ include_usage: true });
  });

  it('of answers that are not streamed', async () => {
    await using proxy = await startContinuous();
    await postWhole(proxy, 'chat/completions', CHAT);
    expect(optionsReceived()).toBeUndefined();
  });

  it('of upstreams that are not said to know it', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    await post(proxy.baseUrl, stream(undefined));
    expect(optionsReceived()).toEqual({ include_usage: true });
  });

  it('again where it is refused, and usage still is', async () => {
    await using proxy = await startContinuous();
    const headers = { 'x-sim-dialect': 'openai' };
    expect((await postWhole(proxy, 'chat/completions', stream(undefined), { headers })).status).toBe(200);
    expect(optionsReceived()).toEqual({ include_usage: true });
    await postWhole(proxy, 'chat/completions', stream(undefined), { headers });
    expect(simulator.requests()).toHaveLength(3);
    for (const record of await recordsOnceThere(proxy, 2)) {
      expect(record).toMatchObject({ status: 200, ending: 'completed', usage_source: 'reported' });
    }
  });

  it('again, nor usage at all, where both are refused', async () => {
    await using proxy = await startContinuous();
    const headers = { 'x-sim-dialect': 'cohere' };
    for (let call = 0; call < 2; call++) {
      expect((await postWhole(proxy, 'chat/completions', stream(undefined), { headers })).status).toBe(200);
      expect(optionsReceived()).toBeUndefined();
    }
    expect(simulator.requests()).toHaveLength(4);
  });

  it('where the options are of a type that only the upstream may judge', async () => {
    await using proxy = await startContinuous();
    for (const options of [[], 'yes', { include_usage: 'yes' }, { include_usage: true, continuous_usage_stats: 1 }]) {
      await postWhole(proxy, 'chat/completions', { ...CHAT, stream: true, stream_options: options });
      expect(optionsReceived()).toEqual(options);
    }
  });
});

it('a member with escapes in its name and spacing of its own is edited in place', async () => {
  await using proxy = await startContinuous();
  const body =
    '{ "model":"gpt-5-mini", "messages":[{"role":"user","content":"Hi"}], "stream":true, "seed": 9007199254740993, "stream_options" : { "continuous_usage_stats" : null } }';
  await postWhole(proxy, 'chat/completions', body);
  expect(simulator.requests().at(-1)?.body).toBe(
    body.replace('{ "continuous_usage_stats" : null }', '{"include_usage":true, "continuous_usage_stats" : true }'),
  );
});
