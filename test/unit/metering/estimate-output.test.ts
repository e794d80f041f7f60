import { describe, expect, it } from 'vitest';
import { AnswerMeter } from '../../../src/metering/answer-meter.ts';
import { classifyEndpoint } from '../../../src/metering/endpoints.ts';
import { type OutputText, outputTextOf } from '../../../src/metering/estimate-output.ts';

type Event = object | string | readonly [name: string, data: object | string];

const CHAT = 'chat/completions';
const NOTHING = { sample: '', factor: 1, fixedTokens: 0 };
const textOf = (value: object | string) => (typeof value === 'string' ? value : JSON.stringify(value));

function meterOf(path: string): AnswerMeter {
  return new AnswerMeter(classifyEndpoint('POST', path));
}

function outputOf(path: string, meter: AnswerMeter): OutputText | null {
  return meter.evidence === null ? null : outputTextOf(classifyEndpoint('POST', path), meter.evidence);
}

function ofDocument(path: string, document: object | string): OutputText | null {
  const meter = meterOf(path);
  meter.readDocument(Buffer.from(textOf(document)));
  return outputOf(path, meter);
}

function ofEvents(path: string, events: readonly Event[]): OutputText | null {
  const meter = meterOf(path);
  for (const event of events) {
    const [name, data] = isNamed(event) ? event : [null, event];
    meter.readEvent(Buffer.from(textOf(data)), name);
  }
  return outputOf(path, meter);
}

function isNamed(event: Event): event is readonly [string, object | string] {
  return Array.isArray(event);
}

const delta = (members: object) => ({ id: 'chatcmpl-1', model: 'm', choices: [{ index: 0, delta: members }] });

