import { describe, expect, it } from 'vitest';
import { AnswerMeter, type Finding } from '../../../src/metering/answer-meter.ts';
import { classifyEndpoint } from '../../../src/metering/endpoints.ts';
import { linesOfOneChunk } from '../../support/chunk-span.ts';
import { splitEvents } from '../../support/split-events.ts';

const meterFor = (path: string): AnswerMeter => new AnswerMeter(classifyEndpoint('POST', path));

function readDocument(path: string, document: unknown): Finding {
  const meter = meterFor(path);
  meter.readDocument(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)));
  return meter.finding;
}

/** Feeds events; a string is data as it stands, an array an event name and its data. */
function readStream(path: string, events: readonly (object | string | readonly [string, object | string])[]): Finding {
  const meter = meterFor(path);
  const named = events.map((event) => {
    const [name, data] = Array.isArray(event) ? event : [null, event];
    return { name, data: Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)) };
  });
  for (const { name, data } of named) meter.readEvent(data, name);
  expectSkimmingFinds(meter, path, named);
  return meter.finding;
}

/** However the events come in chunks, a meter that skims what it can finds the same. */
function expectSkimmingFinds(
  expected: AnswerMeter,
  path: string,
  events: readonly { name: string | null; data: Buffer }[],
): void {
  for (const perChunk of [1, 2, events.length]) {
    const meter = meterFor(path);
    for (let first = 0; first < events.length; first += Math.max(1, perChunk)) {
      const some = events.slice(first, first + perChunk);
      const lines = linesOfOneChunk(
        some.map(({ data }) => data),
        first,
      );
      for (const [i, { name, data }] of some.entries()) {
        const line = lines[i];
        if (line === undefined || !meter.skimEvent(line, name)) meter.readEvent(data, name);
      }
    }
    expect(meter.finding).toEqual(expected.finding);
    expect(meter.toolCalls).toBe(expected.toolCalls);
    expect(meter.evidence).toEqual(expected.evidence);
  }
}

const chunk = (delta: object, more: object = {}): object => ({
  id: 'chatcmpl-7',
  object: 'chat.completion.chunk',
  model: 'm-1-2026',
  choices: [{ index: 0, delta, finish_reason: null }],
  ...more,
});
const usage = (prompt: number, completion: number): object => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
});
const end = (more: object): object => ({ id: 'chatcmpl-7', model: 'm-1-2026', choices: [], ...more });
const CHAT = 'chat/completions';

interface StreamVector {
  readonly title: string;
  readonly events: readonly (object | string | readonly [string, object | string])[];
  /** Input and output tokens, or null where nothing is reported. */
  readonly expected: readonly [number, number] | null;
  readonly finding?: Partial<Finding>;
}

