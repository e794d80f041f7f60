import { randomUUID } from 'node:crypto';
import OpenAI, {
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  type ClientOptions,
  InternalServerError,
  NotFoundError,
  RateLimitError,
  toFile,
} from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { runUsageOf } from '../support/sdk-usage.ts';
import { asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

/**
 * The official `openai` package, pointed at a proxy in front of the simulator: everything works as it does without the
 * proxy, and what the run has used is the sum of the usage objects that the SDK gave its caller.
 */
const MODEL = 'gpt-5-mini';
const messages = [{ role: 'user' as const, content: 'Say hello.' }];
const weather = {
  name: 'get_weather',
  description: 'Tells the weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const paint = {
  type: 'object',
  properties: { color: { enum: ['red', 'blue'] }, count: { type: 'integer' } },
  required: ['color', 'count'],
};
/** Counts with details that are not zero, so that a detail that is lost shows. */
const DETAILS = {
  'x-sim-input-tokens': '1200',
  'x-sim-cached-tokens': '1024',
  'x-sim-output-tokens': '300',
  'x-sim-reasoning-tokens': '256',
};
const DETAILED_USAGE = {
  prompt_tokens: 1200,
  prompt_tokens_details: { cached_tokens: 1024 },
  completion_tokens: 300,
  completion_tokens_details: { reasoning_tokens: 256 },
  total_tokens: 1500,
};

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

/** A client whose calls are all of one run, named as a user would name it. */
function startRun(options: ClientOptions = {}): { client: OpenAI; runId: string } {
  const runId = `run-${randomUUID()}`;
  const { defaultHeaders, ...others } = options;
  const headers = new Headers(asHeaders(defaultHeaders));
  headers.set('x-metertap-run-id', runId);
  const client = new OpenAI({
    apiKey: 'sk-test',
    baseURL: proxy.baseUrl,
    maxRetries: 0,
    defaultHeaders: headers,
    ...others,
  });
  return { client, runId };
}

function asHeaders(headers: ClientOptions['defaultHeaders']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}

/** The simulator itself: what the same call gives without a proxy in between. */
function directClient(headers: Record<string, string> = {}): OpenAI {
  return new OpenAI({ apiKey: 'sk-test', baseURL: simulator.baseUrl, maxRetries: 0, defaultHeaders: headers });
}

const report = (runId: string) => proxy.ask(`/api/v1/runs/${runId}`);

async function recordsOf(runId: string): Promise<Record<string, unknown>[]> {
  const records = await proxy.records();
  return records.filter((record) => record['run_id'] === runId);
}

/** The record is committed before the answer ends, so the run can be asked at once. */
async function expectUsage(runId: string, usages: readonly unknown[]): Promise<void> {
  expect(asRecord((await report(runId))['usage'])).toMatchObject(runUsageOf(usages));
}

async function listOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe('chat completions', () => {
  it('answers as without a proxy, and adds up over a run', async () => {
    const { client, runId } = startRun();
    const first = await client.chat.completions.create({ model: MODEL, messages }, { headers: { 'x-sim-id': 'one' } });
    const second = await client.chat.completions.create({ model: MODEL, messages }, { headers: DETAILS });
    const direct = await directClient({ 'x-sim-id': 'one' }).chat.completions.create({ model: MODEL, messages });
    expect(first).toEqual(direct);
    expect(second.usage).toMatchObject(DETAILED_USAGE);
    await expectUsage(runId, [first.usage, second.usage]);
  });

  it('tells the id of the record beside the id of the upstream', async () => {
    const { client, runId } = startRun();
    const { response, request_id } = await client.chat.completions
      .create({ model: MODEL, messages }, { headers: { 'x-sim-id': 'known' } })
      .withResponse();
    expect(request_id).toBe('req_known');
    expect(response.headers.get('x-metertap-run-id')).toBe(runId);
    expect(await recordsOf(runId)).toMatchObject([
      { id: response.headers.get('x-metertap-request-id'), upstream_id: 'chatcmpl-known' },
    ]);
  });

  it('streams with usage to a client that asked', async () => {
    const { client, runId } = startRun({ defaultHeaders: { 'x-sim-id': 'asked', ...DETAILS } });
    const request = { model: MODEL, messages, stream: true, stream_options: { include_usage: true } } as const;
    const chunks = await listOf(await client.chat.completions.create(request));
    const direct = await directClient({ 'x-sim-id': 'asked', ...DETAILS }).chat.completions.create(request);
    expect(chunks).toEqual(await listOf(direct));
    await expectUsage(runId, [chunks.at(-1)?.usage]);
  });

  it('streams without a trace of usage to a client that did not ask, and counts it', async () => {
    const { client, runId } = startRun({ defaultHeaders: { 'x-sim-id': 'silent', ...DETAILS } });
    const request = { model: MODEL, messages, stream: true } as const;
    const chunks = await listOf(await client.chat.completions.create(request));
    const direct = await directClient({ 'x-sim-id': 'silent' }).chat.completions.create(request);
    expect(chunks).toEqual(await listOf(direct));
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
    await expectUsage(runId, [DETAILED_USAGE]);
  });

  it('serves the stream helper, with and without include_usage', async () => {
    const { client, runId } = startRun();
    const silent = client.chat.completions.stream({ model: MODEL, messages });
    expect(await silent.finalContent()).toBe('Hello from the simulator.');
    const asking = client.chat.completions.stream({ model: MODEL, messages, stream_options: { include_usage: true } });
    expect(await asking.finalContent()).toBe('Hello from the simulator.');
    const usage = await asking.totalUsage();
    expect((await silent.finalChatCompletion()).usage).toBeUndefined();
    await expectUsage(runId, [usage, usage]);
  });

  it.each([true, false])('runs a tool to the end, with stream: %s', async (stream) => {
    const { client, runId } = startRun();
    const cities: unknown[] = [];
    const lookUp = (input: string) => {
      cities.push(JSON.parse(input));
      return 'sunny';
    };
    const request = {
      model: MODEL,
      messages,
      tools: [{ type: 'function' as const, function: { ...weather, function: lookUp } }],
    };
    const runner = stream
      ? client.chat.completions.runTools({ ...request, stream, stream_options: { include_usage: true } })
      : client.chat.completions.runTools(request);
    expect(await runner.finalContent()).toBe('Hello from the simulator.');
    expect(cities).toEqual([{ city: 'sim' }]);
    const usages = runner.allChatCompletions().map(({ usage }) => usage);
    expect(usages).toHaveLength(2);
    await expectUsage(runId, usages);
    expect(await report(runId)).toMatchObject({ usage: { tool_calls: 1 } });
  });

  it('parses a structured answer', async () => {
    const { client, runId } = startRun();
    const response_format = {
      type: 'json_schema',
      json_schema: { name: 'paint', strict: true, schema: paint },
    } as const;
    const answer = await client.chat.completions.parse({ model: MODEL, messages, response_format });
    expect(answer.choices[0]?.message.parsed).toEqual({ color: 'red', count: 1 });
    await expectUsage(runId, [answer.usage]);
  });

  it('learns the true usage of a stream that the caller aborts', async () => {
    const { client, runId } = startRun({
      defaultHeaders: { ...DETAILS, 'x-sim-events': '20', 'x-sim-interval-ms': '2' },
    });
    const stream = await client.chat.completions.create({ model: MODEL, messages, stream: true });
    for await (const _chunk of stream) break;
    const ended = [{ ending: 'client_left', usage_source: 'reported' }];
    await vi.waitFor(async () => expect(await recordsOf(runId)).toMatchObject(ended), { timeout: 20_000 });
    await expectUsage(runId, [DETAILED_USAGE]);
  });

  it('counts nothing of a call that was aborted before the upstream had it', async () => {
    const { client, runId } = startRun();
    const aborted = client.chat.completions.create({ model: MODEL, messages }, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toBeInstanceOf(APIUserAbortError);
    expect(await recordsOf(runId)).toEqual([]);
  });

  it('does not count stored completions that are read again', async () => {
    const { client, runId } = startRun();
    const created = await client.chat.completions.create({ model: MODEL, messages, store: true });
    const updated = await client.chat.completions.update(created.id, { metadata: { a: 'b' } });
    expect(updated.usage).toEqual(created.usage);
    expect((await client.chat.completions.retrieve(created.id)).usage).toEqual(created.usage);
    expect((await client.chat.completions.list()).data.length).toBeGreaterThan(0);
    await expectUsage(runId, [created.usage]);
  });
});

describe('legacy completions', () => {
  it('answers and streams', async () => {
    const { client, runId } = startRun();
    const request = { model: 'gpt-3.5-turbo-instruct', prompt: 'Say hello.' };
    const answer = await client.completions.create(request);
    const silent = await listOf(await client.completions.create({ ...request, stream: true }));
    expect(silent.map((chunk) => chunk.choices[0]?.text ?? '').join('')).toBe(answer.choices[0]?.text);
    expect(silent.some((chunk) => 'usage' in chunk)).toBe(false);
    await expectUsage(runId, [answer.usage, answer.usage]);
  });
});

describe('responses', () => {
  const input = 'Say hello.';

  it('answers, streams and parses', async () => {
    const { client, runId } = startRun({ defaultHeaders: DETAILS });
    const answer = await client.responses.create({ model: MODEL, input });
    expect(answer.output_text).toBe('Hello from the simulator.');
    const events = await listOf(await client.responses.create({ model: MODEL, input, stream: true }));
    const last = events.at(-1);
    if (last?.type !== 'response.completed') throw new Error('the stream did not end as it should');
    const final = await client.responses.stream({ model: MODEL, input }).finalResponse();
    const format = { type: 'json_schema', name: 'paint', strict: true, schema: paint } as const;
    const parsed = await client.responses.parse({ model: MODEL, input, text: { format } });
    expect(parsed.output_parsed).toEqual({ color: 'red', count: 1 });
    const usages = [answer, last.response, final, parsed].map(({ usage }) => usage);
    expect(usages[0]).toMatchObject({ input_tokens_details: { cached_tokens: 1024 } });
    await expectUsage(runId, usages);
  });

  it('calls a function and goes on from its result, in the run of the response that is continued', async () => {
    const { client, runId } = startRun();
    const tools = [{ type: 'function' as const, ...weather, strict: true }];
    const calling = await client.responses.create({ model: MODEL, input, tools });
    const call = calling.output[0];
    if (call?.type !== 'function_call') throw new Error('no function call');
    const nameless = client.withOptions({ defaultHeaders: { 'x-metertap-run-id': null } });
    const answer = await nameless.responses.create({
      model: MODEL,
      tools,
      previous_response_id: calling.id,
      input: [{ type: 'function_call_output', call_id: call.call_id, output: 'sunny' }],
    });
    expect(answer.output_text).toBe('Hello from the simulator.');
    await expectUsage(runId, [calling.usage, answer.usage]);
    expect(await report(runId)).toMatchObject({ usage: { tool_calls: 1 } });
  });

  it('settles a background response once, however often it is read', async () => {
    const { client, runId } = startRun({ defaultHeaders: DETAILS });
    const queued = await client.responses.create({ model: MODEL, input, background: true });
    expect(queued).toMatchObject({ status: 'queued', usage: null });
    expect(await report(runId)).toMatchObject({ in_flight: 1, usage: { requests: 0, total_tokens: 0 } });
    expect(await client.responses.retrieve(queued.id)).toMatchObject({ status: 'in_progress' });
    const ended = await client.responses.retrieve(queued.id);
    expect(ended.status).toBe('completed');
    await expectUsage(runId, [ended.usage]);
    expect(await client.responses.retrieve(queued.id)).toEqual(ended);
    const replay = await client.responses.retrieve(queued.id, { stream: true, starting_after: 0 });
    expect((await listOf(replay)).at(-1)).toMatchObject({
      type: 'response.completed',
      response: { usage: ended.usage },
    });
    await expectUsage(runId, [ended.usage]);
    expect(await recordsOf(runId)).toMatchObject([{ ending: 'completed', upstream_id: queued.id }]);
  });

  it('counts a background response that is streamed once, its replay not again', async () => {
    const { client, runId } = startRun();
    const events = await listOf(await client.responses.create({ model: MODEL, input, background: true, stream: true }));
    const last = events.at(-1);
    if (last?.type !== 'response.completed') throw new Error('the stream did not end as it should');
    await listOf(await client.responses.retrieve(last.response.id, { stream: true }));
    await expectUsage(runId, [last.response.usage]);
  });

  it('records a cancelled background response without usage', async () => {
    const { client, runId } = startRun();
    const { id } = await client.responses.create({ model: MODEL, input, background: true });
    expect(await client.responses.cancel(id)).toMatchObject({ status: 'cancelled' });
    await client.responses.delete(id);
    await expect(client.responses.retrieve(id)).rejects.toBeInstanceOf(NotFoundError);
    expect(await recordsOf(runId)).toMatchObject([{ error_code: 'cancelled', usage_source: 'missing', usage: null }]);
  });

  it('counts compaction, and not the counting of input tokens', async () => {
    const { client, runId } = startRun();
    expect(await client.responses.inputTokens.count({ model: MODEL, input })).toMatchObject({ input_tokens: 6 });
    const compacted = await client.responses.compact({ model: MODEL, input });
    await expectUsage(runId, [compacted.usage]);
  });

  it('counts what an incomplete response has used', async () => {
    const { client, runId } = startRun({ defaultHeaders: { 'x-sim-responses-end': 'incomplete' } });
    const answer = await client.responses.create({ model: MODEL, input });
    expect(answer.status).toBe('incomplete');
    await expectUsage(runId, [answer.usage]);
  });
});

describe('the other endpoints', () => {
  it('embeds', async () => {
    const { client, runId } = startRun();
    const answer = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['one', 'two'] });
    expect(answer.data.map(({ embedding }) => embedding.length)).toEqual([1536, 1536]);
    await expectUsage(runId, [answer.usage]);
  });

  it('generates images, whole and streamed', async () => {
    const { client, runId } = startRun();
    const request = { model: 'gpt-image-1', prompt: 'A red square' };
    const answer = await client.images.generate(request);
    const events = await listOf(await client.images.generate({ ...request, stream: true, partial_images: 2 }));
    const last = events.at(-1);
    if (last?.type !== 'image_generation.completed') throw new Error('the stream did not end as it should');
    await expectUsage(runId, [answer.usage, last.usage]);
  });

  it('edits an uploaded image', async () => {
    const { client, runId } = startRun();
    const image = await toFile(Buffer.alloc(2_000, 7), 'square.png', { type: 'image/png' });
    const answer = await client.images.edit({ model: 'gpt-image-1', prompt: 'Make it blue', image });
    await expectUsage(runId, [answer.usage]);
  });

  it('transcribes an upload, whole and streamed', async () => {
    const { client, runId } = startRun();
    const file = await toFile(Buffer.alloc(640_000, 1), 'speech.wav');
    const answer = await client.audio.transcriptions.create({ model: 'gpt-4o-mini-transcribe', file });
    expect(answer.text).toBe('Hello from the simulator.');
    const stream = await client.audio.transcriptions.create({ model: 'gpt-4o-transcribe', file, stream: true });
    const last = (await listOf(stream)).at(-1);
    if (last?.type !== 'transcript.text.done') throw new Error('the stream did not end as it should');
    await expectUsage(runId, [answer.usage, last.usage]);
    expect(await recordsOf(runId)).toMatchObject([
      { endpoint: 'audio/transcriptions', request_model: 'gpt-4o-mini-transcribe', stream: false },
      { endpoint: 'audio/transcriptions', request_model: 'gpt-4o-transcribe', stream: true },
    ]);
  });

  it('keeps the seconds of a transcription that is billed by time', async () => {
    const { client, runId } = startRun();
    const file = await toFile(Buffer.alloc(48_000, 1), 'speech.wav');
    const answer = await client.audio.transcriptions.create({ model: 'whisper-1', file, response_format: 'json' });
    expect(await recordsOf(runId)).toMatchObject([{ usage_source: 'reported', usage_raw: { ...answer.usage } }]);
  });

  it('speaks: binary audio, byte for byte, with no usage reported and none invented', async () => {
    const { client, runId } = startRun();
    const request = { model: 'tts-1', voice: 'alloy', input: 'Hello' };
    const speech = Buffer.from(await (await client.audio.speech.create(request)).arrayBuffer());
    const direct = await directClient().audio.speech.create(request);
    expect(speech).toEqual(Buffer.from(await direct.arrayBuffer()));
    expect(await recordsOf(runId)).toMatchObject([{ ending: 'completed', usage_source: 'missing', usage: null }]);
    expect(await report(runId)).toMatchObject({ usage: { total_tokens: 0 }, not_counted: { missing_usage: 1 } });
  });

  it('passes what has no usage, and records nothing of it', async () => {
    const { client, runId } = startRun();
    const models = await listOf(client.models.list());
    expect(models.map(({ id }) => id)).toContain(MODEL);
    expect((await client.models.retrieve('gpt-4o')).id).toBe('gpt-4o');
    expect((await client.moderations.create({ input: 'Hello' })).results[0]?.flagged).toBe(false);
    const file = await toFile(Buffer.from('{"a":1}'), 'batch.jsonl');
    expect(await client.files.create({ file, purpose: 'batch' })).toMatchObject({ filename: 'batch.jsonl', bytes: 7 });
    expect(await recordsOf(runId)).toEqual([]);
  });
});

