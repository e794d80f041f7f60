import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventScanner } from '../../../src/streaming/event-scanner.ts';
import { splitRawEvents } from '../../support/raw-events.ts';
import { anyBytes, anyStream, byteByByte, cutAt, everyCut, meaning, places, scan } from './scanned.ts';

const LF = 'event: a\ndata: {"x":1}\n\ndata: é👋\n\n';
const VARIANTS: readonly (readonly [string, string, { data: string | null; name: string | null }[]])[] = [
  [
    'LF',
    LF,
    [
      { data: '{"x":1}', name: 'a' },
      { data: utf8('é👋'), name: null },
    ],
  ],
  [
    'CRLF',
    LF.replaceAll('\n', '\r\n'),
    [
      { data: '{"x":1}', name: 'a' },
      { data: utf8('é👋'), name: null },
    ],
  ],
  [
    'CR',
    LF.replaceAll('\n', '\r'),
    [
      { data: '{"x":1}', name: 'a' },
      { data: utf8('é👋'), name: null },
    ],
  ],
  ['mixed line ends', 'data: a\r\n\ndata: b\n\rdata: c\r\r\n', [one('a'), one('b'), one('c')]],
  ['a byte order mark', '\ufeffdata: a\n\ndata: b\n\n', [one('a'), one('b')]],
  ['a byte order mark later', 'data: a\n\n\ufeffdata: b\n\n', [one('a'), none()]],
  ['comments', ': OPENROUTER PROCESSING\n\ndata: a\n: in between\ndata: b\n\n', [none(), one('a\nb')]],
  ['several data lines', 'data: a\ndata:\ndata: b\r\ndata: c\n\n', [one('a\n\nb\nc')]],
  ['no space after the colon', 'data:{}\n\ndata:  two\n\n', [one('{}'), one(' two')]],
  ['data without a colon', 'data\n\ndata\ndata\n\n', [one(''), one('\n')]],
  ['fields that only begin alike', 'database: x\ndata\u0000: y\nevents: z\n\n', [none()]],
  ['other fields', 'id: 7\nretry: 10\nfoo\ndata: a\n\n', [one('a')]],
  ['the last of several names', 'event: a\nevent:b\ndata: x\n\n', [{ data: 'x', name: 'b' }]],
  ['an empty name', 'event:\ndata: x\n\n', [{ data: 'x', name: '' }]],
  ['no final blank line', 'data: a\n\ndata: b\n', [one('a'), one('b')]],
  ['no final line end', 'data: a\n\ndata: b', [one('a'), one('b')]],
  ['a lone CR at the end', 'data: a\n\ndata: b\r', [one('a'), one('b')]],
  ['several blank lines', '\n\ndata: a\n\n\n\n', [none(), none(), one('a'), none(), none()]],
  ['a NUL', 'data: a\u0000b\n\n', [one('a\u0000b')]],
  ['nothing', '', []],
  ['a line that is no event stream', 'error: boom\n', [none()]],
];

describe('a stream with', () => {
  it.each(VARIANTS)('%s has the same events however it is cut', (_, stream, expected) => {
    const bytes = Buffer.from(stream);
    expect(meaning(scan([bytes]))).toEqual(expected);
    for (const chunks of everyCut(bytes)) expect(meaning(scan(chunks)), describeCut(chunks)).toEqual(expected);
  });

  it('characters that are cut in two, and bytes that are no UTF-8, gives them as they are', () => {
    const broken = Buffer.concat([
      Buffer.from('data: '),
      Buffer.from([0xc3, 0x28, 0xff, 0xfe, 0x80]),
      Buffer.from('\n\n'),
    ]);
    for (const chunks of everyCut(broken)) {
      expect(scan(chunks).events.map(({ data }) => data)).toEqual(['\u00c3(\u00ff\u00fe\u0080']);
    }
  });

  it('empty chunks in it is not disturbed', () => {
    const chunks = byteByByte(Buffer.from('data: a\r\n\r\ndata: b\r\n\r\n')).flatMap((chunk) => [
      chunk,
      Buffer.alloc(0),
    ]);
    expect(meaning(scan(chunks))).toEqual([one('a'), one('b')]);
  });
});

