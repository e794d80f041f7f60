import { describe, expect, it } from 'vitest';
import type { PriceEntry } from '../../../src/pricing/price-entry.ts';
import { readPriceRow } from '../../../src/pricing/price-row.ts';

const ENTRY: PriceEntry = { provider: 'openai', model: 'gpt-5-mini', input_per_mtok: '0.20', output_per_mtok: '1.50' };

/** Kinds of tokens that few rows have prices for. */
const UNWRITTEN = {
  cacheWrite1h: null,
  cacheWrite12h: null,
  cachedAudio: null,
  inputImage: null,
  cachedImage: null,
  reasoning: null,
  outputImage: null,
};

describe('readPriceRow', () => {
  it('reads a whole row', () => {
    const entry = {
      ...ENTRY,
      cached_input_per_mtok: '0.02',
      cache_write_per_mtok: '0.25',
      input_audio_per_mtok: '10',
      output_audio_per_mtok: '20.000000001',
      per_request_usd: '0.01',
      valid_from: '2026-11-01',
      service_tiers: { flex: { multiplier: '0.5' }, priority: { multiplier: '1.75' } },
    };
    expect(readPriceRow(entry)).toEqual({
      id: 'openai/gpt-5-mini@2026-11-01',
      provider: 'openai',
      model: 'gpt-5-mini',
      femtoUsdPerToken: {
        input: 200_000_000n,
        cachedInput: 20_000_000n,
        cacheWrite: 250_000_000n,
        output: 1_500_000_000n,
        inputAudio: 10_000_000_000n,
        outputAudio: 20_000_000_001n,
        ...UNWRITTEN,
      },
      contextTiers: [],
      perRequestNanoUsd: 10_000_000n,
      validFromMs: Date.UTC(2026, 10, 1),
      nanoUsdPerAudioHour: null,
      nanoUsdPerThousandWebSearches: null,
      hoursUtc: null,
      serviceTiers: new Map([
        ['flex', { kind: 'factor', multiplier: 500_000_000n }],
        ['priority', { kind: 'factor', multiplier: 1_750_000_000n }],
      ]),
      source: 'config',
      entry,
    });
  });

  it('leaves what is absent null, and has no date in the id', () => {
    const row = readPriceRow({ provider: 'local-vllm', model: '*', input_per_mtok: '0' }, 'book');
    expect(row).toMatchObject({ id: 'local-vllm/*~book', validFromMs: null, perRequestNanoUsd: 0n, source: 'book' });
    expect(row.femtoUsdPerToken).toEqual({
      input: 0n,
      cachedInput: null,
      cacheWrite: null,
      output: null,
      inputAudio: null,
      outputAudio: null,
      ...UNWRITTEN,
    });
  });

  it('takes a price per request alone', () => {
    expect(readPriceRow({ provider: 'p', model: 'm', per_request_usd: '0' }).perRequestNanoUsd).toBe(0n);
  });

  it.each([
    ['2026-11-01', '2026-11-01'],
    ['2026-11-01T00:00:00Z', '2026-11-01'],
    ['2026-11-01T02:00+02:00', '2026-11-01'],
    ['2026-11-01T08:30:00Z', '2026-11-01T08:30:00.000Z'],
  ])('valid from %s gives the id …@%s', (valid_from, date) => {
    expect(readPriceRow({ ...ENTRY, valid_from }).id).toBe(`openai/gpt-5-mini@${date}`);
  });

  it.each([
    ['provider', { provider: ' ' }],
    ['model', { model: '' }],
    ['input_per_mtok', { input_per_mtok: '-0.20' }],
    ['input_per_mtok', { input_per_mtok: '2e-1' }],
    ['input_per_mtok', { input_per_mtok: '0,20' }],
    ['input_per_mtok', { input_per_mtok: '.2' }],
    ['input_per_mtok', { input_per_mtok: '' }],
    ['input_per_mtok', { input_per_mtok: 'NaN' }],
    ['input_per_mtok', { input_per_mtok: '0.0000000001' }],
    ['cached_input_per_mtok', { cached_input_per_mtok: '$1' }],
    ['cache_write_per_mtok', { cache_write_per_mtok: '1 ' }],
    ['output_per_mtok', { output_per_mtok: '+1' }],
    ['input_audio_per_mtok', { input_audio_per_mtok: '1_000' }],
    ['output_audio_per_mtok', { output_audio_per_mtok: '0x1' }],
    ['per_request_usd', { per_request_usd: 'free' }],
    ['service_tiers.flex.multiplier', { service_tiers: { flex: { multiplier: '-1' } } }],
    ['service_tiers.flex', { service_tiers: { flex: {} } }],
    ['service_tiers.flex', { service_tiers: { flex: { multiplier: '1', input_per_mtok: '1' } } }],
    ['service_tiers.flex.input_per_mtok', { service_tiers: { flex: { input_per_mtok: 'x' } } }],
    ['cache_write_12h_per_mtok', { cache_write_12h_per_mtok: '-1' }],
    ['per_audio_hour_usd', { per_audio_hour_usd: '1e3' }],
    ['per_thousand_web_searches_usd', { per_thousand_web_searches_usd: '' }],
    ['context_tiers: input_per_mtok', { context_tiers: [{ above_input_tokens: 1, input_per_mtok: '1.' }] }],
    ['context_tiers', { context_tiers: [{ above_input_tokens: -1, input_per_mtok: '1' }] }],
    ['context_tiers', { context_tiers: [{ above_input_tokens: 1 }, { above_input_tokens: 1 }] }],
    ['hours_utc', { hours_utc: ['1:00-4:00'] }],
    ['hours_utc', { hours_utc: ['01:00-24:00'] }],
    ['valid_from', { valid_from: '2026-13-01' }],
    ['valid_from', { valid_from: '2026-02-30' }],
    ['valid_from', { valid_from: '2026-02-30T00:00:00Z' }],
    ['valid_from', { valid_from: '2026-11-01T00:00:00' }],
    ['valid_from', { valid_from: 'yesterday' }],
  ])('names the field %s of %j', (field, changes) => {
    expect(() => readPriceRow({ ...ENTRY, ...changes })).toThrow(new RegExp(`^${field}: `));
  });

  it('refuses a number, which would be a float', () => {
    const entry = JSON.parse('{"provider":"p","model":"m","input_per_mtok":0.2}');
    expect(() => readPriceRow(entry)).toThrow('input_per_mtok: must be a plain decimal string');
  });

  it('refuses a row without any price, because free must be said', () => {
    expect(() => readPriceRow({ provider: 'p', model: 'm' })).toThrow('no price at all');
  });

  it('takes a row that has a price for audio alone', () => {
    const row = readPriceRow({ provider: 'p', model: 'm', per_audio_hour_usd: '0.36' });
    expect(row.nanoUsdPerAudioHour).toBe(360_000_000n);
  });

  it('orders context tiers by length, and fills them up with the prices of the row', () => {
    const row = readPriceRow({
      ...ENTRY,
      context_tiers: [
        { above_input_tokens: 500, input_per_mtok: '0.8' },
        { above_input_tokens: 200, output_per_mtok: '3' },
      ],
    });
    const tiers = row.contextTiers.map(({ aboveInputTokens, femtoUsdPerToken: { input, output, cachedInput } }) => ({
      aboveInputTokens,
      input,
      output,
      cachedInput,
    }));
    expect(tiers).toEqual([
      { aboveInputTokens: 200, input: 200_000_000n, output: 3_000_000_000n, cachedInput: null },
      { aboveInputTokens: 500, input: 800_000_000n, output: 1_500_000_000n, cachedInput: null },
    ]);
  });

  it('puts times of day into the id', () => {
    const row = readPriceRow({ ...ENTRY, valid_from: '2026-08-17', hours_utc: ['01:00-04:00', '22:30-00:15'] });
    expect(row.id).toBe('openai/gpt-5-mini@2026-08-17#01:00-04:00+22:30-00:15');
    expect(row.hoursUtc).toEqual([
      { fromMinute: 60, untilMinute: 240 },
      { fromMinute: 1350, untilMinute: 15 },
    ]);
  });
});
