import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Usage } from '../../../src/metering/usage.ts';
import { costOf } from '../../../src/pricing/cost.ts';
import { type PriceEntry, readPriceRow } from '../../../src/pricing/price-row.ts';
import { usageOf } from './usage-vectors.ts';

const MINI = { input_per_mtok: '0.20', cached_input_per_mtok: '0.02', output_per_mtok: '1.50' };

function cost(prices: Partial<PriceEntry>, counts: Partial<Usage>, serviceTier: string | null = null) {
  return costOf({ row: readPriceRow({ provider: 'p', model: 'm', ...prices }), usage: usageOf(counts), serviceTier });
}

const items = (...args: Parameters<typeof cost>) =>
  Object.fromEntries(cost(...args).lineItems.map(({ kind, quantity, costNanoUsd }) => [kind, [quantity, costNanoUsd]]));

describe('costOf', () => {
  it('charges uncached input, cached input and output, reasoning being inside the output', () => {
    const counts = { input_tokens: 1200, cache_read_tokens: 1024, output_tokens: 300, reasoning_tokens: 256 };
    expect(cost(MINI, counts)).toEqual({
      costNanoUsd: 35_200 + 20_480 + 450_000,
      lineItems: [
        { kind: 'input', quantity: 176, costNanoUsd: 35_200 },
        { kind: 'cachedInput', quantity: 1024, costNanoUsd: 20_480 },
        { kind: 'output', quantity: 300, costNanoUsd: 450_000 },
      ],
    });
  });

  it.each<[string, Partial<PriceEntry>, Partial<Usage>, Record<string, [number, number]>]>([
    ['nothing for nothing', MINI, {}, {}],
    [
      'cached input as input where it has no price',
      { input_per_mtok: '1' },
      { input_tokens: 10, cache_read_tokens: 4, cache_write_tokens: 3 },
      { input: [10, 10_000] },
    ],
    [
      'cache writes',
      { input_per_mtok: '1', cached_input_per_mtok: '0.1', cache_write_per_mtok: '1.25' },
      { input_tokens: 100, cache_read_tokens: 40, cache_write_tokens: 50 },
      { input: [10, 10_000], cachedInput: [40, 4000], cacheWrite: [50, 62_500] },
    ],
    [
      'no negative input where more is cached than was sent',
      { input_per_mtok: '1', cached_input_per_mtok: '0.1' },
      { input_tokens: 10, cache_read_tokens: 161 },
      { cachedInput: [161, 16_100] },
    ],
    [
      'audio within input and output',
      { input_per_mtok: '1', input_audio_per_mtok: '10', output_per_mtok: '2', output_audio_per_mtok: '20' },
      { input_tokens: 100, input_audio_tokens: 30, output_tokens: 50, output_audio_tokens: 40 },
      { input: [70, 70_000], inputAudio: [30, 300_000], output: [10, 20_000], outputAudio: [40, 800_000] },
    ],
    [
      'audio as text where it has no price',
      { input_per_mtok: '1', output_per_mtok: '2' },
      { input_tokens: 100, input_audio_tokens: 30, output_tokens: 50, output_audio_tokens: 40 },
      { input: [100, 100_000], output: [50, 100_000] },
    ],
    [
      'cached audio once, as cached input',
      { input_per_mtok: '1', cached_input_per_mtok: '0.1', input_audio_per_mtok: '10' },
      { input_tokens: 100, cache_read_tokens: 60, input_audio_tokens: 50, cache_audio_read_tokens: 20 },
      { input: [10, 10_000], cachedInput: [60, 6000], inputAudio: [30, 300_000] },
    ],
    [
      'no more audio than is uncached, where nobody says which part was cached',
      { input_per_mtok: '1', cached_input_per_mtok: '0.1', input_audio_per_mtok: '10' },
      { input_tokens: 100, cache_read_tokens: 90, input_audio_tokens: 50 },
      { cachedInput: [90, 9000], inputAudio: [10, 100_000] },
    ],
    [
      'no more audio than output',
      { output_per_mtok: '1', output_audio_per_mtok: '10' },
      { output_tokens: 5, output_audio_tokens: 9 },
      { outputAudio: [5, 50_000] },
    ],
    ['a request, also without usage', { per_request_usd: '0.01' }, {}, { request: [1, 10_000_000] }],
    ['nothing where the row has no price for it', { output_per_mtok: '1' }, { input_tokens: 9 }, {}],
    ['0 where it is free', { input_per_mtok: '0' }, { input_tokens: 9 }, { input: [9, 0] }],
  ])('charges %s', (_, prices, counts, expected) => {
    expect(items(prices, counts)).toEqual(expected);
  });

  it('multiplies the whole row by the service tier, and knows only tiers of the row', () => {
    const prices = { input_per_mtok: '1', per_request_usd: '0.000001', service_tiers: { flex: { multiplier: '0.5' } } };
    const counts = { input_tokens: 10 };
    expect(cost(prices, counts, 'flex').costNanoUsd).toBe(5000 + 500);
    for (const tier of [null, 'default', 'priority', '__proto__']) {
      expect(cost(prices, counts, tier).costNanoUsd).toBe(10_000 + 1000);
    }
  });

  it.each([
    [1, 2], // 1.5 nano-USD
    [3, 4], // 4.5
    [5, 8], // 7.5
    [2, 3],
  ])('rounds half to even: %i tokens at 1.5 nano-USD', (output_tokens, nanoUsd) => {
    expect(cost({ output_per_mtok: '0.0015' }, { output_tokens }).costNanoUsd).toBe(nanoUsd);
  });

  it('keeps nine decimals of a price', () => {
    expect(cost({ input_per_mtok: '0.000000001' }, { input_tokens: 1_000_000 }).costNanoUsd).toBe(1);
  });

  it('is exact where floats are not', () => {
    expect(cost({ input_per_mtok: '0.1' }, { input_tokens: 3_000_000_000_003 }).costNanoUsd).toBe(300_000_000_000_300);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses the count %d', (input_tokens) => {
    expect(() => cost(MINI, { input_tokens })).toThrow(RangeError);
  });

  it('refuses an amount that no number can hold', () => {
    const dear = { input_per_mtok: '999999999999', output_per_mtok: '0' };
    expect(() => cost(dear, { input_tokens: 1_000_000 })).toThrow(RangeError);
    const both = { input_per_mtok: '1000000', output_per_mtok: '1000000' };
    const half = 5_000_000;
    expect(cost(both, { input_tokens: half }).costNanoUsd).toBe(5_000_000_000_000_000);
    expect(() => cost(both, { input_tokens: half, output_tokens: half })).toThrow(RangeError);
    const most = Number.MAX_SAFE_INTEGER;
    expect(() =>
      cost(
        { input_per_mtok: '0' },
        { input_tokens: most, cache_read_tokens: 0, cache_write_tokens: most, output_tokens: 0 },
      ),
    ).not.toThrow();
    expect(() => cost({ input_per_mtok: '0' }, { cache_read_tokens: most, cache_write_tokens: most })).toThrow(
      RangeError,
    );
  });
});

