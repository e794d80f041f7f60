import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DocumentPassage } from '../../../src/streaming/document-passage.ts';
import { pass } from './passed.ts';
import { cutAt, everyCut, places } from './scanned.ts';

const DOCUMENT = Buffer.from('{"id":"chatcmpl-1","usage":{"total_tokens":3}}');
const LIMITS = { expectedBytes: null, maxHeldBytes: 1000, maxDocumentBytes: 1000 };

describe('a document', () => {
  it('waits whole for its release, and can be read before', async () => {
    for (const chunks of everyCut(DOCUMENT)) {
      const passage = new DocumentPassage(LIMITS);
      for (const chunk of chunks) expect(passage.push(Buffer.from(chunk))).toBeNull();
      expect(passage.document()?.equals(DOCUMENT)).toBe(true);
      expect(passage.spilled).toBe(false);
      expect(Buffer.concat(passage.release()).equals(DOCUMENT)).toBe(true);
    }
  });

  it('may be empty', async () => {
    const passage = new DocumentPassage(LIMITS);
    expect((await pass(passage, [])).all).toHaveLength(0);
    expect(new DocumentPassage(LIMITS).document()).toHaveLength(0);
  });
});

describe('a document that is too large to be held', () => {
  it('passes from there on, and can still be read', () => {
    const passage = new DocumentPassage({ ...LIMITS, maxHeldBytes: 10 });
    expect(passage.push(Buffer.from('0123456789'))).toBeNull();
    expect(passage.push(Buffer.from('a'))?.toString()).toBe('0123456789a');
    expect(passage.spilled).toBe(true);
    expect(passage.push(Buffer.from('b'))?.toString()).toBe('b');
    expect(passage.document()?.toString()).toBe('0123456789ab');
    expect(passage.release()).toEqual([]);
  });

  it('keeps its last chunk where its length is known', async () => {
    const passage = new DocumentPassage({ ...LIMITS, expectedBytes: 14, maxHeldBytes: 10 });
    const { before, held } = await pass(
      passage,
      ['0123456789', 'a', 'b', 'cd'].map((text) => Buffer.from(text)),
    );
    expect([before.toString(), held.toString()]).toEqual(['0123456789ab', 'cd']);
  });

  it('is held all the same where the chunk that makes it too large is its last', async () => {
    const passage = new DocumentPassage({ ...LIMITS, expectedBytes: 11, maxHeldBytes: 10 });
    const { before, held } = await pass(passage, [Buffer.from('0123456789'), Buffer.from('a')]);
    expect([before.toString(), held.toString()]).toEqual(['', '0123456789a']);
  });

  it('is not read where it is too large for that as well', () => {
    const passage = new DocumentPassage({ ...LIMITS, maxHeldBytes: 10, maxDocumentBytes: 12 });
    passage.push(Buffer.from('0123456789ab'));
    expect(passage.document()?.toString()).toBe('0123456789ab');
    passage.push(Buffer.from('c'));
    expect(passage.document()).toBeNull();
  });
});

describe('a document that takes too long', () => {
  it('is let out, and passes from there on', () => {
    const passage = new DocumentPassage(LIMITS);
    passage.push(Buffer.from('  \n'));
    passage.push(Buffer.from(' '));
    expect(passage.spill()?.toString()).toBe('  \n ');
    expect(passage.push(Buffer.from('{}'))?.toString()).toBe('{}');
    expect(passage.document()?.toString()).toBe('  \n {}');
  });

  it('passes from its first byte on where nothing has come yet', () => {
    const passage = new DocumentPassage(LIMITS);
    expect(passage.spill()).toBeNull();
    expect(passage.push(Buffer.from(' '))?.toString()).toBe(' ');
  });

  it('is not let out when it is whole', () => {
    const passage = new DocumentPassage({ ...LIMITS, expectedBytes: 2 });
    passage.push(Buffer.from('{}'));
    expect(passage.spill()).toBeNull();
    expect(Buffer.concat(passage.release()).toString()).toBe('{}');
  });
});

it('passes any bytes as they are, whatever is held and let out', () => {
  const arbitrary = [fc.uint8Array({ maxLength: 200 }), places, fc.nat(100), fc.boolean(), fc.nat(6)] as const;
  return fc.assert(
    fc.asyncProperty(...arbitrary, async (bytes, cuts, maxHeldBytes, isLengthKnown, spillAfter) => {
      const document = Buffer.from(bytes);
      const expectedBytes = isLengthKnown ? document.length : null;
      const passage = new DocumentPassage({ expectedBytes, maxHeldBytes, maxDocumentBytes: 150 });
      const out: Buffer[] = [];
      for (const [i, chunk] of cutAt(document, cuts).entries()) {
        if (i === spillAfter) out.push(passage.spill() ?? Buffer.alloc(0));
        out.push(passage.push(Buffer.from(chunk)) ?? Buffer.alloc(0));
      }
      const read = passage.document();
      if (isLengthKnown && document.length > 0) expect(Buffer.concat(out).length).toBeLessThan(document.length);
      expect(Buffer.concat([...out, ...passage.release()]).equals(document)).toBe(true);
      if (document.length > 150) expect(read).toBeNull();
      else expect(read?.equals(document)).toBe(true);
    }),
  );
});
