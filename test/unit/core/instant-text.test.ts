import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instantText } from '../../../src/core/instant-text.ts';

const HOUR_MS = 3_600_000;

describe('the text of a time', () => {
  it.each([
    '1970-01-01T00:00:00.000Z',
    '1969-12-31T23:59:59.999Z',
    '2024-02-29T23:59:59.999Z',
    '2024-03-01T00:00:00.000Z',
    '2026-11-22T23:59:59.999Z',
    '2026-11-23T00:00:00.000Z',
    '2026-12-31T23:59:59.999Z',
    '2027-01-01T00:00:00.000Z',
    '2000-02-29T12:34:56.789Z',
    '2100-02-28T23:59:59.999Z',
    '2100-03-01T00:00:00.000Z',
    '0000-01-01T00:00:00.000Z',
    '9999-12-31T23:59:59.999Z',
  ])('%s', (text) => {
    expect(instantText(Date.parse(text))).toBe(text);
  });

  it('is that of Date, for every day and hour of 400 years', () => {
    const from = Date.UTC(1900, 0, 1);
    const to = Date.UTC(2301, 0, 1);
    for (let ms = from; ms < to; ms += 23 * HOUR_MS + 59 * 60_000 + 58_997) {
      if (instantText(ms) !== new Date(ms).toISOString()) expect(instantText(ms)).toBe(new Date(ms).toISOString());
    }
  });

  it('is that of Date, for any time that there is', () => {
    fc.assert(
      fc.property(fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 }), (ms) => {
        expect(instantText(ms)).toBe(new Date(ms).toISOString());
      }),
    );
  });

  it('is that of Date for fractions of a millisecond too', () => {
    expect(instantText(1_763_780_000_000.9)).toBe(new Date(1_763_780_000_000.9).toISOString());
    expect(instantText(-0.5)).toBe(new Date(-0.5).toISOString());
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 8_640_000_000_000_001])('there is none of %d', (ms) => {
    expect(() => instantText(ms)).toThrow(RangeError);
  });
});
