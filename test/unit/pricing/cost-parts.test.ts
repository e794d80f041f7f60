import { expect, it } from 'vitest';
import { costOf } from '../../../src/pricing/cost.ts';
import { costPartsOf } from '../../../src/pricing/cost-parts.ts';
import { readPriceRow } from '../../../src/pricing/price-row.ts';
import { callUsage } from '../../support/call-record.ts';

const usage = callUsage({
  input_tokens: 5_000,
  cache_read_tokens: 1_800,
  cache_write_tokens: 200,
  input_audio_tokens: 300,
  output_tokens: 1_000,
  reasoning_tokens: 400,
  details: { web_search_requests: 2, cache_write_12h_tokens: 50 },
});

it('splits a cost by what it is for; what is for no tokens is left', () => {
  const row = readPriceRow({
    provider: 'openai',
    model: 'm',
    input_per_mtok: '1',
    cached_input_per_mtok: '0.1',
    cache_write_per_mtok: '1.25',
    cache_write_12h_per_mtok: '2',
    input_audio_per_mtok: '10',
    output_per_mtok: '4',
    reasoning_per_mtok: '3',
    per_request_usd: '0.001',
    per_thousand_web_searches_usd: '10',
  });
  const { costNanoUsd, lineItems } = costOf({ row, usage, serviceTier: null });
  const parts = costPartsOf(lineItems);
  expect(parts).toEqual({
    inputNanoUsd: 2_700 * 1_000 + 300 * 10_000,
    cacheReadNanoUsd: 1_800 * 100,
    cacheWriteNanoUsd: 150 * 1_250 + 50 * 2_000,
    outputNanoUsd: 600 * 4_000 + 400 * 3_000,
  });
  const rest = costNanoUsd - Object.values(parts).reduce((sum, part) => sum + part, 0);
  expect(rest).toBe(1_000_000 + 2 * 10_000_000);
});

it('puts what has no price of its own with plain input', () => {
  const row = readPriceRow({ provider: 'openai', model: 'm', input_per_mtok: '1', output_per_mtok: '4' });
  const parts = costPartsOf(costOf({ row, usage, serviceTier: null }).lineItems);
  expect(parts).toEqual({
    inputNanoUsd: 5_000 * 1_000,
    cacheReadNanoUsd: 0,
    cacheWriteNanoUsd: 0,
    outputNanoUsd: 1_000 * 4_000,
  });
});