const chatStreams: readonly StreamVector[] = [
  {
    title: 'OpenAI: an extra last chunk, then one about moderation with null',
    events: [
      chunk({ content: 'a' }, { usage: null }),
      chunk({ content: 'b' }, { usage: null }),
      end({ usage: usage(11, 2), service_tier: 'default' }),
      end({ moderation: { results: [] }, usage: null }),
      '[DONE]',
    ],
    expected: [11, 2],
    finding: {
      upstreamId: 'chatcmpl-7',
      responseModel: 'm-1-2026',
      serviceTier: 'default',
      sawEnd: true,
      failed: false,
    },
  },
  {
    title: 'Azure: a first chunk without choices, id, model or usage',
    events: [
      { id: '', model: '', object: '', created: 0, choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
      chunk({ content: 'a' }),
      end({ usage: usage(5, 1) }),
    ],
    expected: [5, 1],
    finding: { upstreamId: 'chatcmpl-7', responseModel: 'm-1-2026', sawEnd: false },
  },
  {
    title: 'Perplexity, Gemini, vLLM when forced: running usage, of which the last counts',
    events: [1, 2, 3, 4].map((n) => chunk({ content: 'x' }, { usage: usage(9, n) })),
    expected: [9, 4],
  },
  {
    title: 'vLLM with n of 2: running usage of each choice, the sum last',
    events: [
      { ...chunk({ content: 'x' }), usage: usage(9, 3) },
      { ...chunk({}), choices: [{ index: 1, delta: { content: 'y' } }], usage: usage(9, 5) },
      end({ usage: usage(9, 8) }),
    ],
    expected: [9, 8],
  },
  {
    title: 'Ollama completions: zeros until the last',
    events: [chunk({}, { usage: usage(0, 0) }), chunk({}, { usage: usage(0, 0) }), end({ usage: usage(6, 3) })],
    expected: [6, 3],
  },
  {
    title: 'zeros after the usage do not replace it',
    events: [chunk({}, { usage: usage(6, 3) }), end({ usage: usage(0, 0) })],
    expected: [6, 3],
  },
  {
    title: 'zeros alone are zero, not missing',
    events: [chunk({ content: 'x' }), end({ usage: usage(0, 0) })],
    expected: [0, 0],
  },
  {
    title: 'Groq: in two places at once',
    events: [chunk({}, { x_groq: { id: 'req_1', usage: usage(8, 2) }, usage: usage(8, 2) })],
    expected: [8, 2],
  },
  {
    title: 'Groq of old: only in x_groq, with a breakdown that must not be added',
    events: [
      chunk(
        {},
        {
          x_groq: {
            id: 'req_1',
            usage: usage(8, 2),
            usage_breakdown: {
              models: [
                { model: 'a', usage: usage(8, 1) },
                { model: 'b', usage: usage(8, 1) },
              ],
            },
          },
        },
      ),
    ],
    expected: [8, 2],
  },
  {
    title: 'Groq: the usage of x_groq gives way to the usage itself',
    events: [chunk({}, { x_groq: { usage: usage(1, 1) }, usage: usage(8, 2) })],
    expected: [8, 2],
  },
  {
    title: 'DeepSeek, Mistral, Together, z.ai: on the finish chunk, null before it',
    events: [chunk({ content: 'x' }, { usage: null }), chunk({}, { usage: usage(4, 2) }), '[DONE]'],
    expected: [4, 2],
  },
  {
    title: 'Moonshot of old: in the first choice',
    events: [{ ...chunk({}), choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage: usage(3, 7) }] }],
    expected: [3, 7],
  },
  {
    title: 'OpenRouter: error, cost and usage in one chunk that has choices',
    events: [
      chunk({ content: 'x' }),
      chunk({}, { error: { code: 502, message: 'provider gone' }, usage: { ...usage(5, 1), cost: 0.00025 } }),
    ],
    expected: [5, 1],
    finding: { errorCode: '502', failed: true, costReportedUsd: '0.00025' },
  },
  {
    title: 'Groq: an error event, no usage',
    events: [
      chunk({ content: 'x' }),
      ['error', { error: { message: 'no', type: 'invalid_request_error', code: 'tool_use_failed' } }],
    ],
    expected: null,
    finding: { errorCode: 'tool_use_failed', failed: true, sawEnd: false },
  },
  {
    title: 'an error event that is no JSON',
    events: [chunk({ content: 'x' }), ['error', 'gateway exploded']],
    expected: null,
    finding: { errorCode: 'upstream_error', failed: true },
  },
  {
    title: 'an error that is a sentence does not lend its words to the ledger',
    events: [{ error: 'could not read the prompt "secret"' }],
    expected: null,
    finding: { errorCode: 'upstream_error', failed: true },
  },
  {
    title: 'an error with only a type',
    events: [{ error: { type: 'overloaded_error', message: 'later' } }],
    expected: null,
    finding: { errorCode: 'overloaded_error' },
  },
  {
    title: 'error null on every chunk is none',
    events: [chunk({ content: 'x' }, { error: null }), end({ error: null, usage: usage(2, 2) })],
    expected: [2, 2],
    finding: { failed: false, errorCode: null },
  },
  {
    title: 'cut before the usage',
    events: [chunk({ content: 'x' }, { usage: null })],
    expected: null,
    finding: { sawEnd: false, usageRaw: null },
  },
  {
    title: 'text that looks like usage is text',
    events: [
      chunk({ content: '"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2},"error":{"code":"x"}' }),
    ],
    expected: null,
    finding: { failed: false },
  },
  {
    title: 'nested members of that name are not the answer’s',
    events: [chunk({ usage: usage(1, 1), error: { code: 'x' } })],
    expected: null,
    finding: { failed: false },
  },
  {
    title: 'a usage without a number reports nothing',
    events: [chunk({}, { usage: {} }), end({ usage: { prompt_tokens: null } })],
    expected: null,
  },
  {
    title: 'broken JSON says nothing, and what follows is read',
    events: ['{"id":"x","usage":{"prompt_tokens":1', 'null', '[1]', '', end({ usage: usage(2, 1) })],
    expected: [2, 1],
  },
  {
    title: 'spaces after the colon',
    events: [JSON.stringify(end({ usage: usage(2, 1) }), null, 2)],
    expected: [2, 1],
  },
];