describe('the text of a whole answer', () => {
  it.each([
    [CHAT, { choices: [{ message: { role: 'assistant', content: 'Hi', refusal: null } }] }, 'Hi'],
    [
      CHAT,
      {
        choices: [
          {
            message: {
              reasoning_content: 'Hm. ',
              reasoning: 'Hm. ',
              content: 'Hi',
              annotations: [{ url_citation: { content: 'no' } }],
              tool_calls: [{ id: 'call_1', function: { name: 'look', arguments: '{}' } }],
            },
            logprobs: { content: [{ token: 'no', text: 'no' }] },
          },
          { message: { refusal: 'No.' } },
        ],
      },
      'Hm. Hilook{}No.',
    ],
    ['completions', { choices: [{ text: 'a', logprobs: { tokens: ['no'] } }, { text: 'b' }] }, 'ab'],
    [
      'responses',
      {
        id: 'resp_1',
        instructions: 'not the model',
        tools: [{ name: 'no' }],
        output: [
          { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm. ' }], encrypted_content: 'gAAA' },
          { type: 'message', content: [{ type: 'output_text', text: 'Hi', annotations: [{ text: 'no' }] }] },
          { type: 'function_call', name: 'look', arguments: '{}', call_id: 'call_1' },
        ],
        text: { format: { type: 'text' } },
      },
      'Hm. Hilook{}',
    ],
    ['embeddings', { object: 'list', data: [{ embedding: [0.1, 0.2] }], model: 'm' }, ''],
  ])('%s %j', (path, document, sample) => {
    expect(ofDocument(path, document)).toEqual({ text: { ...NOTHING, sample }, isAnswer: true });
  });

  it('is found as far as the answer came', () => {
    const cut = '{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Once upon a ti';
    expect(ofDocument(CHAT, cut)).toEqual({ text: { ...NOTHING, sample: 'Once upon a ti' }, isAnswer: true });
  });

  it.each([['{}'], ['{"message":"It works!"}'], ['<html>'], ['']])('is none of a model in %s', (document) => {
    expect(ofDocument(CHAT, document)).toMatchObject({ isAnswer: false });
  });
});

describe('the text of a stream', () => {
  it('is that of its deltas', () => {
    const events = [
      delta({ role: 'assistant', content: '' }),
      delta({ reasoning_content: 'Hm. ', reasoning: 'Hm. ' }),
      delta({ content: 'He' }),
      delta({ content: 'llo' }),
      delta({ tool_calls: [{ index: 0, function: { name: 'look', arguments: '' } }] }),
      delta({ tool_calls: [{ index: 0, function: { arguments: '{}' } }] }),
      '[DONE]',
    ];
    expect(ofEvents(CHAT, events)).toEqual({ text: { ...NOTHING, sample: 'Hm. Hellolook{}' }, isAnswer: true });
  });

  it('of responses is that of the events which add to it', () => {
    const response = { instructions: 'long', output: [{ text: 'no' }] };
    const events: Event[] = [
      ['response.created', { type: 'response.created', response }],
      ['response.output_text.delta', { type: 'response.output_text.delta', delta: 'Hel', obfuscation: 'xyz' }],
      { type: 'response.output_text.delta', sequence_number: 3, delta: 'lo' },
      ['response.output_text.done', { type: 'response.output_text.done', text: 'Hello' }],
      ['response.audio.delta', { type: 'response.audio.delta', delta: 'UklGRg==' }],
      ['response.function_call_arguments.delta', { type: 'response.function_call_arguments.delta', delta: '{}' }],
      ['response.completed', { type: 'response.completed', response: { ...response, usage: null } }],
    ];
    expect(ofEvents('responses', events)).toEqual({ text: { ...NOTHING, sample: 'Hello{}' }, isAnswer: true });
  });

  it('survives events that are no JSON', () => {
    const events = [delta({ content: 'a' }), '{"choices":[{"delta":{"content', 'event', delta({ content: 'b' })];
    expect(ofEvents(CHAT, events)?.text.sample).toMatch(/^a/);
    expect(ofEvents(CHAT, [...events, delta({ content: 'c' })])?.text.sample).toMatch(/c$/);
  });

  it('is sampled from its beginning, and the sample stands for the whole', () => {
    const pieces = 5_000;
    const events = Array.from({ length: pieces }, () => delta({ content: 'word ' }));
    const output = ofEvents(CHAT, events);
    expect(output?.text.sample.length).toBeLessThan(2_000);
    const whole = (output?.text.sample.length ?? 0) * (output?.text.factor ?? 0);
    expect(whole / (pieces * 5)).toBeGreaterThan(0.97);
    expect(whole / (pieces * 5)).toBeLessThan(1.03);
  });

  it('is not kept beyond 8 KiB, however large the events are', () => {
    const meter = meterOf(CHAT);
    for (let i = 0; i < 100; i++) meter.readEvent(Buffer.from(textOf(delta({ content: 'x'.repeat(100_000) }))), null);
    const { evidence } = meter;
    expect(evidence).toMatchObject({ kind: 'events' });
    if (evidence?.kind !== 'events') return;
    expect(evidence.bytes.buffer.byteLength).toBe(8 * 1024);
    expect(evidence.totalBytes).toBeGreaterThan(10_000_000);
  });

  it('is a copy: the network buffers are not kept alive', () => {
    const meter = meterOf(CHAT);
    const chunk = Buffer.from(textOf(delta({ content: 'first' })));
    meter.readEvent(chunk, null);
    chunk.fill(0);
    expect(outputOf(CHAT, meter)?.text.sample).toBe('first');
  });
});

describe('nothing is kept', () => {
  it('once the usage is known', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    expect(ofEvents(CHAT, [delta({ content: 'a' }), { ...delta({}), usage }])).toBeNull();
    expect(ofDocument(CHAT, { choices: [], usage })).toBeNull();
  });

  it.each(['images/generations', 'audio/transcriptions', 'responses/compact', 'chat/completions/abc'])(
    'of answers of %s',
    (path) => {
      expect(ofDocument(path, { choices: [{ message: { content: 'a' } }] })).toBeNull();
    },
  );
});
