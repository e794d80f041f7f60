import fc from 'fast-check';
import type { ScriptedStream } from './piece-upstream.ts';

/** The usage that every stream of this file tells, if it tells any. */
export const USAGE = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } as const;

/** One event, before its lines are ended. */
export interface ScriptedEvent {
  /** Its lines when usage is asked for; null where it is then not sent. */
  readonly asked: readonly Buffer[] | null;
  /** The same for those who do not ask. */
  readonly unasked: readonly Buffer[] | null;
}

export interface StreamStyle {
  /** The line ends to take in turn. A CR is never followed by an LF alone, which would belong to it. */
  readonly lineEnds: readonly ('\n' | '\r\n' | '\r')[];
  readonly byteOrderMark: boolean;
  /** What is missing at the end of the stream. */
  readonly end: 'blank line' | 'line end' | 'nothing';
}

/** Puts a stream together, as it is sent to those who ask and to those who do not. */
export function scriptStream(events: readonly ScriptedEvent[], style: StreamStyle): ScriptedStream {
  const asked: Buffer[] = [];
  const unasked: Buffer[] = [];
  if (style.byteOrderMark) for (const side of [asked, unasked]) side.push(Buffer.from('\ufeff'));
  const nextLineEnd = lineEndsOf(style.lineEnds);
  for (const [index, event] of events.entries()) {
    const isLast = index === events.length - 1;
    const lines = Math.max(event.asked?.length ?? 0, event.unasked?.length ?? 0);
    // Both sides have the same line ends: where one has an event the other has not, nothing else moves.
    const ends = Array.from({ length: lines + 1 }, nextLineEnd);
    if (isLast && style.end !== 'nothing') ends.pop();
    if (isLast && style.end === 'line end') ends.pop();
    for (const [side, own] of [
      [asked, event.asked],
      [unasked, event.unasked],
    ] as const) {
      if (own !== null) side.push(...ended(own, ends));
    }
  }
  return { asked: Buffer.concat(asked), unasked: Buffer.concat(unasked) };
}

function ended(lines: readonly Buffer[], ends: readonly string[]): Buffer[] {
  return [...lines, Buffer.alloc(0)].flatMap((line, i) => [line, Buffer.from(ends[i] ?? '')]);
}

function lineEndsOf(cycle: readonly string[]): () => string {
  let at = 0;
  let before = '';
  return () => {
    const next = cycle[at++ % cycle.length] ?? '\n';
    before = before === '\r' && next === '\n' ? '\r\n' : next;
    return before;
  };
}

const line = (text: string) => Buffer.from(text);

/** What an upstream writes in the place of usage on other events, when asked. */
export type Quiet = '' | ',"usage":null';

/** An event with text, as OpenAI and its kin send it. */
export function contentEvent(text: string, quiet: Quiet, tail = ''): ScriptedEvent {
  const head = '{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":';
  const choices = `${head}{"content":${JSON.stringify(text)}},"finish_reason":null}]`;
  return { asked: [line(`data: ${choices}${quiet}${tail}}`)], unasked: [line(`data: ${choices}${tail}}`)] };
}

/** The event that asking for usage adds. */
export const USAGE_EVENT: ScriptedEvent = {
  asked: [line(`data: {"id":"chatcmpl-1","model":"m","choices":[],"usage":${JSON.stringify(USAGE)}}`)],
  unasked: null,
};

/** The same in several data lines, and without the optional space. */
export const USAGE_EVENT_IN_LINES: ScriptedEvent = {
  asked: [
    line('data:{"id":"chatcmpl-1","model":"m","choices":[],'),
    line(': in between'),
    line('data: "usage":'),
    line(`data:${JSON.stringify(USAGE)}}`),
  ],
  unasked: null,
};

export const DONE = sameForAll('data: [DONE]');

/** Lines that do not depend on usage. */
export function sameForAll(...lines: readonly (string | Buffer)[]): ScriptedEvent {
  const bytes = lines.map((text) => Buffer.from(text));
  return { asked: bytes, unasked: bytes };
}

/** Events that carry no usage, of every shape: comments, other fields, several data lines, bytes that mean nothing. */
const ODD_EVENTS: readonly ScriptedEvent[] = [
  sameForAll(': ping'),
  sameForAll(':'),
  sameForAll('event: ping', 'data: {}'),
  sameForAll('id: 7', 'retry: 100', 'data: {"choices":[]}'),
  sameForAll('data'),
  sameForAll('data:'),
  sameForAll('data: [DONE'),
  sameForAll('data: {"id":"chatcmpl-1","choices":', 'data: [{"index":0,"delta":{"content":"a"}}]}'),
  sameForAll('data: {"id":"chatcmpl-1","choices":[{"delta":{"content":"\\"usage\\":null"}}]}'),
  sameForAll('data: {"choices":[{"delta":{"content":"\ud83d\udc4b \u00fc"}}]}'),
  sameForAll('unknown field', 'data:  two spaces'),
  sameForAll(Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0x20, 0x00, 0xff, 0xfe, 0xc3, 0x28, 0x00])),
  sameForAll(
    Buffer.concat([
      Buffer.from('data: {"choices":[{"delta":{"content":"'),
      Buffer.from([0x00, 0x80, 0xe2, 0x82]),
      Buffer.from('"}}]}'),
    ]),
  ),
];

/** Bytes of a data line: any but those that end a line. */
const junk = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) =>
    sameForAll(Buffer.concat([Buffer.from('data: '), Buffer.from(bytes.filter((byte) => byte !== 10 && byte !== 13))])),
  );

/** Any stream, with or without usage, and how it ends. */
export interface AnyStream {
  readonly stream: ScriptedStream;
  /** Whether it tells usage to those who ask. */
  readonly tellsUsage: boolean;
}

/** Streams of up to `maxEvents` events, with texts of up to `maxTextLength` characters. */
export function anyStream(limits: { maxEvents: number; maxTextLength: number }): fc.Arbitrary<AnyStream> {
  const content = fc.record({
    text: fc.string({ unit: 'grapheme', maxLength: 30 }),
    repeated: fc.nat(Math.max(1, Math.floor(limits.maxTextLength / 30))),
    tail: fc.constantFrom('', ',"obfuscation":"abc"', ' '),
  });
  return fc
    .record({
      quiet: fc.constantFrom<Quiet>('', ',"usage":null'),
      events: fc.array(fc.oneof({ weight: 4, arbitrary: content }, fc.constantFrom(...ODD_EVENTS), junk), {
        maxLength: limits.maxEvents,
      }),
      usage: fc.constantFrom(USAGE_EVENT, USAGE_EVENT, USAGE_EVENT_IN_LINES, null),
      done: fc.constantFrom(0, 1, 1, 2),
      style: fc.record({
        lineEnds: fc.array(fc.constantFrom<'\n' | '\r\n' | '\r'>('\n', '\r\n', '\r'), { minLength: 1, maxLength: 5 }),
        byteOrderMark: fc.boolean(),
        end: fc.constantFrom<StreamStyle['end']>('blank line', 'line end', 'nothing', 'nothing'),
      }),
    })
    .map(({ quiet, events, usage, done, style }) => ({
      stream: scriptStream(
        [
          contentEvent('', quiet),
          ...events.map((event) =>
            'asked' in event ? event : contentEvent(event.text.repeat(event.repeated), quiet, event.tail),
          ),
          ...(usage === null ? [] : [usage]),
          ...Array.from({ length: done }, () => DONE),
        ],
        style,
      ),
      tellsUsage: usage !== null,
    }));
}
