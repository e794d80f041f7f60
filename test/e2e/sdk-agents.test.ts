import { randomUUID } from 'node:crypto';
import {
  Agent,
  getCurrentTrace,
  handoff,
  OpenAIProvider,
  Runner,
  setTraceProcessors,
  setTracingDisabled,
  tool,
  type Usage,
  withTrace,
} from '@openai/agents';
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { runUsageOf, sumOfEntries, usageEntryOf } from '../support/sdk-usage.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

/**
 * `@openai/agents` through the proxy: an agent with a tool hands over to another one with a tool of its own, four calls
 * in all. What the run has used is, field by field, what the SDK's own `Usage` object says (wire.md 5.2, 5.4).
 */
const MODEL = 'gpt-5-mini';
/** Details that are not zero, so that one that is lost shows; the counts themselves differ from call to call. */
const STEERING = { 'x-sim-cached-tokens': '8', 'x-sim-reasoning-tokens': '2' };

let simulator: Simulator;
let proxy: TestProxy;

beforeAll(async () => {
  simulator = await createSimulator({ port: 0 });
  proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
});

afterAll(async () => {
  await proxy.close();
  await simulator.close();
});

beforeEach(() => setTracingDisabled(true));
afterEach(() => setTracingDisabled(true));

function startTriage(done: string[]): Agent {
  const act = (name: string) =>
    tool({
      name,
      description: name,
      parameters: {
        type: 'object',
        properties: { order: { type: 'string' } },
        required: ['order'],
        additionalProperties: false,
      },
      strict: true,
      execute: () => {
        done.push(name);
        return 'done';
      },
    });
  const refunds = new Agent({ name: 'refunds', model: MODEL, instructions: 'Refund.', tools: [act('issue_refund')] });
  return new Agent({
    name: 'triage',
    model: MODEL,
    instructions: 'Find out what the customer needs.',
    tools: [act('look_up_order')],
    handoffs: [handoff(refunds)],
  });
}

interface Finished {
  readonly finalOutput?: unknown;
  readonly state: { readonly usage: Usage };
  readonly lastAgent?: { readonly name: string } | undefined;
}

async function runTriage(runner: Runner, stream: boolean): Promise<Finished> {
  const done: string[] = [];
  const triage = startTriage(done);
  const question = 'My order 4711 came broken.';
  let result: Finished;
  if (stream) {
    const streamed = await runner.run(triage, question, { stream: true });
    for await (const _event of streamed);
    await streamed.completed;
    result = streamed;
  } else {
    result = await runner.run(triage, question);
  }
  expect(done).toEqual(['look_up_order', 'issue_refund']);
  expect(result.finalOutput).toBe('Hello from the simulator.');
  expect(result.lastAgent?.name).toBe('refunds');
  return result;
}

/** The SDK's own sums, and its list of calls, in the names of the management API. */
function usageOfSdk(usage: Usage): Record<string, unknown> {
  const total = (details: readonly Record<string, number>[], name: string) =>
    details.reduce((sum, one) => sum + (one[name] ?? 0), 0);
  return {
    requests: usage.requests,
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    total_tokens: usage.totalTokens,
    input_tokens_details: {
      cached_tokens: total(usage.inputTokensDetails, 'cached_tokens'),
      cache_write_tokens: total(usage.inputTokensDetails, 'cache_write_tokens'),
    },
    output_tokens_details: { reasoning_tokens: total(usage.outputTokensDetails, 'reasoning_tokens') },
    request_usage_entries: (usage.requestUsageEntries ?? []).map((entry) => ({
      input_tokens: entry.inputTokens,
      output_tokens: entry.outputTokens,
      total_tokens: entry.totalTokens,
      input_tokens_details: {
        cached_tokens: entry.inputTokensDetails['cached_tokens'] ?? 0,
        cache_write_tokens: entry.inputTokensDetails['cache_write_tokens'] ?? 0,
      },
      output_tokens_details: { reasoning_tokens: entry.outputTokensDetails['reasoning_tokens'] ?? 0 },
    })),
  };
}

async function expectSameUsage(runId: string, usage: Usage): Promise<void> {
  const run = await proxy.ask(`/api/v1/runs/${runId}`);
  const block = asRecord(run['usage']);
  expect(block).toMatchObject(usageOfSdk(usage));
  expect(block).toMatchObject({ requests: 4, tool_calls: 3, cache_read_tokens: 32, details: { reasoning_tokens: 8 } });
  expect(run).toMatchObject({ not_counted: { missing_usage: 0, estimated: 0, failed: 0, client_retries: 0 } });
  // The entries are four different ones, so their order is shown too.
  const inputs = asList(block['request_usage_entries']).map((entry) => asRecord(entry)['input_tokens']);
  expect(new Set(inputs).size).toBe(4);
}

