import { describe, expect, it } from 'vitest';
import { HELLO, startSimulator } from './start-simulator.ts';

async function refused(path: string, body: unknown, headers: Record<string, string> = {}) {
  const { post } = await startSimulator();
  const answer = await post(path, body, headers);
  const parsed: { error: { message: string; type: string; param: string | null; code: string | null } } = JSON.parse(
    await answer.text(),
  );
  expect(Object.keys(parsed.error)).toEqual(['message', 'type', 'param', 'code']);
  return { status: answer.status, ...parsed.error };
}

const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));

describe('what chat completions refuse', () => {
  it.each([
    ['no model', { model: undefined }, 'model', 'missing_required_parameter'],
    ['an empty model', { model: '' }, 'model', 'missing_required_parameter'],
    ['a model that is no string', { model: 5 }, 'model', 'invalid_type'],
    ['no messages', { messages: undefined }, 'messages', 'missing_required_parameter'],
    ['messages that are no array', { messages: 'hi' }, 'messages', 'invalid_type'],
    ['no message at all', { messages: [] }, 'messages', 'empty_array'],
    ['a message without a role', { messages: [{ content: 'hi' }] }, 'messages[0].role', 'missing_required_parameter'],
    ['a stream that is no boolean', { stream: 'true' }, 'stream', 'invalid_type'],
    ['stream_options without stream', { stream_options: { include_usage: true } }, 'stream_options', null],
    ['stream_options with stream false', { stream: false, stream_options: {} }, 'stream_options', null],
    [
      'include_usage that is no boolean',
      { stream: true, stream_options: { include_usage: 'yes' } },
      'stream_options.include_usage',
      'invalid_type',
    ],
    [
      'an unknown stream option',
      { stream: true, stream_options: { continuous_usage_stats: true } },
      'stream_options.continuous_usage_stats',
      'unknown_parameter',
    ],
    ['a temperature too high', { temperature: 2.5 }, 'temperature', 'decimal_above_max_value'],
    ['a temperature too low', { temperature: -1 }, 'temperature', 'decimal_below_min_value'],
    ['metadata without store', { metadata: { a: 'b' } }, 'metadata', null],
    ['17 pairs of metadata', { store: true, metadata: pairs(17) }, 'metadata', 'object_above_max_properties'],
    [
      'a long metadata value',
      { store: true, metadata: { a: 'x'.repeat(513) } },
      'metadata.a',
      'string_above_max_length',
    ],
    [
      'a long metadata name',
      { store: true, metadata: { ['x'.repeat(65)]: 'v' } },
      'metadata',
      'property_name_above_max_length',
    ],
    ['a metadata value that is no string', { store: true, metadata: { a: 1 } }, 'metadata.a', 'invalid_type'],
  ])('%s', async (_, change, param, code) => {
    const answer = await refused('chat/completions', { ...HELLO, ...change });
    expect(answer).toMatchObject({ status: 400, type: 'invalid_request_error', param, code });
  });

  it('an unknown model', async () => {
    expect(await refused('chat/completions', { ...HELLO, model: 'gpt-9' })).toMatchObject({
      status: 404,
      code: 'model_not_found',
      message: 'The model `gpt-9` does not exist or you do not have access to it.',
    });
  });

  it.each([
    ['', 'cut JSON'],
    ['{"model":', 'cut JSON'],
    ['\ufeff{}', 'a byte order mark'],
    ['[1]', 'an array'],
    ['null', 'null'],
  ])('the body %j: %s', async (body) => {
    expect(await refused('chat/completions', body)).toMatchObject({ status: 400, type: 'invalid_request_error' });
  });

  it('a body that is not JSON by its content type', async () => {
    const answer = await refused('chat/completions', HELLO, { 'content-type': 'text/plain' });
    expect(answer).toMatchObject({ status: 400, code: 'unsupported_content_type' });
  });

  it('nesting far too deep without falling over', async () => {
    const { post } = await startSimulator();
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const body = `{"model":"gpt-5","messages":[{"role":"user","content":${deep}}]}`;
    expect((await post('chat/completions', body)).status).toBe(200);
    expect((await post('chat/completions', HELLO)).status).toBe(200);
  });
});

