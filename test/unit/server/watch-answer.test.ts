import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MetertapError } from '../../../src/core/errors.ts';
import { classifyEndpoint } from '../../../src/metering/endpoints.ts';
import { eventsIn } from '../../../src/metering/estimate-sample.ts';
import { type EventSkimmer, openEventSkimmer } from '../../../src/metering/event-skim/event-skimmer.ts';
import { AnswerHeaders } from '../../../src/server/answer-headers.ts';
import type { UpstreamAnswer } from '../../../src/server/dispatch.ts';
import { StreamGuard } from '../../../src/server/stream-guard.ts';
import { type UsageHiding, watchAnswer } from '../../../src/server/watch-answer.ts';
import { pass } from '../streaming/passed.ts';
import { cutAt } from '../streaming/scanned.ts';

const looksAtEach = openEventSkimmer(Buffer.from('no module'));
const skimmer = openEventSkimmer();
const chat = classifyEndpoint('POST', 'chat/completions');

/** Says how many events it has passed. */
function counted(skimmer: EventSkimmer): EventSkimmer & { passed: number } {
  const counting = {
    passed: 0,
    skim: (...chunk: Parameters<EventSkimmer['skim']>) => {
      const skimmed = skimmer.skim(...chunk);
      counting.passed += skimmed?.count ?? 0;
      return skimmed;
    },
  };
  return counting;
}

function answerOf(contentType: string): UpstreamAnswer {
  return {
    kind: 'answer',
    status: 200,
    statusText: 'OK',
    headers: new AnswerHeaders([
      { name: 'Content-Type', lowerName: 'content-type', value: contentType, line: `Content-Type: ${contentType}\r\n` },
    ]),
    forgetHeaders: () => undefined,
    attach: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
    abort: () => undefined,
  };
}

/** All that is seen of a stream: what the client has of it and when, and what the meter. */
async function seen(chunks: readonly Buffer[], hiding: UsageHiding | null, skimmer: EventSkimmer) {
  const watch = watchAnswer(answerOf('text/event-stream'), chat, { hiding, guard: null, skimmer });
  const passed = await pass(watch.passage, chunks);
  const { finding, evidence, toolCalls } = watch.meter;
  return { passed, finding, evidence, toolCalls };
}

const HIDINGS: readonly (UsageHiding | null)[] = [
  null,
  { usageOnlyWhenAsked: false },
  { usageOnlyWhenAsked: true },
  { usageOnlyWhenAsked: false, runningOnly: true },
];

const ID = '"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","model":"gpt-5-mini"';
const USAGE = '"usage":{"prompt_tokens":19,"completion_tokens":7,"total_tokens":26}';

/** What texts have that could be taken for something else, written as JSON. */
const content = fc
  .array(
    fc.constantFrom(
      '"usage":null',
      '{"usage":{"total_tokens":3}}',
      ',"usage":null}',
      '"error": {',
      '"name"',
      '\n',
      '\r',
      '\\',
      '"',
      'é',
      '👋',
      '\u0000',
      'word '.repeat(12),
      'x'.repeat(15),
    ),
    { maxLength: 5 },
  )
  .map((parts) => JSON.stringify(parts.join('')));

/** What stands behind the choices. */
const endings = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(',"usage":null', ',"usage":null,"obfuscation":"a8Kd0Wq2"') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ',"obfuscation":"a8"',
      ', "usage": null',
      ',"usage": null',
      ',"usage":null ',
      ',"usage":nope',
      ',"usage":null,"a":"b"} ',
      ',"usage":null,"usage":null',
      ',"usage":null,"other":"usage"',
      ',"usage":null,"usage":"x"',
      ',"usage":null,"names":"é👋"',
      ',"usage":null,"a":"b\\"c"',
      ',"usage":null,"a\\"":"b"',
      ',"usage":null,"a":1',
      ',"usage":null,"a":"b","c":"d"',
      ',"x":{"usage":null}',
      ',"x":{"a":1,"usage":null}',
      ',"x":{"usage":null,"a":"b"}',
      ',"x":[{"a":1,"usage":null}],"usage":null',
      ',"\\u0075sage":null',
      ',"error":null,"usage":null',
      ',"error":{"code":"boom"},"usage":null',
      ',"error" : "boom"',
      ',"event":"x","usage":null',
      `,${USAGE}`,
      ',"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}',
      `,"usage":null,"x_groq":{${USAGE}}`,
    ),
  },
);

