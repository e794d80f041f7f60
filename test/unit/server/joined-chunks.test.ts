import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endsItsRead, joinedChunks } from '../../../src/server/joined-chunks.ts';

/** A read of a socket with these HTTP chunks in it, the last of them cut short by `missing` bytes. */
function readOf(bodies: readonly Buffer[], missing = 0): { chunks: Buffer[]; memory: Buffer } {
  const framed = bodies.map((body) => [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]);
  const whole = Buffer.concat(framed.flat());
  const memory = Buffer.from(new ArrayBuffer(whole.length - missing));
  whole.copy(memory);
  let at = 0;
  const chunks = framed.map(([size, body]) => {
    const start = at + (size?.length ?? 0);
    at = start + (body?.length ?? 0) + 2;
    return memory.subarray(start, Math.min(at - 2, memory.length));
  });
  return { chunks, memory };
}

const body = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes));

describe('chunks of reads', () => {
  it('are joined to the same bytes, one piece for each read', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(body, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
        fc.nat(2),
        (reads, cut) => {
          const wanted: Buffer[] = [];
          const chunks: Buffer[] = [];
          for (const bodies of reads) {
            const read = readOf(bodies, cut);
            wanted.push(Buffer.concat(read.chunks));
            chunks.push(...read.chunks);
          }
          expect(joinedChunks(chunks)).toEqual(wanted);
        },
      ),
    );
  });

  it('are joined although the last has not come whole', () => {
    const { chunks } = readOf([Buffer.from('one '), Buffer.from('two '), Buffer.from('three four')], 7);
    expect(joinedChunks(chunks).map(String)).toEqual(['one two three']);
  });

  it('take no memory', () => {
    const { chunks, memory } = readOf([Buffer.from('one '), Buffer.from('two')]);
    expect(joinedChunks(chunks)[0]?.buffer).toBe(memory.buffer);
  });

  it('leave alone what stands between chunks of the same memory and is not their framing', () => {
    const memory = Buffer.from(
      'AAAAA\r\n5\r\nBBBBB somebody else CCCCC\r\n5;x=1\r\nDDDDD\r\n4\r\nEEEEE\r\nx5\r\nFFFFF',
    );
    const before = Buffer.from(memory);
    const chunks = ['AAAAA', 'BBBBB', 'CCCCC', 'DDDDD', 'EEEEE'].map((text) => {
      const at = memory.indexOf(text);
      return memory.subarray(at, at + text.length);
    });
    expect(joinedChunks(chunks).map(String)).toEqual(['AAAAABBBBB', 'CCCCC', 'DDDDD', 'EEEEE']);
    const other = before.indexOf(' somebody');
    expect(memory.subarray(other).equals(before.subarray(other))).toBe(true);
  });

  it('are copied together where they would be many pieces', () => {
    const memory = Buffer.from('A__B__C__D__E');
    const chunks = [...'ABCDE'].map((text) => memory.subarray(memory.indexOf(text), memory.indexOf(text) + 1));
    expect(joinedChunks(chunks).map(String)).toEqual(['ABCDE']);
  });

  it.each([[[]], [['one']]])('are what they were where there are none to join: %j', (bodies: string[]) => {
    const chunks = bodies.map((text) => Buffer.from(text));
    expect(joinedChunks(chunks).map(String)).toEqual(bodies);
  });
});

describe('the chunk that a read ends with', () => {
  it('is known by its place', () => {
    const { chunks } = readOf([Buffer.from('one'), Buffer.from('two')]);
    expect(chunks.map(endsItsRead)).toEqual([false, true]);
  });

  it('is known although its line end, or a part of it, has not come yet', () => {
    expect(readOf([Buffer.from('one')], 2).chunks.map(endsItsRead)).toEqual([true]);
    expect(readOf([Buffer.from('one two')], 4).chunks.map(endsItsRead)).toEqual([true]);
  });
});
