import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { countChatCompletionTokens } from 'gpt-tokenizer/model/gpt-4o';
import { describe, expect, it } from 'vitest';
import { classifyEndpoint } from '../../../src/metering/endpoints.ts';
import { inputTextOf, isEstimable } from '../../../src/metering/estimate-input.ts';
import { type CountableText, MAX_SAMPLE_BYTES, wholeTokens } from '../../../src/metering/estimate-text.ts';

const inputOf = (path: string, body: unknown): CountableText =>
  inputTextOf(classifyEndpoint('POST', path), Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const CHAT = 'chat/completions';
const PNG = `data:image/png;base64,${'iVBORw0KGgo'.repeat(5_000)}`;

describe('the text of a chat', () => {
  it('is that of contents, parts, names, tool calls and their results', () => {
    const { sample, fixedTokens } = inputOf(CHAT, {
      model: 'gpt-5-mini',
      user: 'nobody',
      metadata: { content: 'not shown' },
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', name: 'bob', content: [{ type: 'text', text: 'And "brief"\n' }] },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":1}' } }],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'a bridge' },
      ],
      stream_options: { content: 'not shown' },
    });
    expect(sample).toBe('Be kind. bob And "brief"\n look {"at":1} a bridge');
    expect(fixedTokens).toBe(4 * 4 + 1 + 3);
  });

  it.each([
    ['a picture', { type: 'image_url', image_url: { url: PNG, detail: 'high' } }, 1_000],
    ['a recording', { type: 'input_audio', input_audio: { data: 'UklGR'.repeat(9_000), format: 'wav' } }, 500],
    ['a document', { type: 'file', file: { filename: 'a.pdf', file_data: PNG } }, 2_000],
  ])('takes %s for a constant, and never reads its base64', (_, part, tokens) => {
    const content = [{ type: 'text', text: 'What is this?' }, part];
    const { sample, fixedTokens } = inputOf(CHAT, { messages: [{ role: 'user', content }] });
    expect(sample).toBe('What is this?');
    expect(fixedTokens).toBe(7 + tokens);
  });

  it('has names and descriptions of tools, and no words of JSON schema', () => {
    const tool = {
      type: 'function',
      function: {
        name: 'look',
        description: 'Looks.',
        strict: true,
        parameters: {
          type: 'object',
          properties: { place: { type: 'string', enum: ['here', 'there'] } },
          required: ['place'],
          additionalProperties: false,
        },
      },
    };
    const { sample } = inputOf(CHAT, { tools: [tool], messages: [] });
    expect(sample).toBe('function look Looks. object place string here there');
  });

  it('is nothing where there is no text', () => {
    expect(inputOf(CHAT, { model: 'm' })).toEqual({ sample: '', factor: 1, fixedTokens: 0 });
  });

  const weather = {
    name: 'get_weather',
    description: 'Get the current weather for a city.',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string', description: 'The city, such as Paris' },
        unit: { type: 'string', enum: ['celsius', 'fahrenheit'] },
      },
      required: ['city'],
    },
  } as const;
  it.each([
    ['one message', { messages: [{ role: 'user', content: 'Shall I take an umbrella with me tomorrow?' }] }],
    [
      'a system message and a name',
      {
        messages: [
          { role: 'system', content: 'You are a helpful assistant.' },
          { role: 'user', name: 'bob', content: 'Hello there' },
        ],
      },
    ],
    ['a tool', { messages: [{ role: 'user', content: 'Hello there' }], functions: [weather] }],
    [
      'a tool beside a system message',
      {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Hello there' },
        ],
        functions: [weather],
      },
    ],
  ])('comes within a tenth of the count that OpenAI publishes: %s', (_, request) => {
    const text = inputOf(CHAT, request);
    const expected = countChatCompletionTokens?.(structuredClone(request) as never) ?? 0;
    const tokens = wholeTokens(text, countTokens(text.sample));
    expect(Math.abs(tokens - expected)).toBeLessThanOrEqual(Math.ceil(expected / 10));
  });
});

describe('the text of a response', () => {
  it('is that of instructions and one input', () => {
    const { sample, fixedTokens } = inputOf('responses', { instructions: 'Be kind.', input: 'Hello', store: true });
    expect(sample).toBe('Be kind. Hello');
    expect(fixedTokens).toBe(2 * 4 + 3);
  });

  it('is that of items, their parts, calls and results', () => {
    const { sample } = inputOf('responses', {
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'Look.' },
            { type: 'input_image', image_url: PNG },
          ],
        },
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'I look.' }], encrypted_content: 'gAAAA' },
        { type: 'function_call', call_id: 'call_1', name: 'look', arguments: '{}' },
        { type: 'function_call_output', call_id: 'call_1', output: 'a bridge' },
      ],
      tools: [{ type: 'function', name: 'look', parameters: { type: 'object', properties: {} } }],
    });
    expect(sample).toBe('Look. I look. look {} a bridge function look object');
  });
});

describe('the text of other endpoints', () => {
  it.each([
    ['completions', { prompt: 'Once', suffix: 'end' }, 'Once end', 0],
    ['completions', { prompt: ['Once', 'Twice'] }, 'Once Twice', 0],
    ['completions', { prompt: [[11, 22], [33]], max_tokens: 5 }, '', 3],
    ['embeddings', { input: ['a', 'b'], model: 'm', dimensions: 256 }, 'a b', 0],
    ['embeddings', { input: [1, 2, 3, 4] }, '', 4],
  ])('%s: %j', (path, body, sample, fixedTokens) => {
    expect(inputOf(path, body)).toEqual({ sample, factor: 1, fixedTokens });
  });

  it.each(['images/generations', 'audio/speech', 'responses/compact', 'moderations', 'models'])(
    'is not looked for in %s',
    (path) => {
      expect(isEstimable(classifyEndpoint('POST', path))).toBe(false);
      expect(inputOf(path, { input: 'x', prompt: 'x' }).sample).toBe('');
    },
  );
});

describe('the sample', () => {
  it('is bounded, and stands for the whole', () => {
    const text = 'word '.repeat(400_000);
    const { sample, factor } = inputOf('embeddings', { input: text });
    expect(sample.length).toBe(MAX_SAMPLE_BYTES);
    expect(sample.length * factor).toBeCloseTo(text.length);
  });

  it.each(['\\n', '\\u4f60', 'é', '\\ud83d\\ude00'])('is cut anywhere in %s', (unit) => {
    for (let shift = 0; shift < 12; shift++) {
      const json = `{"input":"${'x'.repeat(shift)}${unit.repeat(MAX_SAMPLE_BYTES)}"}`;
      const { sample } = inputOf('embeddings', json);
      expect(Buffer.byteLength(sample)).toBeLessThanOrEqual(MAX_SAMPLE_BYTES + 3);
      expect(sample).not.toContain('\\u');
    }
  });

  it('stands for what was not walked, too', () => {
    const ids = 16 * 1024 * 1024;
    const tokens = wholeTokens(inputOf('embeddings', `{"input":[${'1,'.repeat(ids)}1]}`), 0);
    expect(tokens / ids).toBeGreaterThan(0.99);
    expect(tokens / ids).toBeLessThan(1.01);
  });
});
