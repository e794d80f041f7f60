import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventPassage, type ObserveEvent } from '../../../src/streaming/event-passage.ts';
import { pass } from './passed.ts';
import { anyBytes, anyStream, cutAt, everyCut, places } from './scanned.ts';

const endsAtDone: ObserveEvent = (event) => (event.data?.toString() === '[DONE]' ? 'terminal' : 'more');
const STREAM = Buffer.from('data: a\r\n\r\n: c\r\n\r\ndata: [DONE]\r\n\r\ndata: after\r\n\r\n');
const DONE_AT = STREAM.indexOf('data: [DONE]');

describe('a stream that is relayed as it comes', () => {
  it('reaches the client byte for byte, its terminal event only when it is released', async () => {
    for (const chunks of everyCut(STREAM)) {
      const { before, all, complete } = await pass(new EventPassage(endsAtDone, null), chunks);
      expect(all.equals(STREAM)).toBe(true);
      expect(complete).toBe(true);
      // A client takes an event for one only when its blank line is there.
      expect(before.includes('[DONE]\r\n\r')).toBe(false);
      expect(before.length).toBeGreaterThanOrEqual(DONE_AT);
    }
  });

  it('gives an event out before it is whole', () => {
    const passage = new EventPassage(endsAtDone, null);
    expect(passage.push(Buffer.from('data: hal'))?.toString()).toBe('data: hal');
    expect(passage.push(Buffer.from('f\n\ndata: [DO'))?.toString()).toBe('f\n\ndata: [DO');
    expect(passage.push(Buffer.from('NE]\n\nx'))).toBeNull();
    expect(passage.push(Buffer.from('y'))).toBeNull();
    expect(Buffer.concat(passage.release()).toString()).toBe('NE]\n\nxy');
    expect(passage.push(Buffer.from('z'))?.toString()).toBe('z');
    expect(passage.release()).toEqual([]);
  });

  it('shows its reader every event up to the terminal one', async () => {
    const seen: (string | null)[] = [];
    const observe: ObserveEvent = (event) => {
      seen.push(event.data === null ? null : event.data.toString());
      return endsAtDone(event);
    };
    await pass(new EventPassage(observe, null), [STREAM]);
    expect(seen).toEqual(['a', null, '[DONE]']);
  });

  it('holds nothing where no event is terminal and no length is known', async () => {
    const { before, held, complete } = await pass(new EventPassage(() => 'more', null), [STREAM]);
    expect([before.equals(STREAM), held.length, complete]).toEqual([true, 0, false]);
  });

  it('holds its last chunk where its length is known: with the last byte the client has it all', async () => {
    for (const chunks of everyCut(STREAM)) {
      const { before, held, all } = await pass(new EventPassage(() => 'more', STREAM.length), chunks);
      expect(all.equals(STREAM)).toBe(true);
      expect(before.length).toBeLessThan(STREAM.length);
      expect(held.length).toBe(chunks.at(-1)?.length);
    }
  });

  it('reads a terminal event that lacks its blank line', async () => {
    let ended = false;
    const observe: ObserveEvent = (event) => {
      ended ||= endsAtDone(event) === 'terminal';
      return endsAtDone(event);
    };
    const stream = Buffer.from('data: a\n\ndata: [DONE]');
    for (const chunks of everyCut(stream)) {
      ended = false;
      const { all, complete } = await pass(new EventPassage(observe, null), chunks);
      expect([all.equals(stream), complete, ended]).toEqual([true, true, true]);
    }
  });

  it('lets an event pass that is too long to be read', async () => {
    const long = Buffer.concat([Buffer.from('data: '), Buffer.alloc(33 * 1024 * 1024, 'x'), Buffer.from('\n\n')]);
    const chunks = [...cutAt(long, [1024 * 1024, 20 * 1024 * 1024, 33 * 1024 * 1024]), Buffer.from('data: [DONE]\n\n')];
    const seen: number[] = [];
    const observe: ObserveEvent = (event) => {
      seen.push(event.bytes.length);
      return endsAtDone(event);
    };
    const { before, held } = await pass(new EventPassage(observe, null), chunks);
    expect(before.equals(long)).toBe(true);
    expect(held.toString()).toBe('data: [DONE]\n\n');
    expect(seen).toEqual([14]);
  });
});

it('passes any bytes as they are, however they are cut', () => {
  return fc.assert(
    fc.asyncProperty(fc.oneof(anyStream, anyBytes), places, fc.boolean(), async (stream, cuts, isLengthKnown) => {
      const passage = new EventPassage(endsAtDone, isLengthKnown ? stream.length : null);
      const { all } = await pass(passage, cutAt(stream, cuts));
      expect(all.equals(stream)).toBe(true);
    }),
  );
});