describe('where an event lies', () => {
  it('is told in the chunk that is being pushed, without a copy', () => {
    const chunk = Buffer.from('data: a\n\n: c\n\ndata: b\n\n');
    const { events } = scan([chunk]);
    expect(events.map(({ bytes }) => bytes.toString())).toEqual(['data: a\n\n', ': c\n\n', 'data: b\n\n']);
  });

  it('leaves the LF of a CRLF that was cut in two between the events', () => {
    const { events, pieces } = scan(cutAt(Buffer.from('data: a\r\n\r\ndata: b\r\n\r\n'), [10]));
    expect(events.map(({ bytes }) => bytes.toString())).toEqual(['data: a\r\n\r', 'data: b\r\n\r\n']);
    expect(pieces.map(String)).toEqual(['data: a\r\n\r', '\n', 'data: b\r\n\r\n']);
  });
});

describe('an event that is longer than is kept', () => {
  const long = `data: ${'x'.repeat(100)}\n`;
  const stream = Buffer.from(`data: a\n\n${long}data: more\n\ndata: b\n\n`);

  it('is told of once and not read, and those after it are', () => {
    for (const chunks of everyCut(stream)) {
      if (chunks.length < 3) continue; // whole events of any length are read where they lie
      const { events, oversizedAt } = scan(chunks, 40);
      expect(events.map(({ data }) => data)).toEqual(['a', 'b']);
      expect(oversizedAt).toEqual([41]);
    }
  });

  it('may be so by its lines, which are not kept without a bound either', () => {
    const lines = Buffer.from(`${'\n:'.repeat(600_000).slice(1)}`);
    const { events, oversizedAt } = scan([lines, Buffer.from('\n\ndata: b\n\n')], 1e9);
    expect(events.map(({ data }) => data)).toEqual(['b']);
    expect(oversizedAt).toEqual([lines.length]);
  });

  it('may end the stream', () => {
    const { events, oversizedAt } = scan(byteByByte(Buffer.from(`data: a\n\n${long}`)), 40);
    expect(events.map(({ data }) => data)).toEqual(['a']);
    expect(oversizedAt).toEqual([41]);
  });

  it('may be followed by another one', () => {
    const { events, oversizedAt } = scan(byteByByte(Buffer.from(`${long}\n${long}\ndata: b\n\n`)), 40);
    expect(events.map(({ data }) => data)).toEqual(['b']);
    expect(oversizedAt).toEqual([41, 41]);
  });

  it('is not taken for the start of the stream by a byte order mark after it', () => {
    const { events } = scan(byteByByte(Buffer.from(`${long}\n\ufeffdata: b\n\n`)), 40);
    expect(events.map(({ data }) => data)).toEqual([null]);
  });
});

describe('any stream', () => {
  it('is the sum of its events and what lies between them', () => {
    fc.assert(
      fc.property(fc.oneof(anyStream, anyBytes), places, (stream, cuts) => {
        expect(Buffer.concat(scan(cutAt(stream, cuts)).pieces).equals(stream)).toBe(true);
      }),
    );
  });

  it('has events that do not depend on how it is cut', () => {
    fc.assert(
      fc.property(fc.oneof(anyStream, anyBytes), places, (stream, cuts) => {
        const whole = meaning(scan([stream]));
        expect(meaning(scan(cutAt(stream, cuts)))).toEqual(whole);
        expect(meaning(scan(byteByByte(stream)))).toEqual(whole);
      }),
    );
  });

  it('has the events that the specification says', () => {
    fc.assert(
      fc.property(fc.oneof(anyStream, anyBytes), (stream) => {
        const specified = splitRawEvents(stream).map(({ data, name }) => ({
          data: data === null ? null : data.toString('latin1'),
          name,
        }));
        expect(meaning(scan([stream]))).toEqual(specified);
      }),
    );
  });
});

it('looks at each byte a few times at most, also where LF and CR both occur', () => {
  let looks = 0;
  const chunk = Buffer.from(`${'a\n'.repeat(2000)}\r${'b\r'.repeat(2000)}\n`);
  const indexOf = (value: number, from = 0) => {
    const found = Buffer.prototype.indexOf.call(chunk, value, from);
    looks += (found < 0 ? chunk.length : found) - from + 1;
    return found;
  };
  const scanner = new EventScanner({ event: () => undefined, oversized: () => undefined }, { maxEventBytes: 1e6 });
  scanner.push(Object.assign(chunk, { indexOf }));
  expect(looks).toBeGreaterThan(0);
  expect(looks).toBeLessThan(4 * chunk.length);
});

function one(data: string) {
  return { data, name: null };
}

function none() {
  return { data: null, name: null };
}

/** As the tests read bytes: one character each. */
function utf8(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function describeCut(chunks: readonly Buffer[]): string {
  return JSON.stringify(chunks.map(String));
}
