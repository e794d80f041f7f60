import OpenAI, { AuthenticationError, BadRequestError, NotFoundError, RateLimitError, toFile } from 'openai';
import { describe, expect, it } from 'vitest';
import { startSimulator } from './start-simulator.ts';

async function startClient(headers: Record<string, string> = {}): Promise<OpenAI> {
  const { simulator } = await startSimulator();
  return new OpenAI({ apiKey: 'sk-test', baseURL: simulator.baseUrl, maxRetries: 0, defaultHeaders: headers });
}

const messages = [{ role: 'user' as const, content: 'Say hello.' }];
const weatherTool = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Tells the weather.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

describe('chat completions with the official SDK', () => {
  it('answers a call', async () => {
    const client = await startClient();
    const answer = await client.chat.completions.create({ model: 'gpt-5-mini', messages });
    expect(answer.model).toBe('gpt-5-mini-2026-02-01');
    expect(answer.choices[0]?.message.content).toBe('Hello from the simulator.');
    expect(answer.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 });
  });

  it('streams with usage in the last chunk', async () => {
    const client = await startClient();
    const stream = client.chat.completions.stream({
      model: 'gpt-5-mini',
      messages,
      stream_options: { include_usage: true },
    });
    expect(await stream.finalContent()).toBe('Hello from the simulator.');
    expect(await stream.totalUsage()).toMatchObject({ prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 });
  });

  it('runs a tool to the end', async () => {
    const client = await startClient();
    const cities: unknown[] = [];
    const runner = client.chat.completions.runTools({
      model: 'gpt-5-mini',
      messages,
      stream: true,
      tools: [
        {
          type: 'function',
          function: {
            ...weatherTool.function,
            function: (input: string) => {
              cities.push(JSON.parse(input));
              return 'sunny';
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).toBe('Hello from the simulator.');
    expect(cities).toEqual([{ city: 'sim' }]);
  });

  it('parses a structured answer', async () => {
    const client = await startClient();
    const schema = {
      type: 'object',
      properties: { color: { enum: ['red', 'blue'] }, count: { type: 'integer' } },
      required: ['color', 'count'],
    };
    const answer = await client.chat.completions.parse({
      model: 'gpt-5-mini',
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'paint', strict: true, schema } },
    });
    expect(answer.choices[0]?.message.parsed).toEqual({ color: 'red', count: 1 });
  });

  it('keeps stored completions', async () => {
    const client = await startClient();
    const created = await client.chat.completions.create({ model: 'gpt-5-mini', messages, store: true });
    const updated = await client.chat.completions.update(created.id, { metadata: { a: 'b' } });
    expect(updated.usage).toEqual(created.usage);
    expect(updated.metadata).toEqual({ a: 'b' });
    expect((await client.chat.completions.retrieve(created.id)).metadata).toEqual({ a: 'b' });
  });

  it('raises the error classes that OpenAI raises', async () => {
    const client = await startClient();
    const failing = (status: number) =>
      client.chat.completions.create(
        { model: 'gpt-5-mini', messages },
        { headers: { 'x-sim-status': String(status) } },
      );
    await expect(client.chat.completions.create({ model: 'gpt-9', messages })).rejects.toBeInstanceOf(NotFoundError);
    await expect(client.chat.completions.create({ model: 'gpt-5', messages: [] })).rejects.toBeInstanceOf(
      BadRequestError,
    );
    await expect(failing(401)).rejects.toBeInstanceOf(AuthenticationError);
    await expect(failing(429)).rejects.toBeInstanceOf(RateLimitError);
    await expect(failing(429)).rejects.toMatchObject({ code: 'rate_limit_exceeded', type: 'requests' });
  });

  it('raises on an error within a stream', async () => {
    const client = await startClient({ 'x-sim-error-in-stream': '2' });
    const stream = await client.chat.completions.create({ model: 'gpt-5-mini', messages, stream: true });
    const chunks: unknown[] = [];
    const read = async () => {
      for await (const chunk of stream) chunks.push(chunk);
    };
    await expect(read()).rejects.toMatchObject({ code: 'server_error' });
    expect(chunks).toHaveLength(2);
  });

  it('succeeds with the second attempt where the first is refused', async () => {
    const { simulator } = await startSimulator();
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: simulator.baseUrl });
    const answer = await client.chat.completions.create(
      { model: 'gpt-5-mini', messages },
      { headers: { 'x-sim-status': '503', 'x-sim-status-attempts': '1', 'x-sim-retry-after-ms': '1' } },
    );
    expect(answer.usage?.total_tokens).toBe(12);
    expect(simulator.requests()).toHaveLength(2);
  });
});