describe('chat streams', () => {
  it.each(chatStreams.map((vector) => [vector.title, vector] as const))('%s', (_, { events, expected, finding }) => {
    const found = readStream(CHAT, events);
    const counts = found.usage && [found.usage.input_tokens, found.usage.output_tokens];
    expect(counts).toEqual(expected);
    expect(found).toMatchObject(finding ?? {});
  });

  it('keeps the usage object as it stood, unknown members included', () => {
    const raw = { ...usage(3, 1), compute_units: null, from_the_future: { a: [1, 'b'] } };
    expect(readStream(CHAT, [end({ usage: raw })]).usageRaw).toEqual(raw);
  });

  it('reads usage from an event as large as they come', () => {
    const large = { ...chunk({ content: 'x'.repeat(5_000_000) }), usage: usage(3, 1) };
    expect(readStream(CHAT, [chunk({}), large]).usage).toMatchObject({ input_tokens: 3 });
  });

  it('says of [DONE] alone that the stream is over', () => {
    const meter = meterFor(CHAT);
    expect(meter.readEvent(Buffer.from(JSON.stringify(end({ usage: usage(1, 1) }))), null)).toBe('more');
    expect(meter.readEvent(Buffer.from('[DONE]'), null)).toBe('terminal');
  });

  it('takes the id of the first event and the model and tier of the last that is read', () => {
    const found = readStream(CHAT, [
      { id: 'a', model: 'auto', service_tier: 'auto', choices: [] },
      { id: 'b', model: 'routed', service_tier: 'flex', choices: [], usage: usage(1, 1) },
    ]);
    expect(found).toMatchObject({ upstreamId: 'a', responseModel: 'routed', serviceTier: 'flex' });
  });

  it('takes no id or model that the ledger could not hold', () => {
    const found = readStream(CHAT, [{ id: 'x'.repeat(300), model: 7, choices: [] }]);
    expect(found).toMatchObject({ upstreamId: null, responseModel: null });
  });

  it('ignores a usage object that nests beyond any use', () => {
    const deep = `{"id":"a","choices":[],"usage":{"prompt_tokens":1,"x":${'['.repeat(5000)}${']'.repeat(5000)}}}`;
    expect(readStream(CHAT, [deep]).usage).toBeNull();
  });
});

const call = (fields: object): object => chunk({ tool_calls: [fields] });