const delta = fc.oneof(
  { weight: 6, arbitrary: content.map((text) => `{"content":${text}}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{}',
      '{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":""}}]}',
      '{"tool_calls":[{"index":0,"function":{"name":null,"arguments":"{"}}]}',
    ),
  },
);

const chatEvent = fc
  .tuple(delta, endings)
  .map(([said, end]) => `data: {${ID},"choices":[{"index":0,"delta":${said},"finish_reason":null}]${end}}\n\n`);

const otherEvent = fc.constantFrom(
  `data: {${ID},"choices":[],${USAGE}}\n\n`,
  `data: {${ID},"choices":[],${USAGE},"obfuscation":""}\n\n`,
  'data: [DONE]\n\n',
  'data: {"id":"x","usage":null}\r\n\r\n',
  'data: {"id":"x","usage":null}\n\r\n',
  'data: {"id":"x","usage":null}\rdata: x\n\n',
  'data: {"id":"x",\ndata: "usage":null}\n\n',
  'data:{"id":"x","usage":null}\n\n',
  'data:  {"id":"x","usage":null}\n\n',
  'data: {"id":"x","usage":null} \n\n',
  'data: ["x","usage":null}\n\n',
  'data: {,"usage":null}\n\n',
  'data: {"usage":null}\n\n',
  'data: {}\n\n',
  'event: error\ndata: {"id":"x","usage":null}\n\n',
  'event: x\ndata: {"id":"x","usage":null}\n\n',
  ': comment\n\n',
  ': comment\ndata: {"id":"x","usage":null}\n\n',
  '\n\n',
  `data: {"model":"late","service_tier":"flex","content":"${'long '.repeat(15_000)}","usage":null}\n\n`,
);

const stream = fc
  .array(
    fc.oneof(
      { weight: 10, arbitrary: chatEvent },
      { weight: 4, arbitrary: fc.tuple(chatEvent, fc.nat(30)).map(([event, times]) => event.repeat(times)) },
      { weight: 1, arbitrary: otherEvent },
    ),
    { minLength: 1, maxLength: 40 },
  )
  .map((events) => Buffer.from(events.join('')));

const places = fc.array(fc.nat(20_000), { maxLength: 4 });

describe('a watched chat stream', () => {
  it.each(HIDINGS)('is the same whether its events are passed together or looked at one by one: %o', async (hiding) => {
    let passedTogether = 0;
    await fc.assert(
      fc.asyncProperty(stream, places, async (bytes, cuts) => {
        const counting = counted(skimmer);
        const chunks = cutAt(bytes, cuts);
        expect(await seen(chunks, hiding, counting)).toEqual(await seen(chunks, hiding, looksAtEach));
        passedTogether += counting.passed;
      }),
      { numRuns: 400 },
    );
    if (hiding?.runningOnly) expect(passedTogether).toBe(0);
    else expect(passedTogether).toBeGreaterThan(1000);
  });

  it('that is long and plain is passed together but for its first event and its last ones', async () => {
    const event = `data: {${ID},"choices":[{"index":0,"delta":{"content":" so"}}],"usage":null,"obfuscation":"a8Kd"}\n\n`;
    const usage = `data: {${ID},"choices":[],${USAGE},"obfuscation":""}\n\n`;
    const counting = counted(skimmer);
    const { passed, finding } = await seen(
      [Buffer.from(`${event.repeat(900)}${usage}data: [DONE]\n\n`)],
      { usageOnlyWhenAsked: false },
      counting,
    );
    expect(passed.all.toString()).toBe(`${event.replace(',"usage":null', '').repeat(900)}data: [DONE]\n\n`);
    expect(finding.usage).toMatchObject({ input_tokens: 19, output_tokens: 7 });
    expect(counting.passed).toBeGreaterThan(890);
  });

  it('is read whose events are all the same, also where what is read at a time of a chunk says the same', async () => {
    const head = 'data: {"id":"chatcmpl-1","model":"m","choices":[{"index":0,"delta":{"content":"';
    const tail = '"}}]}\n\n';
    const event = `${head}${'x'.repeat(256 - head.length - tail.length)}${tail}`;
    const chunk = Buffer.from(event.repeat(16));
    for (const hiding of HIDINGS) {
      const { passed, evidence } = await seen([chunk, chunk], hiding, skimmer);
      expect(passed.all.toString()).toBe(event.repeat(32));
      if (evidence?.kind !== 'events') throw new Error('no events were kept');
      const data = event.slice('data: '.length, -2);
      expect([...eventsIn(evidence.bytes)].map(String)).toEqual(Array(32).fill(data));
    }
  });

  it('has its usage hidden beside choices where only events that were passed together had null in its place', async () => {
    const plain = `data: {${ID},"choices":[{"index":0,"delta":{"content":"${'so '.repeat(40)}"}}]}\n\n`;
    const withNull = plain.replace('}]}\n', '}],"usage":null}\n');
    const withUsage = plain.replace('}]}\n', `}],${USAGE}}\n`);
    const chunk = Buffer.from(`${plain}${withNull.repeat(20)}${withUsage}data: [DONE]\n\n`);
    const counting = counted(skimmer);
    const { passed, finding } = await seen([chunk], { usageOnlyWhenAsked: false }, counting);
    expect(passed.all.toString()).toBe(`${plain.repeat(22)}data: [DONE]\n\n`);
    expect(finding.usage).toMatchObject({ input_tokens: 19, output_tokens: 7 });
    expect(counting.passed).toBe(20);
  });

  it('is looked at event by event where a limit may end it', async () => {
    const event = `data: {${ID},"choices":[{"index":0,"delta":{"content":" so"}}],"usage":null}\n\n`;
    const refusal = () => new MetertapError('budget_exceeded', 'The budget is used up.');
    const guard = new StreamGuard({ outputTokens: 1e6, code: 'budget_exceeded', refusal }, chat);
    const counting = counted(skimmer);
    const hiding = { usageOnlyWhenAsked: false };
    const watch = watchAnswer(answerOf('text/event-stream'), chat, { hiding, guard, skimmer: counting });
    const { all } = await pass(watch.passage, [Buffer.from(event.repeat(100))]);
    expect(all.toString()).toBe(event.replace(',"usage":null', '').repeat(100));
    expect(counting.passed).toBe(0);
  });

  it('is looked at event by event where it is no stream of chat', async () => {
    const responses = classifyEndpoint('POST', 'responses');
    const counting = counted(skimmer);
    const watch = watchAnswer(answerOf('text/event-stream'), responses, {
      hiding: null,
      guard: null,
      skimmer: counting,
    });
    const event = 'data: {"type":"response.output_text.delta","delta":"so","usage":null}\n\n';
    await pass(watch.passage, [Buffer.from(event.repeat(100)), Buffer.from(event.repeat(100))]);
    expect(counting.passed).toBe(0);
  });
});