describe('legacy completions with the official SDK', () => {
  it('answers and streams', async () => {
    const client = await startClient();
    const request = { model: 'gpt-3.5-turbo-instruct', prompt: 'Say hello.' };
    const answer = await client.completions.create(request);
    expect(answer.usage).toEqual({ prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 });
    const stream = await client.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: unknown = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.text ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(answer.choices[0]?.text);
    expect(usage).toEqual(answer.usage);
  });
});

describe('responses with the official SDK', () => {
  it('answers and streams with the same usage', async () => {
    const client = await startClient();
    const answer = await client.responses.create({ model: 'gpt-5-mini', input: 'Say hello.' });
    expect(answer.output_text).toBe('Hello from the simulator.');
    expect(answer.usage).toMatchObject({ input_tokens: 6, output_tokens: 5, total_tokens: 11 });
    const stream = client.responses.stream({ model: 'gpt-5-mini', input: 'Say hello.' });
    const final = await stream.finalResponse();
    expect(final.output_text).toBe(answer.output_text);
    expect(final.usage).toEqual(answer.usage);
  });

  it('finishes a background response that is polled', async () => {
    const client = await startClient();
    const queued = await client.responses.create({ model: 'gpt-5-mini', input: 'Say hello.', background: true });
    expect(queued).toMatchObject({ status: 'queued', usage: null });
    const first = await client.responses.retrieve(queued.id);
    expect(first).toMatchObject({ status: 'in_progress', usage: null });
    const second = await client.responses.retrieve(queued.id);
    expect(second).toMatchObject({ status: 'completed', usage: { total_tokens: 11 } });
    const replay = await client.responses.retrieve(queued.id, { stream: true, starting_after: 3 });
    const events: { type: string; sequence_number: number }[] = [];
    for await (const event of replay) events.push(event);
    expect(events[0]?.sequence_number).toBe(4);
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { usage: second.usage } });
  });

  it('cancels and deletes', async () => {
    const client = await startClient();
    const { id } = await client.responses.create({ model: 'gpt-5-mini', input: 'Say hello.', background: true });
    expect(await client.responses.cancel(id)).toMatchObject({ status: 'cancelled', usage: null });
    expect(await client.responses.retrieve(id)).toMatchObject({ status: 'cancelled' });
    await client.responses.delete(id);
    await expect(client.responses.retrieve(id)).rejects.toBeInstanceOf(NotFoundError);
  });

  it('calls a function and goes on from its result', async () => {
    const client = await startClient();
    const { type, function: weather } = weatherTool;
    const tools = [{ type, ...weather, strict: true }];
    const stream = client.responses.stream({ model: 'gpt-5-mini', input: 'Weather?', tools });
    const calling = await stream.finalResponse();
    const call = calling.output[0];
    if (call?.type !== 'function_call') throw new Error('no function call');
    expect(call).toMatchObject({ name: 'get_weather', arguments: '{"city":"sim"}' });
    const answer = await client.responses.create({
      model: 'gpt-5-mini',
      tools,
      previous_response_id: calling.id,
      input: [{ type: 'function_call_output', call_id: call.call_id, output: 'sunny' }],
    });
    expect(answer.output_text).toBe('Hello from the simulator.');
    expect(answer.usage?.input_tokens).toBeGreaterThan(calling.usage?.total_tokens ?? Number.POSITIVE_INFINITY);
  });

  it('counts input tokens and compacts', async () => {
    const client = await startClient();
    const count = await client.responses.inputTokens.count({ model: 'gpt-5-mini', input: 'Say hello.' });
    expect(count).toMatchObject({ object: 'response.input_tokens', input_tokens: 6 });
    const compacted = await client.responses.compact({ model: 'gpt-5-mini', input: 'Say hello.' });
    expect(compacted).toMatchObject({ object: 'response.compaction', usage: { input_tokens: 6, output_tokens: 1 } });
  });
});