describe('what chat completions take', () => {
  it.each([
    ['null stream options', { stream_options: null }],
    ['16 pairs of metadata with store', { store: true, metadata: pairs(16) }],
    ['members that it does not know', { future_member: 1 }],
    ['a __proto__ member', JSON.parse('{"__proto__": {"a": 1}}')],
    ['a dated snapshot', { model: 'gpt-5-mini-2026-02-01' }],
  ])('%s', async (_, change) => {
    const { post } = await startSimulator();
    expect((await post('chat/completions', { ...HELLO, ...change })).status).toBe(200);
  });

  it('any model if told so, by header or for the instance', async () => {
    const strict = await startSimulator();
    const body = { ...HELLO, model: 'llama' };
    const answer = await strict.post('chat/completions', body, { 'x-sim-any-model': '1' });
    expect(await answer.json()).toMatchObject({ model: 'llama' });
    const lenient = await startSimulator({ models: ['*'] });
    expect((await lenient.post('chat/completions', body)).status).toBe(200);
    const other = await startSimulator({ models: ['llama'] });
    expect((await other.post('chat/completions', body)).status).toBe(200);
    expect((await other.post('chat/completions', HELLO)).status).toBe(404);
  });
});

describe('what responses refuse', () => {
  it.each([
    ['no input', { input: undefined }, 'input', 'missing_required_parameter'],
    ['an input that is a number', { input: 5 }, 'input', 'invalid_type'],
    [
      'include_usage',
      { stream: true, stream_options: { include_usage: true } },
      'stream_options.include_usage',
      'unknown_parameter',
    ],
    ['background without store', { background: true, store: false }, 'background', null],
    [
      'an unknown previous response',
      { previous_response_id: 'resp_none' },
      'previous_response_id',
      'previous_response_not_found',
    ],
    [
      'a previous response and a conversation',
      { previous_response_id: 'resp_none', conversation: 'conv_1' },
      'previous_response_id',
      'mutually_exclusive_parameters',
    ],
  ])('%s', async (_, change, param, code) => {
    const answer = await refused('responses', { model: 'gpt-5', input: 'hi', ...change });
    expect(answer).toMatchObject({ status: 400, param, code });
  });
});

describe('credentials and addresses', () => {
  it.each([
    ['none', {}, 401],
    ['an empty bearer', { authorization: 'Bearer ' }, 401],
    ['basic', { authorization: 'Basic abc' }, 401],
    ['a bearer', { authorization: 'Bearer x' }, 200],
    ['an api-key', { 'api-key': 'x' }, 200],
  ])('credential: %s', async (_, headers, status) => {
    const { simulator } = await startSimulator();
    const answer = await fetch(`${simulator.baseUrl}/models`, { headers: { ...headers } });
    expect(answer.status).toBe(status);
    if (status === 401) expect(await answer.json()).toMatchObject({ error: { code: 'invalid_api_key' } });
  });

  it('an unknown path is 404 in the words of OpenAI', async () => {
    const { status, message } = await refused('chat/nothing', {});
    expect({ status, message }).toEqual({ status: 404, message: 'Invalid URL (POST /v1/chat/nothing)' });
  });

  it('a known path with another method is 405', async () => {
    const { get } = await startSimulator();
    expect((await get('embeddings')).status).toBe(405);
    expect((await get('responses')).status).toBe(405);
  });

  it('a path outside of /v1 is 404', async () => {
    const { simulator } = await startSimulator();
    const headers = { authorization: 'Bearer x' };
    expect((await fetch(`${simulator.url}/chat/completions`, { method: 'POST', headers })).status).toBe(404);
  });
});
