import { describe, expect, it } from 'vitest';
import { DIALECT_NAMES } from '../../../src/simulator/dialects.ts';
import { eventData, HELLO, startSimulator } from './start-simulator.ts';

const COUNTS = {
  'x-sim-input-tokens': '100',
  'x-sim-output-tokens': '50',
  'x-sim-cached-tokens': '40',
  'x-sim-reasoning-tokens': '20',
  'x-sim-events': '3',
};

async function streamOf(dialect: string, options: object | null, more: object = {}): Promise<string> {
  const { post } = await startSimulator({ dialect });
  const body = { ...HELLO, stream: true, ...(options === null ? {} : { stream_options: options }), ...more };
  const answer = await post('chat/completions', body, COUNTS);
  expect(answer.status).toBe(200);
  return answer.text();
}

const usages = (stream: string): unknown[] => eventData(stream).map((chunk) => chunk.usage);
const askedFor = ['openai', 'azure', 'vllm', 'sglang', 'ollama', 'llamacpp', 'deepseek', 'xai', 'gemini', 'together'];
const askedForToo = ['fireworks', 'moonshot', 'dashscope', 'zai', 'snowflake', 'litellm', 'anthropic', 'copilot'];
const unasked = ['vllm-force', 'openrouter', 'groq', 'mistral', 'cohere', 'perplexity', 'cerebras', 'huggingface'];

describe('whether a stream tells usage', () => {
  it('knows every dialect of wire.md 2.2', () => {
    expect([...DIALECT_NAMES].sort()).toEqual([...askedFor, ...askedForToo, ...unasked, 'lmstudio'].sort());
  });

  it.each([...askedFor, ...askedForToo])('%s: only when include_usage is true', async (dialect) => {
    for (const options of [null, {}, { include_usage: false }]) {
      expect(usages(await streamOf(dialect, options)).every((usage) => usage === undefined)).toBe(true);
    }
    const told = usages(await streamOf(dialect, { include_usage: true })).filter((usage) => usage != null);
    expect(told.at(-1)).toMatchObject({ prompt_tokens: 100, total_tokens: 150 });
  });

  it.each(unasked)('%s: unasked', async (dialect) => {
    const told = usages(await streamOf(dialect, null)).filter((usage) => usage != null);
    expect(told.at(-1)).toMatchObject({ prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 });
  });

  it('lmstudio: never in a stream, but in JSON', async () => {
    expect(usages(await streamOf('lmstudio', { include_usage: true })).every((it) => it === undefined)).toBe(true);
    const { post } = await startSimulator({ dialect: 'lmstudio' });
    const answer = await post('chat/completions', HELLO, COUNTS);
    expect(await answer.json()).toMatchObject({ usage: { total_tokens: 150 } });
  });
});

