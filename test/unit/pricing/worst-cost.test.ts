import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costOf } from '../../../src/pricing/cost.ts';
import { createPriceBook } from '../../../src/pricing/price-book.ts';
import type { PriceEntry } from '../../../src/pricing/price-entry.ts';
import { readPriceRow } from '../../../src/pricing/price-row.ts';
import { createPricer } from '../../../src/pricing/pricer.ts';
import { worstCostOf } from '../../../src/pricing/worst-cost.ts';
import { callUsage } from '../../support/call-record.ts';

const rowOf = (prices: Partial<PriceEntry>) => readPriceRow({ provider: 'openai', model: 'm', ...prices });
const TOKENS = { inputTokens: 1_000, outputTokens: 100, serviceTier: null };

describe('the most that a call may cost', () => {
  it.each<[string, Partial<PriceEntry>, number]>([
    ['input and output', { input_per_mtok: '1', output_per_mtok: '4' }, 1_000_000 + 400_000],
    [
      'all of its input written to a cache',
      { input_per_mtok: '1', cache_write_per_mtok: '1.25', output_per_mtok: '4' },
      1_250_000 + 400_000,
    ],
    [
      'all of its output reasoning',
      { input_per_mtok: '1', output_per_mtok: '4', reasoning_per_mtok: '5' },
      1_000_000 + 500_000,
    ],
    [
      'input and output, where caches and reasoning are cheaper',
      { input_per_mtok: '1', cache_write_per_mtok: '0.5', output_per_mtok: '4', reasoning_per_mtok: '3' },
      1_000_000 + 400_000,
    ],
    [
      'what nothing reads from a cache',
      { input_per_mtok: '1', cached_input_per_mtok: '0.1', output_per_mtok: '4' },
      1_000_000 + 400_000,
    ],
    [
      'at the length that it has',
      {
        input_per_mtok: '1',
        output_per_mtok: '4',
        context_tiers: [{ above_input_tokens: 999, input_per_mtok: '2', output_per_mtok: '8' }],
      },
      2_000_000 + 800_000,
    ],
    ['with what each request costs', { input_per_mtok: '1', per_request_usd: '0.01' }, 1_000_000 + 10_000_000],
  ])('is that of %s', (_what, prices, nanoUsd) => {
    expect(worstCostOf(rowOf(prices), TOKENS)).toBe(nanoUsd);
  });

  it('is that of the service tier', () => {
    const row = rowOf({ input_per_mtok: '1', service_tiers: { priority: { multiplier: '2' } } });
    expect(worstCostOf(row, { ...TOKENS, serviceTier: 'fast' })).toBe(2_000_000);
    expect(worstCostOf(row, { ...TOKENS, serviceTier: 'flex' })).toBe(1_000_000);
  });

  it('is not known where it is more than numbers can say', () => {
    const row = rowOf({ input_per_mtok: '999999999999' });
    expect(worstCostOf(row, { ...TOKENS, inputTokens: 1_000_000 })).toBeNull();
  });

  it('is never less than a call of so many tokens costs that reads nothing from a cache', () => {
    const price = fc.integer({ min: 0, max: 100 }).map(String);
    const prices = fc.record(
      { input_per_mtok: price, output_per_mtok: price, cache_write_per_mtok: price, reasoning_per_mtok: price },
      { requiredKeys: ['input_per_mtok', 'output_per_mtok'] },
    );
    const tokens = fc.integer({ min: 0, max: 1_000_000 });
    fc.assert(
      fc.property(prices, tokens, tokens, fc.boolean(), (of, inputTokens, outputTokens, isDear) => {
        const row = rowOf(of);
        const usage = callUsage({
          input_tokens: inputTokens,
          cache_read_tokens: 0,
          cache_write_tokens: isDear ? inputTokens : 0,
          output_tokens: outputTokens,
          reasoning_tokens: isDear ? outputTokens : 0,
        });
        const worst = worstCostOf(row, { inputTokens, outputTokens, serviceTier: null });
        expect(worst).toBeGreaterThanOrEqual(costOf({ row, usage, serviceTier: null }).costNanoUsd);
      }),
    );
  });

  it('is asked of the row that would price the call, and unknown where there is none', () => {
    const pricer = createPricer(createPriceBook([rowOf({ input_per_mtok: '1' })]));
    const call = { upstream: 'openai', requestModel: 'm', responseModel: null, atMs: 0, ...TOKENS };
    expect(pricer.worstCost(call)).toBe(1_000_000);
    expect(pricer.worstCost({ ...call, requestModel: 'other' })).toBeNull();
  });
});