describe('for any prices and counts', () => {
  const tokens = fc.nat({ max: 2_000_000 });
  const price = fc.bigInt({ min: 0n, max: 100_000_000_000n });
  const decimal = (nano: bigint) => `${nano / 1_000_000_000n}.${String(nano % 1_000_000_000n).padStart(9, '0')}`;
  const anyPrices = fc.record({
    input_per_mtok: price,
    cached_input_per_mtok: price,
    cache_write_per_mtok: price,
    output_per_mtok: price,
    input_audio_per_mtok: price,
    output_audio_per_mtok: price,
    per_request_usd: price,
    multiplier: fc.bigInt({ min: 0n, max: 5_000_000_000n }),
  });
  const anyCounts = fc.record({
    input_tokens: tokens,
    cache_read_tokens: tokens,
    cache_write_tokens: tokens,
    input_audio_tokens: tokens,
    cache_audio_read_tokens: tokens,
    output_tokens: tokens,
    output_audio_tokens: tokens,
  });
  type Prices = typeof anyPrices extends fc.Arbitrary<infer P> ? P : never;
  type Counts = typeof anyCounts extends fc.Arbitrary<infer C> ? C : never;

  const priced = ({ multiplier, ...prices }: Prices, counts: Counts) =>
    cost(
      {
        ...Object.fromEntries(Object.entries(prices).map(([name, nano]) => [name, decimal(nano)])),
        service_tiers: { tier: { multiplier: decimal(multiplier) } },
      },
      counts,
      'tier',
    );

  it('the line items add up to the total, and all are whole numbers from 0 on', () => {
    fc.assert(
      fc.property(anyPrices, anyCounts, (prices, counts) => {
        const { costNanoUsd, lineItems } = priced(prices, counts);
        expect(lineItems.reduce((sum, item) => sum + item.costNanoUsd, 0)).toBe(costNanoUsd);
        for (const item of lineItems) {
          expect(Number.isSafeInteger(item.costNanoUsd) && item.costNanoUsd >= 0).toBe(true);
        }
      }),
    );
  });

  it('every token of consistent counts is charged exactly once', () => {
    fc.assert(
      fc.property(anyPrices, anyCounts, (prices, counts) => {
        const input = counts.input_tokens + counts.cache_read_tokens + counts.cache_write_tokens;
        const { lineItems } = priced(prices, { ...counts, input_tokens: input });
        const sum = lineItems.filter(({ kind }) => kind !== 'request').reduce((all, { quantity }) => all + quantity, 0);
        expect(sum).toBe(input + counts.output_tokens);
      }),
    );
  });

  it('the total is within half a nano-USD per line of the exact fraction', () => {
    fc.assert(
      fc.property(anyPrices, anyCounts, (prices, counts) => {
        const { costNanoUsd, lineItems } = priced(prices, counts);
        const at = {
          input: prices.input_per_mtok,
          cachedInput: prices.cached_input_per_mtok,
          cacheWrite: prices.cache_write_per_mtok,
          output: prices.output_per_mtok,
          inputAudio: prices.input_audio_per_mtok,
          outputAudio: prices.output_audio_per_mtok,
        };
        // In units of 1e-24 USD: nano-USD per million tokens, times tokens, times billionths.
        const exact = lineItems.reduce(
          (sum, { kind, quantity }) =>
            sum +
            (kind === 'request' ? prices.per_request_usd * 1_000_000n : at[kind] * BigInt(quantity)) *
              prices.multiplier,
          0n,
        );
        const unit = 10n ** 15n;
        const off = BigInt(costNanoUsd) * unit - exact;
        expect((off < 0n ? -off : off) * 2n <= unit * BigInt(lineItems.length)).toBe(true);
      }),
    );
  });

  it('more input or more output never costs less', () => {
    fc.assert(
      fc.property(
        anyPrices,
        anyCounts,
        tokens,
        fc.constantFrom('input_tokens', 'output_tokens'),
        (prices, counts, more, name) => {
          const dearer = priced(prices, { ...counts, [name]: counts[name] + more });
          expect(dearer.costNanoUsd).toBeGreaterThanOrEqual(priced(prices, counts).costNanoUsd);
        },
      ),
    );
  });
});
