import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costOf } from '../../../src/pricing/cost.ts';
import { itemiseCost } from '../../../src/pricing/itemise.ts';
import type { PriceEntry } from '../../../src/pricing/price-entry.ts';
import { readPriceRow } from '../../../src/pricing/price-row.ts';
import { usageOf } from './usage-vectors.ts';

const PLACES = 24;

/** A decimal string as an integer of so many places. */
function integerOf(text: string, places = PLACES): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(places, '0'));
}

function itemised(
  prices: Partial<PriceEntry>,
  counts: Parameters<typeof usageOf>[0],
  serviceTier: string | null = null,
) {
  const row = readPriceRow({ provider: 'p', model: 'm', ...prices });
  const usage = usageOf(counts);
  const { costNanoUsd } = costOf({ row, usage, serviceTier });
  const found = itemiseCost(row, { priceId: row.id, usage, serviceTier, costNanoUsd });
  if (found === null) throw new Error('the row has priced it');
  return { ...found, costNanoUsd };
}

describe('itemiseCost', () => {
  it('gives the unit price, and the cost before it was rounded', () => {
    const { items } = itemised({ input_per_mtok: '0.25', output_per_mtok: '2' }, { input_tokens: 3, output_tokens: 7 });
    expect(items).toEqual([
      {
        kind: 'input',
        quantity: 3,
        costNanoUsd: 750,
        unitPriceUsd: '0.00000025',
        pricedQuantity: '3',
        exactCostUsd: '0.00000075',
      },
      {
        kind: 'output',
        quantity: 7,
        costNanoUsd: 14_000,
        unitPriceUsd: '0.000002',
        pricedQuantity: '7',
        exactCostUsd: '0.000014',
      },
    ]);
  });

  it('prices hours of audio, requests and searches in their own units', () => {
    const prices = {
      per_request_usd: '0.01',
      per_audio_hour_usd: '0.36',
      per_thousand_web_searches_usd: '10',
    };
    const { items } = itemised(prices, { details: { seconds: 4.5, web_search_requests: 3 } });
    expect(items.map((item) => [item.kind, item.unitPriceUsd, item.pricedQuantity, item.exactCostUsd])).toEqual([
      ['request', '0.01', '1', '0.01'],
      ['audioMs', '0.36', '0.00125', '0.00045'],
      ['webSearch', '0.01', '3', '0.03'],
    ]);
  });

  it('says which service tier and which length of the input made the price', () => {
    const prices: Partial<PriceEntry> = {
      input_per_mtok: '1',
      context_tiers: [{ above_input_tokens: 100, input_per_mtok: '2' }],
      service_tiers: { flex: { multiplier: '0.5' }, priority: { input_per_mtok: '3' } },
    };
    const of = (tokens: number, tier: string | null) => {
      const { serviceTier, aboveInputTokens, items } = itemised(prices, { input_tokens: tokens }, tier);
      return [serviceTier, aboveInputTokens, items[0]?.unitPriceUsd];
    };
    expect(of(10, null)).toEqual([null, null, '0.000001']);
    expect(of(101, 'flex')).toEqual(['flex', 100, '0.000001']);
    expect(of(10, 'fast')).toEqual(['priority', null, '0.000003']);
    expect(of(10, 'unheard-of')).toEqual([null, null, '0.000001']);
  });

  it('is null where the row gives another cost', () => {
    const row = readPriceRow({ provider: 'p', model: 'm', input_per_mtok: '1' });
    const usage = usageOf({ input_tokens: 10 });
    expect(itemiseCost(row, { priceId: row.id, usage, serviceTier: null, costNanoUsd: 9_999 })).toBeNull();
    expect(
      itemiseCost(row, { priceId: row.id, usage: usageOf({ input_tokens: -1 }), serviceTier: null, costNanoUsd: 0 }),
    ).toBeNull();
  });

  it('adds up to the cost, and quantity times price is the exact amount of each line, whatever the prices', () => {
    const nano = fc.bigInt({ min: 0n, max: 1_000_000_000_000n });
    const decimal = (value: bigint) => `${value / 1_000_000_000n}.${String(value % 1_000_000_000n).padStart(9, '0')}`;
    const count = fc.integer({ min: 0, max: 5_000_000 });
    fc.assert(
      fc.property(nano, nano, nano, count, count, (input, output, factor, inputTokens, outputTokens) => {
        const prices = {
          input_per_mtok: decimal(input),
          output_per_mtok: decimal(output),
          service_tiers: { tier: { multiplier: decimal(factor % 10_000_000_000n) } },
        };
        const { items, costNanoUsd } = itemised(
          prices,
          { input_tokens: inputTokens, output_tokens: outputTokens },
          'tier',
        );
        expect(items.reduce((sum, item) => sum + item.costNanoUsd, 0)).toBe(costNanoUsd);
        for (const item of items) {
          const exact = integerOf(item.exactCostUsd);
          expect(BigInt(item.quantity) * integerOf(item.unitPriceUsd)).toBe(exact);
          const rounded = BigInt(item.costNanoUsd) * 10n ** 15n;
          const off = exact > rounded ? exact - rounded : rounded - exact;
          expect(off * 2n <= 10n ** 15n).toBe(true);
        }
      }),
    );
  });
});
