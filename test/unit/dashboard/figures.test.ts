import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { busyTime } from '../../../dashboard/src/charts/busy-time.ts';
import { largest, stack } from '../../../dashboard/src/charts/stack.ts';
import { nanoUsd, shortUsd, sumUsd, usdText } from '../../../dashboard/src/format/money.ts';
import { compact, percent, plural } from '../../../dashboard/src/format/numbers.ts';
import { duration, roughly } from '../../../dashboard/src/format/times.ts';
import { formatUsd } from '../../../src/core/money.ts';

describe('money on the page', () => {
  it('is read and written as the API writes it, to the last place', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 52), max: 2 ** 52 }), (nano) => {
        const text = formatUsd(nano);
        expect(nanoUsd(text)).toBe(BigInt(nano));
        expect(usdText(nanoUsd(text))).toBe(text);
      }),
    );
  });

  it('is added up without a rounding', () => {
    expect(usdText(sumUsd(['0.100000000', '0.200000000', '-0.000000001']))).toBe('0.299999999');
  });

  it.each([
    [0n, '$0.00'],
    [5_348_000n, '$0.005348'],
    [16_000_000n, '$0.0160'],
    [2_990_000_000n, '$2.99'],
    [12_345_678_000_000_000n, '$12,345,678.00'],
    [1n, '<$0.000001'],
    [-5_000_000_000n, '−$5.00'],
  ])('%s nano-dollars are shown as %s', (nano, text) => {
    expect(shortUsd(nano)).toBe(text);
  });
});

it.each([
  [compact(9_999), '9,999'],
  [compact(12_345), '12.3K'],
  [percent(1, 0), '–'],
  [percent(1, 3), '33%'],
  [percent(1, 30), '3.3%'],
  [plural(1, 'call'), '1 call'],
  [plural(1_200, 'call'), '1,200 calls'],
  [duration(850), '850 ms'],
  [duration(2_400), '2.40 s'],
  [duration(200_000), '3 min 20 s'],
  [roughly(90_000), '1.5 min'],
])('figures are written for people: %s', (shown, text) => {
  expect(shown).toBe(text);
});

describe('stacked series', () => {
  it('stand on each other, and are given from the tallest down', () => {
    const series = [
      { name: 'a', values: [1, 2], colour: 0 },
      { name: 'b', values: [10, 0], colour: 1 },
    ];
    expect(stack(series)).toEqual([
      [11, 2],
      [1, 2],
    ]);
  });

  it('keep their sum when the small ones become one', () => {
    const series = [5, 1, 9, 2].map((value, index) => ({ name: `s${index}`, values: [value, value] }));
    expect(largest(series, 2)).toEqual([
      { name: 's2', values: [9, 9], colour: 0 },
      { name: 's0', values: [5, 5], colour: 1 },
      { name: '2 others', values: [3, 3], colour: -1 },
    ]);
  });
});

describe('the axis of a run', () => {
  it('is as long as its calls, where they follow each other', () => {
    const { place, breaks, ticks } = busyTime([
      { fromMs: 1_000, toMs: 3_000 },
      { fromMs: 3_100, toMs: 5_000 },
    ]);
    expect([place(1_000), place(3_000), place(5_000)]).toEqual([0, 0.5, 1]);
    expect(breaks).toEqual([]);
    expect(ticks.map(({ sinceMs }) => sinceMs)).toEqual([0, 1_000, 2_000, 3_000]);
  });

  it('cuts short a night in which nothing was called, and says how long it was', () => {
    const night = 8 * 3_600_000;
    const { place, breaks } = busyTime([
      { fromMs: night, toMs: night + 1_000 },
      { fromMs: 0, toMs: 1_000 },
    ]);
    expect(breaks).toEqual([{ from: 1_000 / 2_100, to: 1_100 / 2_100, idleMs: night - 1_000 }]);
    expect(place(night) - place(1_000)).toBeCloseTo(100 / 2_100);
    expect(place(night + 1_000)).toBe(1);
  });

  it('never puts a later moment before an earlier one, nor anything beside the axis', () => {
    const stretch = fc.tuple(fc.nat(1e7), fc.nat(1e5)).map(([fromMs, length]) => ({ fromMs, toMs: fromMs + length }));
    fc.assert(
      fc.property(fc.array(stretch, { minLength: 1, maxLength: 30 }), (stretches) => {
        const { place, ticks } = busyTime(stretches);
        const moments = stretches.flatMap(({ fromMs, toMs }) => [fromMs, toMs]).sort((a, b) => a - b);
        const places = moments.map(place);
        expect(places.every((at, index) => at >= (places[index - 1] ?? 0) && at <= 1)).toBe(true);
        expect(ticks.length).toBeLessThan(12);
      }),
    );
  });
});