describe('the other endpoints with the official SDK', () => {
  it('embeds', async () => {
    const client = await startClient();
    const answer = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['one', 'two'] });
    expect(answer.data.map(({ embedding }) => embedding.length)).toEqual([1536, 1536]);
    expect(answer.usage).toEqual({ prompt_tokens: 2, total_tokens: 2 });
    const floats = await client.embeddings.create({
      model: 'text-embedding-3-large',
      input: 'one',
      dimensions: 4,
      encoding_format: 'float',
    });
    expect(floats.data[0]?.embedding).toEqual([0.5, 0.5, 0.5, 0.5]);
  });

  it('transcribes an upload with tokens or seconds as usage', async () => {
    const client = await startClient();
    const file = await toFile(Buffer.alloc(6_400, 1), 'speech.wav');
    const tokens = await client.audio.transcriptions.create({ model: 'gpt-4o-mini-transcribe', file });
    expect(tokens).toMatchObject({
      text: 'Hello from the simulator.',
      usage: { type: 'tokens', input_tokens: 100, output_tokens: 5, total_tokens: 105 },
    });
    const seconds = await client.audio.transcriptions.create({ model: 'whisper-1', file, response_format: 'json' });
    expect(seconds.usage).toEqual({ type: 'duration', seconds: 1 });
    const stream = await client.audio.transcriptions.create({ model: 'gpt-4o-transcribe', file, stream: true });
    const events: { type: string }[] = [];
    for await (const event of stream) events.push(event);
    expect(events).toHaveLength(6);
    expect(events.at(-1)).toMatchObject({ type: 'transcript.text.done', usage: { total_tokens: 105 } });
  });

  it('generates images, whole and streamed', async () => {
    const client = await startClient();
    const request = { model: 'gpt-image-1', prompt: 'A red square' };
    const answer = await client.images.generate(request);
    expect(answer.usage).toMatchObject({ input_tokens: 3, output_tokens: 272, total_tokens: 275 });
    const stream = await client.images.generate({ ...request, stream: true, partial_images: 2 });
    const events: { type: string }[] = [];
    for await (const event of stream) events.push(event);
    expect(events.map(({ type }) => type)).toEqual([
      'image_generation.partial_image',
      'image_generation.partial_image',
      'image_generation.completed',
    ]);
    expect(events.at(-1)).toMatchObject({ usage: { total_tokens: 275 } });
  });

  it('speaks, moderates, takes files, lists models', async () => {
    const client = await startClient();
    const speech = await client.audio.speech.create({ model: 'tts-1', voice: 'alloy', input: 'Hello' });
    expect((await speech.arrayBuffer()).byteLength).toBe(27);
    const moderation = await client.moderations.create({ input: 'Hello' });
    expect(moderation.results[0]?.flagged).toBe(false);
    const file = await client.files.create({ file: await toFile(Buffer.from('{}'), 'a.jsonl'), purpose: 'batch' });
    expect(file).toMatchObject({ filename: 'a.jsonl', bytes: 2, purpose: 'batch' });
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toContain('gpt-5-mini');
    expect((await client.models.retrieve('gpt-4o')).id).toBe('gpt-4o');
  });
});
