import { InjectedUsageHider } from '../../src/metering/injected-usage.ts';

/** An event of a server-sent stream with its bytes, as a test reads it: all at once, line by line. */
export interface RawEvent {
  /** All bytes, the blank line that closes it included. */
  readonly bytes: Buffer;
  /** The data lines joined by LF; null where there is none. */
  readonly data: Buffer | null;
  /** Where the data begins in `bytes`; -1 where it is made of several lines. */
  readonly dataStart: number;
  readonly name: string | null;
}

interface Line {
  readonly start: number;
  readonly text: string;
  readonly end: number;
}

/**
 * Splits a whole stream by the text of the specification
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). The bytes of all events together are the input; a
 * rest without a blank line is the last event.
 */
export function splitRawEvents(input: Buffer): RawEvent[] {
  const events: RawEvent[] = [];
  let lines: Line[] = [];
  let eventStart = 0;
  for (const line of linesOf(input.toString('latin1'))) {
    if (line.text !== '') {
      lines.push(line);
      continue;
    }
    events.push(readEvent(input.subarray(eventStart, line.end), lines, eventStart));
    lines = [];
    eventStart = line.end;
  }
  if (eventStart < input.length) events.push(readEvent(input.subarray(eventStart), lines, eventStart));
  return events;
}

/** What is left of a stream for a client that did not ask for usage, by the rules of the metering room. */
export function withoutInjectedUsage(input: Buffer): Buffer {
  const hider = new InjectedUsageHider();
  let ended = false;
  const parts = splitRawEvents(input).map(({ bytes, data, dataStart }) => {
    ended ||= data?.subarray(0, 6).toString() === '[DONE]';
    if (ended || data === null) return bytes;
    const verdict = hider.judge(data);
    if (verdict.kind === 'withhold') return Buffer.alloc(0);
    if (verdict.kind === 'keep' || dataStart < 0) return bytes;
    return Buffer.concat([bytes.subarray(0, dataStart + verdict.from), bytes.subarray(dataStart + verdict.to)]);
  });
  return Buffer.concat(parts);
}

function* linesOf(text: string): Generator<Line> {
  const lineEnd = /\r\n|\r|\n/g;
  let start = 0;
  for (const match of text.matchAll(lineEnd)) {
    const end = match.index + match[0].length;
    yield { start, text: text.slice(start, match.index), end };
    start = end;
  }
  if (start < text.length) yield { start, text: text.slice(start), end: text.length };
}

function readEvent(bytes: Buffer, lines: readonly Line[], eventStart: number): RawEvent {
  const values: { start: number; text: string }[] = [];
  let name: string | null = null;
  for (const line of lines) {
    const bom = line.start === 0 && line.text.startsWith('\u00ef\u00bb\u00bf') ? 3 : 0;
    const text = line.text.slice(bom);
    const [, field = '', value = ''] = /^(data|event)(?:$|: ?(.*)$)/s.exec(text) ?? [];
    const start = line.start + line.text.length - value.length - eventStart;
    if (field === 'data') values.push({ start, text: value });
    if (field === 'event') name = Buffer.from(value, 'latin1').toString('utf8');
  }
  const [first] = values;
  const data = first === undefined ? null : Buffer.from(values.map(({ text }) => text).join('\n'), 'latin1');
  return { bytes, data, dataStart: values.length === 1 && first !== undefined ? first.start : -1, name };
}