describe('tool calls of chat answers', () => {
  it('are told apart up to ten thousand, so that no stream can have any number of ids kept', () => {
    const meter = meterFor(CHAT);
    const ids = Array.from({ length: 10_001 }, (_, at) => `c${at}`);
    for (const id of [...ids, 'c0', 'c9999', 'c10000']) {
      meter.readEvent(
        Buffer.from(JSON.stringify(call({ index: 0, id, function: { name: 'f', arguments: '' } }))),
        null,
      );
    }
    expect(meter.toolCalls).toBe(10_002);
  });

  it.each([
    [
      'fragments of two calls',
      [
        call({ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }),
        call({ index: 0, function: { arguments: '{"name":' } }),
        call({ index: 0, function: { arguments: '1}' } }),
        call({ index: 1, id: 'c2', type: 'function', function: { name: 'f', arguments: '' } }),
      ],
      2,
    ],
    [
      'name and id repeated in every fragment',
      [
        call({ index: 0, id: 'c1', function: { name: 'f', arguments: '' } }),
        call({ index: 0, id: 'c1', function: { name: 'f', arguments: '{}' } }),
        call({ index: 0, id: '', function: { name: 'f', arguments: '' } }),
      ],
      1,
    ],
    [
      'several whole calls under one index',
      [
        call({ index: 0, id: 'c1', function: { name: 'f', arguments: '{}' } }),
        call({ index: 0, id: 'c2', function: { name: 'f', arguments: '{}' } }),
      ],
      2,
    ],
    [
      'whole calls without index and id',
      [call({ function: { name: 'f', arguments: '{}' } }), call({ function: { name: 'f', arguments: '{}' } })],
      2,
    ],
    [
      'the same index in two choices',
      [
        chunk({}, { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, id: 'c', function: { name: 'f' } }] } }] }),
        chunk({}, { choices: [{ index: 1, delta: { tool_calls: [{ index: 0, id: 'd', function: { name: 'f' } }] } }] }),
      ],
      2,
    ],
    ['a custom tool', [call({ index: 0, id: 'c1', type: 'custom', custom: { name: 'shell', input: '' } })], 1],
    [
      'the legacy function call',
      [chunk({ function_call: { name: 'f', arguments: '' } }), chunk({ function_call: { arguments: '{}' } })],
      1,
    ],
    [
      'empty lists and empty names',
      [
        chunk({ tool_calls: [], function_call: { name: '', arguments: '' } }),
        call({ index: 0, function: { name: null } }),
      ],
      0,
    ],
    ['the word in the text', [chunk({ content: '"tool_calls":[{"index":0,"function":{"name":"f"}}]' })], 0],
  ])('stream: %s', (_, events, expected) => {
    expect(readStream(CHAT, [...events, end({ usage: usage(1, 1) })]).usage?.tool_calls).toBe(expected);
  });

  it.each([
    ['none', { tool_calls: null }, 0],
    [
      'two',
      {
        tool_calls: [
          { id: 'a', function: { name: 'f' } },
          { id: 'b', function: { name: 'f' } },
        ],
      },
      2,
    ],
    ['the legacy one', { function_call: { name: 'f', arguments: '{}' } }, 1],
    ['an empty legacy one', { function_call: { name: '', arguments: '' }, tool_calls: null }, 0],
    [
      'a legacy one that repeats the call',
      { function_call: { name: 'f' }, tool_calls: [{ id: 'a', function: { name: 'f' } }] },
      1,
    ],
  ])('document: %s', (_, message, expected) => {
    const document = {
      id: 'c',
      choices: [{ index: 0, message: { role: 'assistant', ...message } }],
      usage: usage(1, 1),
    };
    expect(readDocument(CHAT, document).usage?.tool_calls).toBe(expected);
  });
});

const responseUsage = {
  input_tokens: 30,
  output_tokens: 12,
  total_tokens: 42,
  output_tokens_details: { reasoning_tokens: 5 },
};
const created = [
  'response.created',
  {
    type: 'response.created',
    response: { id: 'resp_1', model: 'm-2', status: 'in_progress', service_tier: 'auto', usage: null, output: [] },
  },
] as const;
const itemDone = (type: string, more: object = {}): readonly [string, object] => [
  'response.output_item.done',
  { type: 'response.output_item.done', item: { id: `x_${type}`, type, ...more } },
];
const terminal = (name: string, response: object): readonly [string, object] => [
  `response.${name}`,
  { type: `response.${name}`, response: { id: 'resp_1', model: 'm-2', status: name, ...response } },
];

