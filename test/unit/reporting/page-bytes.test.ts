import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageBytes } from '../../../src/reporting/page-bytes.ts';

const text = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes);

describe('pageBytes', () => {
  it('gives the bytes that JSON.stringify would', () => {
    const page = fc.record({
      object: fc.constant('page'),
      data: fc.array(fc.jsonValue()),
      next: fc.option(fc.string({ unit: 'binary' })),
    });
    fc.assert(
      fc.property(page, (given) => {
        expect(text(pageBytes(given))).toBe(JSON.stringify(given));
      }),
    );
  });

  it('owns its memory, so that it can be handed over', () => {
    const bytes = pageBytes({ data: ['ä', '漢', '😀'] });
    expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
    expect(text(bytes)).toBe('{"data":["ä","漢","😀"]}');
  });
});
