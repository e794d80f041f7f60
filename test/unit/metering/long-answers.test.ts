import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AnswerMeter } from '../../../src/metering/answer-meter.ts';
import type { Endpoint } from '../../../src/metering/endpoints.ts';
import { classifyEndpoint } from '../../../src/metering/endpoints.ts';

/** What a response says, as a parser knows it. */
interface Said {
  readonly id: string | null;
  readonly model: string | null;
  readonly tier: string | null;
  readonly status: string | null;
  readonly usage: unknown;
  readonly calls: number;
}

const space = fc.constantFrom('', '', '', ' ', '\n', '\t ', '\r\n');
const trap = fc.constantFrom(
  ...[
    '"',
    '\\',
    ': ',
    '":',
    '","',
    '}}',
    '","usage":{"input_tokens":9},"a":"',
    '"}]}',
    '{"type":"function_call"},',
    '👋é',
  ],
  'The quick brown fox says "hello" to the lazy dog.\n',
  'Note: of `a` and "b", see https://example.com/x?y=1. ',
);
const longText = fc.tuple(fc.array(trap, { minLength: 1, maxLength: 5 }), fc.nat(4000)).map(([parts, length]) => {
  const text = `So "quoted". ${parts.join('')}`;
  return text.repeat(1 + Math.ceil(length / text.length));
});
const usage = fc
  .tuple(fc.integer({ min: 1, max: 10_000 }), fc.nat(10_000))
  .map(([input, output]) => ({ input_tokens: input, output_tokens: output, total_tokens: input + output }));
const item = fc.record({
  type: fc.constantFrom('message', 'function_call', 'web_search_call', 'function_call_output', 'reasoning'),
  content: fc.array(fc.record({ text: longText, usage, model: fc.constant('nested') }), { maxLength: 2 }),
  arguments: longText,
});
const tool = fc.record({ name: fc.constantFrom('model', 'usage'), parameters: fc.record({ usage, status: longText }) });

const listed = fc.oneof(longText, fc.constantFrom('usage', '},', ': x'), fc.record({ text: longText }), usage);

/** Members of a response, some of them twice; `JSON.parse` takes the last. */
const member = fc.oneof(
  fc.tuple(fc.constant('id'), fc.constantFrom('resp_1', 'resp_2')),
  fc.tuple(fc.constant('model'), fc.constantFrom('gpt-5-mini', 'gpt-5', null)),
  fc.tuple(fc.constant('service_tier'), fc.constantFrom('default', 'flex', 'priority')),
  fc.tuple(fc.constant('status'), fc.constantFrom('completed', 'incomplete')),
  fc.tuple(fc.constant('usage'), fc.option(usage, { freq: 5 })),
  fc.tuple(fc.constant('output'), fc.array(item, { maxLength: 3 })),
  fc.tuple(fc.constant('instructions'), longText),
  fc.tuple(fc.constantFrom('tools', 'metadata'), fc.array(tool, { maxLength: 3 })),
  fc.tuple(fc.constant('input'), fc.array(listed, { maxLength: 5 })),
  fc.tuple(fc.constantFrom('user', 'a b', '', 'id\n'), fc.oneof(longText, usage, fc.constant(1.5))),
);
const response = fc
  .array(fc.tuple(member, space, space, space), { minLength: 3, maxLength: 12 })
  .map((members) =>
    members.map(([[key, value], a, b, c]) => `${a}${JSON.stringify(key)}${b}:${JSON.stringify(value)}${c}`),
  )
  .map((texts) => `{${texts.join(',')}}`);
const event = fc
  .tuple(
    response,
    fc.constantFrom('', '"sequence_number":52,'),
    fc.constantFrom('', ',"sequence_number":52', ',"x":{"usage":{"input_tokens":8}}'),
  )
  .map(([text, before, after]) => `{"type":"response.completed",${before}"response":${text}${after}}`);

const RESPONSES = endpoint('responses');

function endpoint(path: string): Endpoint {
  return classifyEndpoint('POST', path);
}

function said(answer: Record<string, unknown>): Said {
  const text = (name: string) => (typeof answer[name] === 'string' ? answer[name] : null);
  const output = Array.isArray(answer['output']) ? answer['output'] : [];
  return {
    id: text('id'),
    model: text('model'),
    tier: text('service_tier'),
    status: text('status'),
    usage: answer['usage'] ?? null,
    calls: output.filter((one: { type: string }) => one.type.endsWith('_call')).length,
  };
}

function read(meter: AnswerMeter): Said {
  const { upstreamId, responseModel, serviceTier, responseStatus, usageRaw } = meter.finding;
  return {
    id: upstreamId,
    model: responseModel,
    tier: serviceTier,
    status: responseStatus,
    usage: usageRaw,
    calls: meter.toolCalls,
  };
}

it('reads of a long event what a parser would, wherever it stands and whatever stands beside it', () => {
  fc.assert(
    fc.property(event, (text) => {
      const meter = new AnswerMeter(RESPONSES);
      expect(meter.readEvent(Buffer.from(text), 'response.completed')).toBe('terminal');
      expect(read(meter)).toEqual(said(JSON.parse(text).response));
    }),
    { numRuns: 400 },
  );
});

it('reads the same of a response that comes as a document', () => {
  fc.assert(
    fc.property(response, (text) => {
      const meter = new AnswerMeter(RESPONSES);
      meter.readDocument(Buffer.from(text));
      expect(read(meter)).toEqual(said(JSON.parse(text)));
    }),
    { numRuns: 200 },
  );
});

it('takes no usage from an event that is cut', () => {
  fc.assert(
    fc.property(event, fc.nat(), (text, cut) => {
      const bytes = Buffer.from(text);
      const meter = new AnswerMeter(RESPONSES);
      expect(meter.readEvent(bytes.subarray(0, cut % bytes.length), 'response.completed')).toBe('more');
      expect(meter.finding.usageRaw).toBeNull();
    }),
    { numRuns: 400 },
  );
});

it('reads the usage and the calls of a long chat answer as a parser would', () => {
  const call = fc.record({
    id: fc.constant('call_1'),
    type: fc.constant('function'),
    function: fc.record({ name: fc.constant('f'), arguments: longText }),
  });
  const choice = fc.record({
    index: fc.nat(3),
    message: fc.record({ content: longText, tool_calls: fc.array(call, { maxLength: 2 }) }),
    finish_reason: fc.constant('stop'),
  });
  const answer = fc.record({
    id: fc.constant('c1'),
    choices: fc.array(choice, { minLength: 1, maxLength: 3 }),
    model: fc.constant('gpt-5'),
    usage,
  });
  const name = fc.constantFrom('tool_calls', 'tool\\u005fcalls', 't\\u006Fol_calls', '\\u0074ool\\u005Fcalls');
  const beside = fc
    .constantFrom('', '1000 ', '0 00 000 '.repeat(4000), '\\u0000', '\\\\u00')
    .map((text) => text.repeat(60));
  fc.assert(
    fc.property(answer, name, beside, (value, key, text) => {
      const meter = new AnswerMeter(endpoint('chat/completions'));
      const written = JSON.stringify(value).replaceAll('"tool_calls"', `"x":"${text}${'y'.repeat(17_000)}","${key}"`);
      meter.readDocument(Buffer.from(written));
      expect(meter.finding.usageRaw).toEqual(value.usage);
      expect(meter.toolCalls).toBe(value.choices.reduce((sum, one) => sum + one.message.tool_calls.length, 0));
    }),
  );
});
