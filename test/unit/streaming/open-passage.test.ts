import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OpenPassage } from '../../../src/streaming/passage.ts';
import { pass } from './passed.ts';
import { cutAt, everyCut, places } from './scanned.ts';

const AUDIO = Buffer.from([0xff, 0xfb, 0x90, 0x00, 0x0a, 0x0a, 0x0d, 0x00]);

it('lets bytes of unknown length through as they come', async () => {
  for (const chunks of everyCut(AUDIO)) {
    const { before, held } = await pass(new OpenPassage(null), chunks);
    expect([before.equals(AUDIO), held.length]).toEqual([true, 0]);
  }
});

it('holds the last chunk of bytes whose length is known', async () => {
  for (const chunks of everyCut(AUDIO)) {
    const { before, held, all } = await pass(new OpenPassage(AUDIO.length), chunks);
    expect(all.equals(AUDIO)).toBe(true);
    expect(held.length).toBe(chunks.at(-1)?.length);
    expect(before.length).toBe(AUDIO.length - held.length);
  }
});

it('lets all through once it has been released', () => {
  const passage = new OpenPassage(1);
  expect(passage.push(Buffer.from('a'))).toBeNull();
  expect(passage.release().map(String)).toEqual(['a']);
  expect(passage.push(Buffer.from('b'))?.toString()).toBe('b');
  expect(passage.release()).toEqual([]);
});

it('passes any bytes as they are', () => {
  return fc.assert(
    fc.asyncProperty(fc.uint8Array(), places, fc.boolean(), async (bytes, cuts, isLengthKnown) => {
      const stream = Buffer.from(bytes);
      const { all } = await pass(new OpenPassage(isLengthKnown ? stream.length : null), cutAt(stream, cuts));
      expect(all.equals(stream)).toBe(true);
    }),
  );
});
