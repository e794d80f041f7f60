import type { ServerResponse } from 'node:http';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { CHAT, CLIENT_KEY, onlyRecord, postWhole, recordsOnceThere } from '../support/calls.ts';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, type RawClient, rawRequest } from '../support/raw-client.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/**
 * How far an estimate may be from what the simulator counts, on its prose and ours: docs/correctness.md says so. The
 * simulator takes four characters of input for a token and each of its words of output, which is what a tokeniser
 * makes of them.
 */
const LEAST_SHARE = 0.75;
const MOST_SHARE = 1.25;

const PRICES = `
prices:
  - { provider: openai, model: "*", input_per_mtok: "1", output_per_mtok: "2" }
`;
const PROSE =
  'The clerk of the works counted every stone that went into the bridge, and wrote the number down each evening. ';
const QUESTION = {
  model: 'gpt-5-mini',
  messages: [
    { role: 'system', content: 'You answer in plain words, and you never make anything up.' },
    { role: 'user', content: PROSE.repeat(20) },
  ],
};
const WORDS = { 'x-sim-events': '200' };

let simulator: Simulator;
beforeAll(async () => {
  simulator = await createSimulator({ port: 0, dialect: 'lmstudio' });
});
afterAll(() => simulator.close());

/** What the simulator itself says of the same request: it tells usage in whole answers, whatever the dialect. */
async function toldUsage(path: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`${simulator.baseUrl}/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${CLIENT_KEY}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const usage = asRecord(asRecord(await answer.json())['usage']);
  return {
    input: Number(usage['prompt_tokens'] ?? usage['input_tokens']),
    output: Number(usage['completion_tokens'] ?? usage['output_tokens'] ?? 0),
  };
}

function expectNear(usage: unknown, told: { readonly input: number; readonly output: number }): void {
  const { input_tokens: input, output_tokens: output, total_tokens: total } = asRecord(usage);
  expect(Number(input)).toBeGreaterThan(told.input * LEAST_SHARE);
  expect(Number(input)).toBeLessThan(told.input * MOST_SHARE);
  expect(Number(output)).toBeGreaterThanOrEqual(told.output * LEAST_SHARE);
  expect(Number(output)).toBeLessThanOrEqual(told.output * MOST_SHARE);
  expect(total).toBe(Number(input) + Number(output));
}

describe('an upstream that reports no usage', () => {
  it('in a stream: it is estimated, priced, and says so', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: PRICES });
    await postWhole(proxy, 'chat/completions', { ...QUESTION, stream: true }, { headers: WORDS });
    const record = await onlyRecord(proxy);
    expect(record).toMatchObject({
      ending: 'completed',
      usage_source: 'estimated',
      usage: { cache_read_tokens: 0, reasoning_tokens: 0, tool_calls: 0, details: {} },
      usage_raw: null,
      cost_reported_usd: null,
    });
    expectNear(record['usage'], await toldUsage('chat/completions', QUESTION, WORDS));
    const usage = asRecord(record['usage']);
    const nanoUsd = Number(usage['input_tokens']) * 1_000 + Number(usage['output_tokens']) * 2_000;
    expect(record['cost_nano_usd']).toBe(nanoUsd);
    expect(record['price_id']).toContain('openai/');
  });

  it('in a stream of any length, of which only a sample is kept', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    const headers = { 'x-sim-events': '20000' };
    await postWhole(proxy, 'chat/completions', { ...QUESTION, stream: true }, { headers });
    expectNear((await onlyRecord(proxy))['usage'], await toldUsage('chat/completions', QUESTION, headers));
  });

  it('as the tokeniser counts it, once that has been loaded', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    const messages = [{ role: 'user', content: PROSE.repeat(5).trim() }];
    const headers = { 'x-sim-events': '10' };
    const ask = async () => {
      await postWhole(proxy, 'chat/completions', { ...QUESTION, messages, stream: true }, { headers });
      return (await proxy.records()).at(-1)?.['usage'];
    };
    const input = countTokens(PROSE.repeat(5).trim()) + 4 + 3;
    await expect.poll(ask, { timeout: 20_000 }).toMatchObject({ input_tokens: input, output_tokens: 10 });
  });

  const noUsage = { 'x-sim-no-usage': '1' };
  it.each([
    ['chat/completions', QUESTION],
    ['completions', { model: 'gpt-3.5-turbo-instruct', prompt: PROSE }],
    ['completions', { model: 'gpt-3.5-turbo-instruct', prompt: PROSE, stream: true }],
    ['responses', { model: 'gpt-5-mini', input: PROSE, instructions: 'Be brief.' }],
    ['responses', { model: 'gpt-5-mini', input: [{ role: 'user', content: PROSE }], stream: true }],
    ['embeddings', { model: 'text-embedding-3-small', input: [PROSE, PROSE] }],
  ])('at %s', async (path, body) => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: PRICES });
    const steering = path === 'embeddings' ? {} : WORDS;
    const answer = await postWhole(proxy, path, body, { headers: { ...noUsage, ...steering } });
    const record = await onlyRecord(proxy);
    expect(record).toMatchObject({ status: 200, ending: 'completed', usage_source: 'estimated' });
    expectNear(record['usage'], await toldUsage(path, { ...body, stream: false }, steering));
    if ('stream' in body) return;
    expect(answer.headers.get('x-metertap-usage-source')).toBe('estimated');
    expect(answer.headers.get('x-metertap-cost-usd')).toBe(record['cost_usd']);
  });

  it('with a tool: its definition is input, the call is output and is counted', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    const parameters = { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] };
    const tools = [{ type: 'function', function: { name: 'look_around', description: PROSE.repeat(5), parameters } }];
    await postWhole(proxy, 'chat/completions', { ...CHAT, tools, stream: true });
    const { usage } = await onlyRecord(proxy);
    expect(usage).toMatchObject({ tool_calls: 1 });
    expect(Number(asRecord(usage)['input_tokens'])).toBeGreaterThan(100);
    expect(Number(asRecord(usage)['output_tokens'])).toBeGreaterThan(3);
  });
});

describe('a stream that does not come to its end', () => {
  it('because its client leaves and the upstream is cut: what was sent is estimated', async () => {
    await using held = await startHeldUpstream();
    await using proxy = await startProxy({
      upstreamUrl: held.upstream.url,
      yaml: 'streams: { client_leaves: abort }',
    });
    await using client = await askForStream(proxy);
    const pieces = [...sentence(399), ' last'];
    startStream(await held.answering, pieces);
    await client.until(' last');
    client.leave();
    const record = await onlyRecord(proxy);
    expect(record).toMatchObject({ ending: 'client_left', usage_source: 'estimated', response_model: 'm-1' });
    const { input } = await toldUsage('chat/completions', QUESTION);
    expectNear(record['usage'], { input, output: pieces.length });
  });

  it('because the upstream cuts it', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    const headers = { ...WORDS, 'x-sim-cut-after': '101' };
    await postWhole(proxy, 'chat/completions', { ...QUESTION, stream: true }, { headers }).catch(() => undefined);
    const record = await onlyRecord(proxy);
    expect(record).toMatchObject({ ending: 'upstream_cut', usage_source: 'estimated' });
    const { input } = await toldUsage('chat/completions', QUESTION);
    expectNear(record['usage'], { input, output: 100 });
  });

  it('and had only begun: the input is estimated', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    const headers = { 'x-sim-cut-after': 'headers' };
    await postWhole(proxy, 'chat/completions', { ...QUESTION, stream: true }, { headers }).catch(() => undefined);
    const record = await onlyRecord(proxy);
    expect(record).toMatchObject({ ending: 'upstream_cut', usage_source: 'estimated' });
    const { input } = await toldUsage('chat/completions', QUESTION);
    expectNear(record['usage'], { input, output: 0 });
  });

  it('a document that is cut: what came of it is estimated', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    const headers = { ...WORDS, 'x-sim-cut-after': 'mid' };
    await postWhole(proxy, 'chat/completions', QUESTION, { headers }).catch(() => undefined);
    const record = await onlyRecord(proxy);
    expect(record).toMatchObject({ ending: 'upstream_cut', usage_source: 'estimated' });
    const output = Number(asRecord(record['usage'])['output_tokens']);
    expect(output).toBeGreaterThan(20);
    expect(output).toBeLessThan(200);
  });

  it('because Metertap is stopped', async () => {
    await using held = await startHeldUpstream();
    const dataDir = temporaryFolder();
    const proxy = await startProxy({ upstreamUrl: held.upstream.url, yaml: 'shutdown_grace_ms: 0', dataDir });
    await using client = await askForStream(proxy);
    startStream(await held.answering, sentence(20));
    await client.until(' the');
    await proxy.close();
    await using again = await startProxy({ upstreamUrl: held.upstream.url, dataDir });
    const record = await onlyRecord(again);
    expect(record).toMatchObject({ ending: 'interrupted', usage_source: 'estimated' });
    const { input } = await toldUsage('chat/completions', QUESTION);
    expectNear(record['usage'], { input, output: 20 });
  });
});

describe('nothing is estimated', () => {
  it.each([
    ['before an answer begins', { 'x-sim-cut-after': '0' }, { stream: true }, 'upstream_cut'],
    ['of an error', { 'x-sim-status': '500' }, {}, 'upstream_error'],
    ['of an error within a stream', { 'x-sim-error-in-stream': '3' }, { stream: true }, 'upstream_error'],
  ])('%s', async (_, headers, more, ending) => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    await postWhole(proxy, 'chat/completions', { ...QUESTION, ...more }, { headers }).catch(() => undefined);
    expect(await onlyRecord(proxy)).toMatchObject({ ending, usage_source: 'missing', usage: null });
  });

  it('of what is no answer of a model', async () => {
    await using upstream = await startFakeUpstream((_request, response) => answerJson(response, { hello: 'world' }));
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    const { headers } = await postWhole(proxy, 'chat/completions', CHAT);
    expect(headers.get('x-metertap-usage-source')).toBe('missing');
    expect(await onlyRecord(proxy)).toMatchObject({ ending: 'completed', usage_source: 'missing', usage: null });
  });

  it('of a background response that is not over', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    await postWhole(proxy, 'responses', { model: 'gpt-5-mini', input: PROSE, background: true });
    expect(await onlyRecord(proxy)).toMatchObject({ ending: 'queued', usage_source: 'missing', usage: null });
  });

  it('of endpoints whose price is not in tokens of text', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    const headers = { 'x-sim-no-usage': '1' };
    await postWhole(proxy, 'images/generations', { model: 'gpt-image-1', prompt: 'A dot.' }, { headers });
    expect(await onlyRecord(proxy)).toMatchObject({ ending: 'completed', usage_source: 'missing', usage: null });
  });

  it('where the policy is to leave it', async () => {
    const yaml = 'estimates: { missing_usage: leave }';
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml });
    await postWhole(proxy, 'chat/completions', { ...QUESTION, stream: true });
    expect(await onlyRecord(proxy)).toMatchObject({ ending: 'completed', usage_source: 'missing', usage: null });
    expect(await metrics(proxy)).toContain('metertap_usage_missing_total{reason="not_in_answer"} 1');
  });
});

describe('an estimate never passes for a report', () => {
  it('in runs, usage and metrics', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: PRICES });
    const headers = { 'x-metertap-run-id': 'mixed', 'x-sim-input-tokens': '1200', 'x-sim-output-tokens': '300' };
    await postWhole(proxy, 'chat/completions', CHAT, { headers });
    await postWhole(proxy, 'chat/completions', { ...CHAT, stream: true }, { headers });
    const records = await recordsOnceThere(proxy, 2);
    expect(records.map((record) => record['usage_source'])).toEqual(['reported', 'estimated']);
    const estimated = asRecord(records[1]?.['usage']);
    const [input, output] = [Number(estimated['input_tokens']), Number(estimated['output_tokens'])];
    const nanoUsd = records.reduce((sum, record) => sum + Number(record['cost_nano_usd']), 0);
    const costUsd = `${(nanoUsd / 1e9).toFixed(9)}`;

    expect(await proxy.ask('/api/v1/runs/mixed')).toMatchObject({
      usage: { requests: 2, input_tokens: 1200, output_tokens: 300, total_tokens: 1500, request_usage_entries: [{}] },
      cost_usd: costUsd,
      cost_complete: false,
      not_counted: { missing_usage: 0, estimated: 1 },
    });
    const bucket = { requests: 2, not_counted: { estimated: 1 }, cost_usd: costUsd };
    expect(await usageOf(proxy, '')).toMatchObject({ ...bucket, input_tokens: 1200, output_tokens: 300 });
    const withEstimates = { input_tokens: 1200 + input, output_tokens: 300 + output };
    expect(await usageOf(proxy, '&include_estimated=true')).toMatchObject({ ...bucket, ...withEstimates });

    const exposed = await metrics(proxy);
    expect(sampleOf(exposed, 'input_tokens_total')).toBe(1200);
    expect(sampleOf(exposed, 'output_tokens_total')).toBe(300);
    expect(sampleOf(exposed, 'estimated_input_tokens_total')).toBe(input);
    expect(sampleOf(exposed, 'estimated_output_tokens_total')).toBe(output);
    expect(sampleOf(exposed, 'usage_estimated_total')).toBe(1);
    expect(sampleOf(exposed, 'cost_usd_total')).toBeCloseTo(nanoUsd / 1e9);
    expect(sampleOf(exposed, 'estimated_cost_usd_total')).toBeCloseTo(Number(records[1]?.['cost_nano_usd']) / 1e9);
  });

  it('and no text of the call is in the log', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: 'log: { level: trace }' });
    await postWhole(proxy, 'chat/completions', { ...QUESTION, stream: true });
    await onlyRecord(proxy);
    expect(JSON.stringify(proxy.logLines)).not.toMatch(/clerk|simulator\.|Hello/);
  });
});

interface HeldUpstream extends AsyncDisposable {
  readonly upstream: FakeUpstream;
  /** The answer of the first request, once that has come. */
  readonly answering: Promise<ServerResponse>;
}

/** An upstream whose answer the test writes while the call is open. */
async function startHeldUpstream(): Promise<HeldUpstream> {
  const answering = Promise.withResolvers<ServerResponse>();
  const upstream = await startFakeUpstream((_request, response) => answering.resolve(response));
  return { upstream, answering: answering.promise, [Symbol.asyncDispose]: () => upstream.close() };
}

async function askForStream(proxy: TestProxy): Promise<RawClient> {
  const client = await connectRaw(proxy.url);
  const head = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${CLIENT_KEY}`];
  const body = JSON.stringify({ ...QUESTION, stream: true });
  client.send(rawRequest([...head, 'content-type: application/json'], body));
  return client;
}

const TOKENS = [' the', ' old', ' bridge', ' was', ' made', ' of', ' stone'];

function sentence(tokens: number): string[] {
  return Array.from({ length: tokens }, (_, index) => TOKENS[index % TOKENS.length] ?? '');
}

function startStream(response: ServerResponse, pieces: readonly string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const content of pieces) {
    const event = { id: 'c1', model: 'm-1', choices: [{ index: 0, delta: { content } }] };
    response.write(`data: ${JSON.stringify(event)}\n\n`);
  }
}

async function usageOf(proxy: TestProxy, query: string): Promise<Record<string, unknown>> {
  const { data } = await proxy.ask(`/api/v1/usage?bucket=1d${query}`);
  const results = asList(data).flatMap((bucket) => asList(asRecord(bucket)['results']));
  return asRecord(results[0]);
}

async function metrics(proxy: TestProxy): Promise<string> {
  const answer = await fetch(`${proxy.url}/metrics`);
  return answer.text();
}

/** The only sample of a metric. */
function sampleOf(exposed: string, name: string): number {
  const samples = exposed.split('\n').filter((line) => line.startsWith(`metertap_${name}`));
  expect(samples).toHaveLength(1);
  return Number(samples[0]?.split(' ').at(-1));
}