describe('errors', () => {
  it.each([
    [400, BadRequestError],
    [401, AuthenticationError],
    [404, NotFoundError],
    [429, RateLimitError],
    [500, InternalServerError],
  ])('of the upstream with status %i keep their class, code and words', async (status, errorClass) => {
    const headers = { 'x-sim-status': String(status) };
    const { client, runId } = startRun({ defaultHeaders: headers });
    const failure = await failureOf(client.chat.completions.create({ model: MODEL, messages }));
    const direct = await failureOf(directClient(headers).chat.completions.create({ model: MODEL, messages }));
    expect(failure).toBeInstanceOf(errorClass);
    expect({ ...failure, headers: null, requestID: null }).toEqual({ ...direct, headers: null, requestID: null });
    expect(await recordsOf(runId)).toMatchObject([{ status, ending: 'upstream_error', usage: null }]);
    expect(await report(runId)).toMatchObject({ usage: { requests: 0 }, not_counted: { failed: 1 } });
  });

  it('within a stream reach the caller, after what came before', async () => {
    const { client, runId } = startRun({ defaultHeaders: { 'x-sim-error-in-stream': '2' } });
    const stream = await client.chat.completions.create({ model: MODEL, messages, stream: true });
    const chunks: unknown[] = [];
    const read = async () => {
      for await (const chunk of stream) chunks.push(chunk);
    };
    await expect(read()).rejects.toMatchObject({ code: 'server_error' });
    expect(chunks).toHaveLength(2);
    expect(await recordsOf(runId)).toMatchObject([{ ending: 'upstream_error', usage_source: 'missing' }]);
  });

  it('of our own for a bad key is an AuthenticationError, and no retry', async () => {
    await using strict = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: 'auth: { mode: keys }' });
    const client = new OpenAI({ apiKey: 'sk-unknown', baseURL: strict.baseUrl });
    const before = simulator.requests().length;
    const failure = await failureOf(client.chat.completions.create({ model: MODEL, messages }));
    expect(failure).toBeInstanceOf(AuthenticationError);
    expect(failure).toMatchObject({ status: 401, code: 'invalid_api_key' });
    expect(simulator.requests()).toHaveLength(before);
    expect(await strict.records()).toEqual([]);
  });

  it('of our own for a bad run id is a BadRequestError', async () => {
    const { client } = startRun();
    const failure = await failureOf(
      client.chat.completions.create({ model: MODEL, messages }, { headers: { 'x-metertap-run-id': 'x'.repeat(300) } }),
    );
    expect(failure).toBeInstanceOf(BadRequestError);
    expect(failure).toMatchObject({ code: 'invalid_attribution' });
  });
});