describe('where a stream tells usage', () => {
  const last = async (dialect: string) => eventData(await streamOf(dialect, { include_usage: true })).at(-1);

  it.each(['openai', 'azure', 'vllm', 'sglang', 'ollama', 'llamacpp', 'xai', 'fireworks', 'dashscope', 'snowflake'])(
    '%s: in one more chunk without choices',
    async (dialect) => {
      expect(await last(dialect)).toMatchObject({ choices: [], usage: { total_tokens: 150 } });
    },
  );

  it.each(['deepseek', 'together', 'moonshot', 'zai', 'cerebras', 'gemini', 'groq'])(
    '%s: on the finish chunk',
    async (dialect) => {
      expect(await last(dialect)).toMatchObject({ choices: [{ finish_reason: 'stop' }], usage: { total_tokens: 150 } });
    },
  );

  it.each(['openai', 'azure', 'deepseek', 'together', 'fireworks', 'dashscope'])(
    '%s: null on the other chunks',
    async (dialect) => {
      const all = eventData(await streamOf(dialect, { include_usage: true })).filter((chunk) => chunk.id !== '');
      expect(all.length).toBeGreaterThan(4);
      expect(all.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    },
  );

  it.each(['vllm', 'sglang', 'ollama', 'llamacpp', 'xai', 'moonshot', 'zai', 'litellm', 'anthropic'])(
    '%s: nothing on the other chunks',
    async (dialect) => {
      const all = eventData(await streamOf(dialect, { include_usage: true }));
      expect(all.slice(0, -1).some((chunk) => 'usage' in chunk)).toBe(false);
    },
  );

  it.each(['perplexity', 'gemini', 'vllm-force'])('%s: the usage so far on every chunk', async (dialect) => {
    const stream = await streamOf(dialect, { include_usage: true });
    const totals = eventData(stream).map((chunk) => chunk.usage.total_tokens);
    expect(totals.slice(0, 5)).toEqual([120, 121, 122, 123, 150]);
  });
});

describe('the oddities of each', () => {
  it('azure begins with a chunk without choices and usage', async () => {
    const [first] = eventData(await streamOf('azure', { include_usage: true }));
    expect(first).toMatchObject({ choices: [], id: '', model: '', object: '', created: 0 });
    expect(first?.prompt_filter_results).toHaveLength(1);
    expect(first).not.toHaveProperty('usage');
  });

  it('vllm tells running usage on continuous_usage_stats, for each choice its own', async () => {
    const all = eventData(await streamOf('vllm', { include_usage: true, continuous_usage_stats: true }, { n: 2 }));
    expect(all.map((chunk) => chunk.usage.completion_tokens).slice(0, 6)).toEqual([20, 20, 21, 21, 22, 22]);
    expect(all.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 50 } });
  });

  it('sglang has reasoning at the top level', async () => {
    expect(usages(await streamOf('sglang', { include_usage: true })).at(-1)).toMatchObject({ reasoning_tokens: 20 });
  });

  it('ollama writes zeros on legacy completions', async () => {
    const { post } = await startSimulator({ dialect: 'ollama' });
    const body = { model: 'gpt-4o', prompt: 'hi', stream: true, stream_options: { include_usage: true } };
    const told = usages(await (await post('completions', body, COUNTS)).text());
    expect(told[0]).toEqual({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 });
    expect(told.at(-1)).toEqual({ prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 });
  });

  it('llamacpp has timings beside', async () => {
    const all = eventData(await streamOf('llamacpp', { include_usage: true }));
    expect(all.at(-1)?.timings).toMatchObject({ cache_n: 40, prompt_n: 60, predicted_n: 50 });
  });

  it('openrouter sends comments, repeats the finish chunk with usage and a cost', async () => {
    const stream = await streamOf('openrouter', null);
    expect(stream.startsWith(': SIMULATOR PROCESSING\n\n: ')).toBe(true);
    expect(eventData(stream).at(-1)).toMatchObject({
      provider: 'Simulator',
      choices: [{ finish_reason: 'stop' }],
      usage: { cost: 0.0003, is_byok: false },
    });
  });

  it('openrouter puts an error and the usage in one chunk', async () => {
    const { post } = await startSimulator({ dialect: 'openrouter' });
    const answer = await post(
      'chat/completions',
      { ...HELLO, stream: true },
      { ...COUNTS, 'x-sim-error-in-stream': '2' },
    );
    const all = eventData(await answer.text());
    expect(all).toHaveLength(3);
    expect(all[2]).toMatchObject({ error: { code: 502 }, usage: { total_tokens: 150 } });
  });

  it('groq says it twice and sends errors as events', async () => {
    const last = eventData(await streamOf('groq', null)).at(-1);
    expect(last?.x_groq.usage).toEqual(last?.usage);
    expect(last?.usage.queue_time).toBeTypeOf('number');
    const { post } = await startSimulator({ dialect: 'groq' });
    const answer = await post('chat/completions', { ...HELLO, stream: true }, { 'x-sim-error-in-stream': '0' });
    expect(await answer.text()).toMatch(/^event: error\ndata: \{"error":/);
  });

  it('deepseek splits the prompt in cache hits and misses', async () => {
    const told = usages(await streamOf('deepseek', { include_usage: true })).at(-1);
    expect(told).toMatchObject({ prompt_cache_hit_tokens: 40, prompt_cache_miss_tokens: 60 });
  });

  it.each([
    ['mistral', 422],
    ['cohere', 400],
  ])('%s turns stream_options down with %i', async (dialect, status) => {
    const { post } = await startSimulator({ dialect });
    const answer = await post('chat/completions', { ...HELLO, stream: true, stream_options: { include_usage: true } });
    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(/stream_options/);
  });

  it('xai leaves reasoning out of completion_tokens and has it in the total', async () => {
    expect(usages(await streamOf('xai', { include_usage: true })).at(-1)).toMatchObject({
      completion_tokens: 30,
      completion_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 150,
    });
  });

  it('gemini has thinking only in the total', async () => {
    const told = usages(await streamOf('gemini', { include_usage: true })).at(-1);
    expect(told).toEqual({ prompt_tokens: 100, completion_tokens: 30, total_tokens: 150 });
  });

  it('perplexity ends lines with CRLF and the stream without [DONE]', async () => {
    const stream = await streamOf('perplexity', null);
    expect(stream).not.toMatch(/[^\r]\n/);
    expect(stream).not.toContain('[DONE]');
  });

  it('snowflake leaves id and created empty', async () => {
    expect(eventData(await streamOf('snowflake', null))[0]).toMatchObject({ id: '', created: 0 });
  });

  it('copilot has its own usage beside the response', async () => {
    const { post } = await startSimulator({ dialect: 'copilot' });
    const answer = await post('responses', { model: 'gpt-5', input: 'hi', stream: true }, COUNTS);
    const last = eventData(await answer.text()).at(-1);
    expect(last).toMatchObject({ response: { usage: { total_tokens: 150 } }, copilot_usage: { token_details: {} } });
  });

  it('openrouter ends a responses stream with [DONE], openai does not', async () => {
    const ending = async (dialect: string) => {
      const { post } = await startSimulator({ dialect });
      return (await post('responses', { model: 'gpt-5', input: 'hi', stream: true })).text();
    };
    expect((await ending('openrouter')).endsWith('data: [DONE]\n\n')).toBe(true);
    expect(await ending('openai')).not.toContain('[DONE]');
  });

  it('a header outweighs the instance', async () => {
    const { post } = await startSimulator({ dialect: 'groq' });
    const answer = await post('chat/completions', HELLO, { 'x-sim-dialect': 'deepseek' });
    expect(await answer.json()).toHaveProperty('usage.prompt_cache_miss_tokens');
  });
});
