import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObserveEvent } from '../../../src/streaming/event-passage.ts';
import {
  type EventJudge,
  FilteredEventPassage,
  type HidingVerdict,
} from '../../../src/streaming/filtered-event-passage.ts';
import { splitRawEvents } from '../../support/raw-events.ts';
import { pass } from './passed.ts';
import { anyBytes, anyStream, byteByByte, cutAt, everyCut, places } from './scanned.ts';

const endsAtDone: ObserveEvent = (event) => (event.data?.toString() === '[DONE]' ? 'terminal' : 'more');

/** Withholds what says so; cuts `<…>` out of the rest. */
function judge(data: Buffer): HidingVerdict {
  const text = data.toString('latin1');
  if (text.includes('hide')) return { kind: 'withhold' };
  const from = text.indexOf('<');
  const to = text.indexOf('>', from) + 1;
  return from < 0 || to === 0 ? { kind: 'keep' } : { kind: 'cut', from, to };
}

/** Knows at a glance what is to be cut, in one object for all, but not what is to be withheld. */
function newJudge(): EventJudge {
  const cut = { kind: 'cut' as const, from: 0, to: 0 };
  return {
    judge,
    glance: (line) => {
      const verdict = judge(line.chunk.subarray(line.from, line.to));
      if (verdict.kind === 'withhold') return null;
      return verdict.kind === 'cut' ? Object.assign(cut, verdict) : verdict;
    },
  };
}

const newPassage = () => new FilteredEventPassage(endsAtDone, newJudge());

/** The same in one go: the bytes of the events that stay, less what is cut. */
function filtered(stream: Buffer): Buffer {
  let ended = false;
  const parts = splitRawEvents(stream).map(({ bytes, data, dataStart }) => {
    ended ||= data?.toString() === '[DONE]';
    const verdict = ended || data === null ? null : judge(data);
    if (verdict?.kind === 'withhold') return Buffer.alloc(0);
    if (verdict?.kind !== 'cut' || dataStart < 0) return bytes;
    return Buffer.concat([bytes.subarray(0, dataStart + verdict.from), bytes.subarray(dataStart + verdict.to)]);
  });
  return Buffer.concat(parts);
}

const EVENTS = [
  'data: a',
  ': c',
  'data: hide me',
  'event: x\ndata: b<cut>c',
  'data: hide too',
  'data: [DONE]',
  'data: hide',
];

describe.each([
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
])('a stream with %s', (_, end) => {
  const stream = Buffer.from(EVENTS.map((event) => event.replace('\n', end) + end + end).join(''));
  const shown = ['data: a', ': c', 'event: x\ndata: bc', 'data: [DONE]', 'data: hide'];
  const expected = shown.map((event) => event.replace('\n', end) + end + end).join('');

  it('loses what is hidden and nothing else, however it is cut', async () => {
    for (const chunks of everyCut(stream)) {
      const { all } = await pass(newPassage(), chunks);
      expect(all.toString()).toBe(expected);
    }
  });

  it('holds its terminal event and what follows', async () => {
    for (const chunks of everyCut(stream)) {
      const { before, held, complete } = await pass(newPassage(), chunks);
      expect(complete).toBe(true);
      expect(before.includes('[DONE]')).toBe(false);
      expect(held.toString().startsWith('data: [DONE]')).toBe(true);
    }
  });

  it('may end in an event without its blank line', async () => {
    for (const [rest, left] of [
      [`data: b<x>${end}`, `data: b${end}`],
      ['data: b<x>', 'data: b'],
      ['data: hide', ''],
    ] as const) {
      for (const chunks of everyCut(Buffer.from(`data: a${end}${end}${rest}`))) {
        const { all, complete } = await pass(newPassage(), chunks);
        expect(all.toString()).toBe(`data: a${end}${end}${left}`);
        expect(complete).toBe(false);
      }
    }
  });
});

describe('what goes out', () => {
  it('is each event as soon as it is whole', () => {
    const passage = newPassage();
    expect(passage.push(Buffer.from('data: a\n\nda'))?.toString()).toBe('data: a\n\n');
    expect(passage.push(Buffer.from('ta: b'))).toBeNull();
    expect(passage.push(Buffer.from('\n'))).toBeNull();
    expect(passage.push(Buffer.from('\ndata: hide\n\ndata: c\n\n'))?.toString()).toBe('data: b\n\ndata: c\n\n');
    expect(passage.push(Buffer.from('data: hide\n\n'))).toBeNull();
  });

  it('does not change any more when further chunks come', () => {
    const passage = newPassage();
    const stream = Buffer.from('data: hide\n\ndata: a\n\ndata: hide\n\ndata: b<x>\n\ndata: c\n\n'.repeat(50));
    const out: Buffer[] = [];
    const copies: Buffer[] = [];
    for (const chunk of cutAt(stream, [7, 100, 333, 334, 335, 800, 1500])) {
      const passed = passage.push(Buffer.from(chunk));
      if (passed === null) continue;
      out.push(passed);
      copies.push(Buffer.from(passed));
    }
    expect(Buffer.concat(out).equals(Buffer.concat(copies))).toBe(true);
    expect(Buffer.concat(out).toString()).toBe('data: a\n\ndata: b\n\ndata: c\n\n'.repeat(50));
  });

  it('is everything once it has been released', async () => {
    const passage = newPassage();
    await pass(passage, [Buffer.from('data: [DONE]\n\n')]);
    expect(passage.push(Buffer.from('data: hide\n\n'))?.toString()).toBe('data: hide\n\n');
  });

  it('is data of several lines as it is, or not at all', async () => {
    const stream = Buffer.from('data: a<\ndata: b>\n\ndata: hi\ndata: hide\n\n');
    const { all } = await pass(newPassage(), [stream]);
    expect(all.toString()).toBe('data: a<\ndata: b>\n\n');
  });
});