describe('retries of the SDK', () => {
  it('are records of their own that the run tells apart', async () => {
    const { client, runId } = startRun();
    const retrying = client.withOptions({ maxRetries: 2 });
    const headers = { 'x-sim-status': '503', 'x-sim-status-attempts': '2', 'x-sim-retry-after-ms': '1' };
    const answer = await retrying.chat.completions.create({ model: MODEL, messages }, { headers });
    expect(await recordsOf(runId)).toMatchObject([
      { client_retry: 0, ending: 'upstream_error', status: 503, usage: null },
      { client_retry: 1, ending: 'upstream_error', status: 503, usage: null },
      { client_retry: 2, ending: 'completed', status: 200, usage: { total_tokens: 12 } },
    ]);
    await expectUsage(runId, [answer.usage]);
    expect(await report(runId)).toMatchObject({
      not_counted: { failed: 2, client_retries: 2, missing_usage: 0, estimated: 0 },
    });
  });

  it('are not made where the upstream forbids them', async () => {
    const { client, runId } = startRun();
    const headers = { 'x-sim-status': '400' };
    const failing = client.withOptions({ maxRetries: 2 }).responses.create({ model: MODEL, input: 'x' }, { headers });
    await expect(failing).rejects.toBeInstanceOf(BadRequestError);
    expect(await recordsOf(runId)).toHaveLength(1);
  });
});

it('names the run by the base URL alone', async () => {
  const runId = `path-${randomUUID()}`;
  const client = new OpenAI({ apiKey: 'sk-test', baseURL: `${proxy.url}/run/${runId}/v1` });
  const chat = await client.chat.completions.create({ model: MODEL, messages });
  const response = await client.responses.create({ model: MODEL, input: 'Say hello.' });
  await expectUsage(runId, [chat.usage, response.usage]);
});

async function failureOf(call: Promise<unknown>): Promise<Error> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('the call did not fail');
}