describe('Responses streams', () => {
  it('takes the usage, tier and status of response.completed, and ends there', () => {
    const meter = meterFor('responses');
    const events = [created, terminal('completed', { usage: responseUsage, service_tier: 'default' })] as const;
    const results = events.map(([name, data]) => meter.readEvent(Buffer.from(JSON.stringify(data)), name));
    expect(results).toEqual(['more', 'terminal']);
    expect(meter.finding).toMatchObject({
      usage: { input_tokens: 30, output_tokens: 12, reasoning_tokens: 5, total_tokens: 42 },
      usageRaw: responseUsage,
      upstreamId: 'resp_1',
      responseModel: 'm-2',
      serviceTier: 'default',
      responseStatus: 'completed',
      sawEnd: true,
      failed: false,
    });
  });

  it('needs no event line: the type in the data says the same', () => {
    const meter = meterFor('responses');
    const data = JSON.stringify({
      sequence_number: 9,
      response: { id: 'r', usage: responseUsage },
      type: 'response.completed',
    });
    expect(meter.readEvent(Buffer.from(data), null)).toBe('terminal');
    expect(meter.finding.usage?.input_tokens).toBe(30);
  });

  it('counts an incomplete answer and calls it no failure', () => {
    const found = readStream('responses', [created, terminal('incomplete', { usage: responseUsage })]);
    expect(found).toMatchObject({
      usage: { output_tokens: 12 },
      failed: false,
      sawEnd: true,
      responseStatus: 'incomplete',
    });
  });

  it('takes usage from an event of any type', () => {
    const found = readStream('responses', [
      ['response.in_progress', { type: 'response.in_progress', response: { id: 'r', usage: responseUsage } }],
    ]);
    expect(found).toMatchObject({ usage: { total_tokens: 42 }, sawEnd: false });
  });

  it('reads the nested error and the failure that follows it, usage null', () => {
    const meter = meterFor('responses');
    const error = {
      type: 'error',
      sequence_number: 2,
      error: { type: 'insufficient_quota', code: 'insufficient_quota', message: 'm' },
    };
    expect(meter.readEvent(Buffer.from(JSON.stringify(error)), 'error')).toBe('more');
    const [name, failed] = terminal('failed', { usage: null, error: { code: 'server_error', message: 'm' } });
    expect(meter.readEvent(Buffer.from(JSON.stringify(failed)), name)).toBe('terminal');
    expect(meter.finding).toMatchObject({
      usage: null,
      errorCode: 'insufficient_quota',
      failed: true,
      responseStatus: 'failed',
    });
  });

  it('reads the flat error of the type definitions', () => {
    const found = readStream('responses', [
      ['error', { type: 'error', code: 'rate_limit', message: 'm', param: null }],
    ]);
    expect(found).toMatchObject({ errorCode: 'rate_limit', failed: true });
  });

  it('counts tool calls once: from the items, not again from the output of the end', () => {
    const found = readStream('responses', [
      created,
      itemDone('reasoning'),
      itemDone('function_call', { name: 'f' }),
      itemDone('web_search_call'),
      itemDone('message'),
      terminal('completed', { usage: responseUsage, output: [{ type: 'function_call' }, { type: 'web_search_call' }] }),
    ]);
    expect(found.usage?.tool_calls).toBe(2);
  });

  it('counts them in the output where the stream has no items or was joined in its middle', () => {
    const output = [
      { type: 'function_call' },
      { type: 'mcp_call' },
      { type: 'function_call_output' },
      { type: 'mcp_list_tools' },
    ];
    const whole = terminal('completed', { usage: responseUsage, output });
    expect(readStream('responses', [created, whole]).usage?.tool_calls).toBe(2);
    expect(readStream('responses', [itemDone('mcp_call'), whole]).usage?.tool_calls).toBe(2);
  });

  it('keeps the numbers of usage beside the usage in details, zeros aside, and adds them to nothing', () => {
    const found = readStream('responses', [
      created,
      itemDone('image_generation_call', {
        svg_usage: { model: 's', input_tokens: 4, output_tokens: 6, total_tokens: 10 },
      }),
      itemDone('image_generation_call', {
        svg_usage: { model: 's', input_tokens: 1, output_tokens: 2, total_tokens: 3 },
      }),
      [
        'response.completed',
        {
          type: 'response.completed',
          copilot_usage: { token_details: [], total_nano_aiu: 77 },
          response: {
            id: 'resp_1',
            usage: responseUsage,
            tool_usage: {
              image_gen: { input_tokens: 9, output_tokens: 0, input_tokens_details: { image_tokens: 8 } },
              web_search: { num_requests: 3 },
            },
          },
        },
      ],
    ]);
    expect(found.usage).toMatchObject({ input_tokens: 30, total_tokens: 42, tool_calls: 2 });
    expect(found.usage?.details).toEqual({
      svg_input_tokens: 5,
      svg_output_tokens: 8,
      svg_total_tokens: 13,
      image_gen_input_tokens: 9,
      image_gen_input_image_tokens: 8,
      web_search_requests: 3,
      copilot_total_nano_aiu: 77,
    });
    expect(found.usageRaw).toEqual(responseUsage);
  });

  it('survives event types it has never heard of', () => {
    const found = readStream('responses', [
      created,
      { type: 'keepalive', sequence_number: 4 },
      ['response.steer.accepted', { type: 'response.steer.accepted' }],
    ]);
    expect(found).toMatchObject({ upstreamId: 'resp_1', failed: false, sawEnd: false });
  });
});