const modes = [{ stream: false }, { stream: true }];

describe.each(modes)('an agent with a tool and a handoff, stream: $stream', ({ stream }) => {
  it('over responses, its run named by the runner’s model settings', async () => {
    const runId = `agents-${randomUUID()}`;
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: proxy.baseUrl, defaultHeaders: STEERING });
    const runner = new Runner({
      modelProvider: new OpenAIProvider({ openAIClient: client, useResponses: true }),
      modelSettings: { providerData: { extraHeaders: { 'x-run-id': runId } } },
      tracingDisabled: true,
    });
    const { state } = await runTriage(runner, stream);
    await expectSameUsage(runId, state.usage);
  });

  it('over chat completions, its run named by the client’s headers', async () => {
    const runId = `agents-${randomUUID()}`;
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: proxy.baseUrl, defaultHeaders: STEERING });
    const openAIClient = client.withOptions({ defaultHeaders: { ...STEERING, 'x-run-id': runId } });
    const modelProvider = new OpenAIProvider({ openAIClient, useResponses: false });
    const { state } = await runTriage(new Runner({ modelProvider, tracingDisabled: true }), stream);
    await expectSameUsage(runId, state.usage);
  });

  it.each([true, false])('with the id of its trace as run id, useResponses: %s', async (useResponses) => {
    setTraceProcessors([]); // nothing is exported anywhere
    setTracingDisabled(false);
    const client = new OpenAI({
      apiKey: 'sk-test',
      baseURL: proxy.baseUrl,
      defaultHeaders: STEERING,
      fetch: (url, init) => {
        const headers = new Headers(init?.headers);
        headers.set('x-run-id', getCurrentTrace()?.traceId ?? '');
        return fetch(url, { ...init, headers });
      },
    });
    const modelProvider = new OpenAIProvider({ openAIClient: client, useResponses });
    const traced = await withTrace('support', async (trace) => {
      const { state } = await runTriage(new Runner({ modelProvider, tracingDisabled: false }), stream);
      return { runId: trace.traceId, usage: state.usage };
    });
    expect(traced.runId).toMatch(/^trace_/);
    await expectSameUsage(traced.runId, traced.usage);
  });
});

it('tells hidden retries, which the SDK’s usage does not know, apart from the calls that count', async () => {
  const runId = `agents-${randomUUID()}`;
  const client = new OpenAI({
    apiKey: 'sk-test',
    baseURL: proxy.baseUrl,
    defaultHeaders: { ...STEERING, 'x-sim-status': '503', 'x-sim-status-attempts': '1', 'x-sim-retry-after-ms': '1' },
  });
  const openAIClient = client.withOptions({ baseURL: `${proxy.url}/run/${runId}/v1` });
  const modelProvider = new OpenAIProvider({ openAIClient, useResponses: true });
  const { state } = await runTriage(new Runner({ modelProvider, tracingDisabled: true }), false);
  expect(state.usage.requests).toBe(4);
  const run = await proxy.ask(`/api/v1/runs/${runId}`);
  expect(run).toMatchObject({ usage: usageOfSdk(state.usage), not_counted: { failed: 4, client_retries: 4 } });
});

it('leaves calls of a run without a name unattributed: tracing that is off gives no id', async () => {
  const before = (await proxy.records()).length;
  const client = new OpenAI({
    apiKey: 'sk-test',
    baseURL: proxy.baseUrl,
    fetch: (url, init) => {
      const headers = new Headers(init?.headers);
      headers.set('x-run-id', getCurrentTrace()?.traceId ?? '');
      return fetch(url, { ...init, headers });
    },
  });
  const modelProvider = new OpenAIProvider({ openAIClient: client, useResponses: true });
  const { state } = await runTriage(new Runner({ modelProvider, tracingDisabled: true }), false);
  const records = (await proxy.records()).slice(before);
  expect(records.map((record) => record['run_id'])).toEqual([null, null, null, null]);
  expect(sumOfEntries(records.map((record) => usageEntryOf(record['usage_raw'])))).toMatchObject({
    input_tokens: state.usage.inputTokens,
    output_tokens: state.usage.outputTokens,
  });
  expect(runUsageOf(records.map((record) => record['usage_raw']))).toEqual(usageOfSdk(state.usage));
});