describe('the LF of a CRLF whose CR came in the chunk before', () => {
  const withheld = Buffer.from('data: hide\r\n\r');

  it('goes with an event that is withheld', () => {
    const passage = newPassage();
    expect(passage.push(Buffer.from(withheld))).toBeNull();
    expect(passage.push(Buffer.from('\n'))).toBeNull();
    expect(passage.push(Buffer.from('data: a\r\n\r\n'))?.toString()).toBe('data: a\r\n\r\n');
  });

  it('goes out with an event that is not', () => {
    const passage = newPassage();
    expect(passage.push(Buffer.from('data: a\r\n\r'))?.toString()).toBe('data: a\r\n\r');
    expect(passage.push(Buffer.from('\ndata: b'))?.toString()).toBe('\n');
  });

  it('is not mistaken for any other first byte', () => {
    const passage = newPassage();
    passage.push(Buffer.from('data: hide\r\r'));
    const rest = byteByByte(Buffer.from('data: a\r\r')).map((chunk) => passage.push(Buffer.from(chunk)));
    expect(Buffer.concat(rest.filter((part) => part !== null)).toString()).toBe('data: a\r\r');
  });
});

describe('an event that is too long to be judged', () => {
  const long = `data: hide <x>${'y'.repeat(1024 * 1024)}`;

  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('passes as it comes, with %s', async (_, end) => {
    const before = `data: a<x>${end}${end}data: hide${end}${end}`;
    const stream = Buffer.from(`${before}${long}${end}${end}data: hide${end}${end}data: b<x>${end}${end}`);
    const expected = `data: a${end}${end}${long}${end}${end}data: b${end}${end}`;
    const edge = before.length + 1024 * 1024;
    const cuts = [
      [edge],
      [edge, edge + 1, edge + 2],
      [3, 20, before.length, before.length + 1, edge, edge + 1, edge + 9],
    ];
    for (const at of [...cuts, ...cuts.map((cut) => [...cut, stream.length - 30, stream.length - 21])]) {
      const { all } = await pass(newPassage(), cutAt(stream, at));
      expect(all.equals(Buffer.from(expected))).toBe(true);
    }
  });

  it('loses no byte where the chunk that makes it too long is one byte', async () => {
    const start = 'data: hide\r\r';
    const stream = Buffer.from(`${start}${long}\r\r`);
    const edge = start.length + 1024 * 1024;
    const { all } = await pass(newPassage(), cutAt(stream, [start.length, edge, edge + 1]));
    expect(all.equals(Buffer.from(`${long}\r\r`))).toBe(true);
  });

  it('is not waited for', () => {
    const passage = newPassage();
    const stream = Buffer.from(long);
    expect(passage.push(stream.subarray(0, 1024 * 1024))).toBeNull();
    expect(passage.push(Buffer.from(stream.subarray(1024 * 1024)))?.equals(stream)).toBe(true);
    expect(passage.push(Buffer.from('more'))?.toString()).toBe('more');
  });
});

describe('any stream', () => {
  const withMarks = anyStream.map((stream) =>
    Buffer.from(stream.toString('latin1').replaceAll('[DONE]', 'hide').replaceAll('{"a":1}', 'a<b>c'), 'latin1'),
  );

  it('is what filtering it in one go gives, however it is cut', () => {
    return fc.assert(
      fc.asyncProperty(fc.oneof(withMarks, anyStream, anyBytes), places, async (stream, cuts) => {
        const expected = filtered(stream);
        for (const chunks of [cutAt(stream, cuts), byteByByte(stream), [stream]]) {
          const { all } = await pass(newPassage(), chunks);
          expect(all.toString('latin1')).toBe(expected.toString('latin1'));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('is itself where nothing is hidden', () => {
    return fc.assert(
      fc.asyncProperty(fc.oneof(anyStream, anyBytes), places, async (stream, cuts) => {
        const passage = new FilteredEventPassage(endsAtDone, { judge: () => ({ kind: 'keep' }), glance: () => null });
        const { all } = await pass(passage, cutAt(stream, cuts));
        expect(all.equals(stream)).toBe(true);
      }),
    );
  });
});