describe('image and audio streams', () => {
  it.each([
    ['images/generations', 'image_generation.completed'],
    ['images/edits', 'image_edit.completed'],
    ['audio/transcriptions', 'transcript.text.done'],
    ['audio/speech', 'speech.audio.done'],
  ])('%s: the usage of %s', (path, type) => {
    const meter = meterFor(path);
    const partial = { type: 'some.partial', id: 'seg_1', b64_json: 'A'.repeat(100_000) };
    meter.readEvent(Buffer.from(JSON.stringify(partial)), null);
    const last = { type, b64_json: 'A'.repeat(100_000), usage: { input_tokens: 2, output_tokens: 3, total_tokens: 5 } };
    expect(meter.readEvent(Buffer.from(JSON.stringify(last)), null)).toBe('more');
    expect(meter.finding).toMatchObject({
      usage: { input_tokens: 2, output_tokens: 3 },
      sawEnd: true,
      upstreamId: null,
    });
  });
});

describe('documents', () => {
  it('reads a chat answer', () => {
    const document = {
      id: 'chatcmpl-1',
      model: 'm-1',
      service_tier: 'flex',
      status: 'odd',
      choices: [],
      usage: usage(7, 3),
    };
    expect(readDocument(CHAT, document)).toMatchObject({
      upstreamId: 'chatcmpl-1',
      responseModel: 'm-1',
      serviceTier: 'flex',
      responseStatus: null,
      usage: { input_tokens: 7, output_tokens: 3 },
      sawEnd: false,
    });
  });

  it('reads a queued background response: no usage yet', () => {
    const found = readDocument('responses', {
      id: 'resp_9',
      status: 'queued',
      background: true,
      usage: null,
      output: [],
      error: null,
    });
    expect(found).toMatchObject({ usage: null, responseStatus: 'queued', upstreamId: 'resp_9', failed: false });
  });

  it('reads a response with its tool calls', () => {
    const output = [{ type: 'message' }, { type: 'custom_tool_call' }, { type: 'computer_call' }];
    expect(readDocument('responses', { id: 'r', output, usage: responseUsage }).usage?.tool_calls).toBe(2);
  });

  it('does not count the calls that a compaction repeats', () => {
    const document = {
      id: 'r',
      object: 'response.compaction',
      output: [{ type: 'function_call' }],
      usage: responseUsage,
    };
    expect(readDocument('responses/compact', document).usage).toMatchObject({ tool_calls: 0, input_tokens: 30 });
  });

  it('calls a failed response a failure', () => {
    expect(
      readDocument('responses', { id: 'r', status: 'failed', error: { code: 'server_error' }, usage: null }).errorCode,
    ).toBe('server_error');
    expect(readDocument('responses', { id: 'r', status: 'failed', error: null, usage: null }).errorCode).toBe(
      'upstream_error',
    );
  });

  it('reads an error inside a 200 answer', () => {
    const found = readDocument(CHAT, { error: { message: 'm', type: 'x'.repeat(200) } });
    expect(found).toMatchObject({ failed: true, errorCode: 'x'.repeat(100), usage: null });
  });

  it('reads images with svg_usage beside the usage', () => {
    const found = readDocument('images/generations', {
      data: [{ b64_json: 'A'.repeat(300_000) }],
      usage: { input_tokens: 5, output_tokens: 90, total_tokens: 95 },
      svg_usage: { model: 's', input_tokens: 40, output_tokens: 20, reasoning_tokens: 6, total_tokens: 60 },
    });
    expect(found.usage).toMatchObject({ input_tokens: 5, reasoning_tokens: 0, total_tokens: 95 });
    expect(found.usage?.details).toEqual({
      svg_input_tokens: 40,
      svg_output_tokens: 20,
      svg_reasoning_tokens: 6,
      svg_total_tokens: 60,
    });
  });

  it.each([
    [
      'model and usage last',
      (data: unknown) => ({ object: 'list', data, model: 'e-1', usage: { prompt_tokens: 6, total_tokens: 6 } }),
    ],
    ['model first', (data: unknown) => ({ id: 'x', model: 'e-1', data, usage: { prompt_tokens: 6, total_tokens: 6 } })],
    ['usage first', (data: unknown) => ({ usage: { prompt_tokens: 6, total_tokens: 6 }, model: 'e-1', data })],
    [
      'another usage within',
      (data: unknown) => ({ model: 'e-1', usage: { total_tokens: 6 }, data, meta: { usage: { total_tokens: 99 } } }),
    ],
  ])('reads a large batch of embeddings, %s', (_, document) => {
    const data = Array.from({ length: 50 }, () => ({ embedding: Array.from({ length: 500 }, () => 0.125) }));
    const found = readDocument('embeddings', document(data));
    expect(found).toMatchObject({
      responseModel: 'e-1',
      usage: { input_tokens: 6, output_tokens: 0, total_tokens: 6 },
    });
  });

  it.each([10, 300_000])('reads the same of an answer, how large its images are (%i bytes)', (bytes) => {
    const data = [{ b64_json: 'A'.repeat(bytes) }];
    const tail = { data, usage: usage(5, 90), tool_usage: { web_search: { num_requests: 2 } }, id: 'last' };
    const found = readDocument('images/generations', { error: { code: 'partial' }, ...tail });
    const failed = readDocument('images/generations', { ...tail, error: { code: 'partial' } });
    for (const { upstreamId, errorCode, usage: used } of [found, failed]) {
      expect([upstreamId, errorCode, used?.input_tokens]).toEqual(['last', 'partial', 5]);
      expect(used?.details).toMatchObject({ web_search_requests: 2 });
    }
  });

  it('reads a cost without tokens: a report of zero tokens', () => {
    const found = readDocument('images/edits', '{"data":[],"usage":{"cost_in_usd_ticks":300000000}}');
    expect(found).toMatchObject({ costReportedUsd: '0.03', usage: { input_tokens: 0, total_tokens: 0 } });
  });

  it('keeps a cost that is an object in the raw usage only', () => {
    const cost = { request_cost: 0.005, total_cost: 0.006 };
    const found = readDocument(CHAT, { usage: { ...usage(1, 1), cost } });
    expect(found).toMatchObject({ costReportedUsd: null, usageRaw: { cost } });
  });

  it('reads an answer that begins with a byte order mark or blank lines', () => {
    const text = JSON.stringify({ id: 'x', usage: usage(1, 2) });
    expect(readDocument(CHAT, `\uFEFF${text}`).usage?.output_tokens).toBe(2);
    expect(readDocument(CHAT, `\n\n   \n${text}\n`).usage?.output_tokens).toBe(2);
  });

  it.each([
    '',
    'WEBVTT',
    '[]',
    '{"id":"x"',
    '{"id":"x",',
    '"text"',
    'null',
    '{"usage":{"prompt_tokens":1}',
    '\u0000\u0001',
    '{'.repeat(9999),
  ])('leaves the finding as it is for bytes that are no JSON object: %j', (text) => {
    expect(readDocument(CHAT, text)).toEqual(meterFor(CHAT).finding);
  });

  it('decodes keys that are written with escapes', () => {
    const call = '{"message":{"tool\\u005fcalls":[{"id":"a"}]}}';
    expect(readDocument(CHAT, `{"choices":[${call}],"usage":{"total_tokens":1}}`).usage?.tool_calls).toBe(1);
    expect(readDocument(CHAT, '{"us\\u0061ge":{"prompt_tokens":4,"completion_tokens":1}}').usage?.input_tokens).toBe(4);
  });

  it('takes the last of two members of one name, as parsers do', () => {
    const found = readDocument(CHAT, '{"usage":{"total_tokens":1},"usage":{"total_tokens":2}}');
    expect(found.usage?.total_tokens).toBe(2);
  });
});

it('reads the events of a stream as they come from the wire', () => {
  const body = Buffer.from(
    `: hello\r\n\r\ndata: ${JSON.stringify(chunk({ content: 'ü' }))}\r\n\r\ndata: ${JSON.stringify(end({ usage: usage(2, 1) }))}\r\n\r\ndata: [DONE]`,
  );
  const meter = meterFor(CHAT);
  const results = splitEvents(body).map(({ data, name }) => meter.readEvent(data, name));
  expect(results).toEqual(['more', 'more', 'terminal']);
  expect(meter.finding.usage?.total_tokens).toBe(3);
});
