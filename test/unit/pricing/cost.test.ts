import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Usage } from '../../../src/metering/usage.ts';
import { costOf } from '../../../src/pricing/cost.ts';
import { PRICE_FIELDS, type PriceEntry } from '../../../src/pricing/price-entry.ts';
import { readPriceRow } from '../../../src/pricing/price-row.ts';
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
    [
      'cache writes by how long they live, and the rest as plain ones',
      {
        input_per_mtok: '1',
        cache_write_per_mtok: '1.25',
        cache_write_1h_per_mtok: '2',
        cache_write_12h_per_mtok: '2.5',
      },
      {
        input_tokens: 100,
        cache_write_tokens: 90,
        details: {
          cache_write_30m_tokens: 20,
          cache_write_12h_tokens: 40,
          cache_creation_ephemeral_1h_input_tokens: 10,
        },
      },
      { input: [10, 10_000], cacheWrite: [40, 50_000], cacheWrite1h: [10, 20_000], cacheWrite12h: [40, 100_000] },
    ],
    [
      'long cache writes as plain ones where they have no price',
      { input_per_mtok: '1', cache_write_per_mtok: '1.25' },
      { input_tokens: 100, cache_write_tokens: 90, details: { cache_write_12h_tokens: 40 } },
      { input: [10, 10_000], cacheWrite: [90, 112_500] },
    ],
    [
      'no more long cache writes than cache writes',
      { cache_write_per_mtok: '1', cache_write_12h_per_mtok: '2' },
      { cache_write_tokens: 5, details: { cache_write_12h_tokens: 40 } },
      { cacheWrite12h: [5, 10_000] },
    ],
    [
      'images within input and output, and those that were cached',
      {
        input_per_mtok: '5',
        cached_input_per_mtok: '1.25',
        input_image_per_mtok: '8',
        cached_image_per_mtok: '2',
        output_per_mtok: '10',
        output_image_per_mtok: '32',
      },
      {
        input_tokens: 100,
        cache_read_tokens: 30,
        input_image_tokens: 60,
        output_tokens: 50,
        details: { cached_image_tokens: 20, output_image_tokens: 45 },
      },
      {
        input: [30, 150_000],
        cachedInput: [10, 12_500],
        cachedImage: [20, 40_000],
        inputImage: [40, 320_000],
        output: [5, 50_000],
        outputImage: [45, 1_440_000],
      },
    ],
    [
      'cached audio at its own price',
      { input_per_mtok: '1', cached_input_per_mtok: '0.1', cached_audio_per_mtok: '0.5' },
      { input_tokens: 100, cache_read_tokens: 60, input_audio_tokens: 50, cache_audio_read_tokens: 20 },
      { input: [40, 40_000], cachedInput: [40, 4000], cachedAudio: [20, 10_000] },
    ],
    [
      'cached audio as audio where no cached input has a price',
      { input_per_mtok: '1', input_audio_per_mtok: '10' },
      { input_tokens: 100, cache_read_tokens: 60, input_audio_tokens: 50, cache_audio_read_tokens: 20 },
      { input: [50, 50_000], inputAudio: [50, 500_000] },
    ],
    [
      'reasoning at its own price, within the output',
      { output_per_mtok: '8', reasoning_per_mtok: '3' },
      { output_tokens: 100, reasoning_tokens: 70 },
      { output: [30, 240_000], reasoning: [70, 210_000] },
    ],
    [
      'audio by the hour, to the millisecond',
      { per_audio_hour_usd: '0.36' },
      { details: { seconds: 12.3456 } },
      { audioMs: [12_346, 1_234_600] },
    ],
    ['no audio without seconds', { per_audio_hour_usd: '0.36' }, { input_tokens: 5 }, {}],
    [
      'web searches by the thousand',
      { input_per_mtok: '1', per_thousand_web_searches_usd: '10' },
      { details: { web_search_requests: 3 } },
      { webSearch: [3, 30_000_000] },
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

  const LONG = {
    input_per_mtok: '5',
    cached_input_per_mtok: '0.5',
    output_per_mtok: '30',
    context_tiers: [
      { above_input_tokens: 271_999, input_per_mtok: '10', cached_input_per_mtok: '1', output_per_mtok: '45' },
    ],
  };

  it.each([
    [271_999, 271_999 * 5000 + 300_000],
    [272_000, 272_000 * 10_000 + 450_000],
  ])('charges all tokens of a call with %i input tokens at one price', (input_tokens, nanoUsd) => {
    expect(cost(LONG, { input_tokens, output_tokens: 10 }).costNanoUsd).toBe(nanoUsd);
  });

  it('takes the highest of the context tiers that the input is above, cached input counted too', () => {
    const prices = {
      input_per_mtok: '1',
      cached_input_per_mtok: '0',
      context_tiers: [
        { above_input_tokens: 20, input_per_mtok: '3' },
        { above_input_tokens: 10, input_per_mtok: '2' },
      ],
    };
    const costs = [10, 11, 20, 21].map((input_tokens) => cost(prices, { input_tokens }).costNanoUsd);
    expect(costs).toEqual([10_000, 22_000, 40_000, 63_000]);
    expect(cost(prices, { input_tokens: 21, cache_read_tokens: 20 }).costNanoUsd).toBe(3000);
  });

  describe('of a service tier with prices', () => {
    const prices = {
      ...LONG,
      service_tiers: {
        flex: {
          input_per_mtok: '2.5',
          output_per_mtok: '15',
          context_tiers: [{ above_input_tokens: 271_999, input_per_mtok: '5', output_per_mtok: '22.5' }],
        },
        priority: { input_per_mtok: '12.5', output_per_mtok: '75' },
      },
    };
    const short = { input_tokens: 10, cache_read_tokens: 4, output_tokens: 2 };
    const long = { input_tokens: 300_000, cache_read_tokens: 100_000, output_tokens: 2 };

    it.each([
      ['has its own prices, and the price of the row for what it does not name', 'flex', short, 15_000 + 2000 + 30_000],
      ['has its own prices above a length', 'flex', long, 200_000 * 5000 + 100_000 * 1000 + 45_000],
      ['has the long prices of the row where it names none', 'priority', long, 2_000_000_000 + 100_000_000 + 90_000],
      ['may be called by another name', 'fast', short, 75_000 + 2000 + 150_000],
      ['is not another one', 'scale', short, 30_000 + 2000 + 60_000],
    ])('%s', (_, tier, counts, nanoUsd) => {
      expect(cost(prices, counts, tier).costNanoUsd).toBe(nanoUsd);
    });
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

  it.each([-1, Number.NaN, 2 ** 53])('refuses %d seconds or searches', (count) => {
    expect(() => cost({ per_audio_hour_usd: '1' }, { details: { seconds: count } })).toThrow(RangeError);
    const searches = { details: { web_search_requests: count } };
    expect(() => cost({ ...MINI, per_thousand_web_searches_usd: '1' }, searches)).toThrow(RangeError);
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
    cache_write_1h_per_mtok: price,
    cache_write_12h_per_mtok: price,
    cached_audio_per_mtok: price,
    input_image_per_mtok: price,
    cached_image_per_mtok: price,
    reasoning_per_mtok: price,
    output_image_per_mtok: price,
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
    input_image_tokens: tokens,
    reasoning_tokens: tokens,
    details: fc.record(
      {
        cache_write_12h_tokens: tokens,
        cache_creation_ephemeral_1h_input_tokens: tokens,
        cached_image_tokens: tokens,
        output_image_tokens: tokens,
      },
      { requiredKeys: [] },
    ),
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

  function nanoUsdPerMtok(prices: Prices, kind: string): bigint {
    const [, field] = Object.entries(PRICE_FIELDS).find(([name]) => name === kind) ?? [];
    if (field === undefined) throw new Error(`no price of ${kind}`);
    return prices[field];
  }

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
        // In units of 1e-24 USD: nano-USD per million tokens, times tokens, times billionths.
        const exact = lineItems.reduce(
          (sum, { kind, quantity }) =>
            sum +
            (kind === 'request'
              ? prices.per_request_usd * 1_000_000n
              : nanoUsdPerMtok(prices, kind) * BigInt(quantity)) *
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

  it('context tiers are cliffs: one token more than the length, and every token has the price of the tier', () => {
    const tier = fc.record({
      length: fc.integer({ min: 1, max: 1_000_000 }),
      base: price,
      above: price,
      output: tokens,
    });
    fc.assert(
      fc.property(tier, ({ length, base, above, output }) => {
        const prices = {
          input_per_mtok: decimal(base),
          output_per_mtok: decimal(base),
          context_tiers: [
            { above_input_tokens: length, input_per_mtok: decimal(above), output_per_mtok: decimal(above) },
          ],
        };
        const flat = (nano: bigint, counts: Partial<Usage>) =>
          cost({ input_per_mtok: decimal(nano), output_per_mtok: decimal(nano) }, counts);
        const at = { input_tokens: length, output_tokens: output };
        const past = { input_tokens: length + 1, output_tokens: output };
        expect(cost(prices, at)).toEqual(flat(base, at));
        expect(cost(prices, past)).toEqual(flat(above, past));
      }),
    );
  });
});
