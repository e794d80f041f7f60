import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { litellmRows, readLitellm, supplementOf } from '../../scripts/price-book/litellm.ts';
import { decimalText } from '../../src/pricing/sources/decimal.ts';
import { matches, matchWords } from '../../src/pricing/sources/match-rules.ts';

describe('decimalText', () => {
  it.each([
    [0, 6, '0'],
    [2.5e-7, 6, '0.25'],
    [2.5e-8, 6, '0.025'],
    [0.1 + 0.2, 0, '0.3'],
    [0.7 + 0.1, 0, '0.8'],
    [12, -3, '0.012'],
    [1500, 0, '1500'],
    [0.00015, 6, '150'],
    [1e-5, 6, '10'],
    [0.003625, 0, '0.003625'],
    [1 / 12, 0, '0.083333333'],
    [0.0001, 0, '0.0001'],
  ])('writes %d moved by %d places as %s', (value, places, text) => {
    expect(decimalText(value, places)).toBe(text);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 1 / 3e6])('refuses %d', (value) => {
    expect(() => decimalText(value)).toThrow(RangeError);
  });

  it('writes whatever has nine decimals as it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9_999_999_999 }), fc.integer({ min: 0, max: 9 }), (digits, decimals) => {
        const text = decimalText(Number(`${digits}e-${decimals}`));
        expect(text).toMatch(/^(?:0|[1-9]\d*)(?:\.\d{0,8}[1-9])?$/);
        const [whole = '', fraction = ''] = text.split('.');
        expect(BigInt(whole + fraction.padEnd(9, '0'))).toBe(BigInt(digits) * 10n ** BigInt(9 - decimals));
      }),
    );
  });
});

describe('matchWords', () => {
  it('translates every kind of rule', () => {
    const rule = {
      or: [
        { equals: 'gpt-5' },
        { starts_with: 'ft:gpt-5' },
        { ends_with: '-mini' },
        { contains: 'v2' },
        { regex: '^gpt-5\\.6-\\d{4}-\\d{2}-\\d{2}$' },
        { regex: '^gpt-5\\.7-\\d{8}$' },
      ],
    };
    expect(matchWords(rule)).toEqual({
      names: ['gpt-5', 'ft:gpt-5', 'gpt-5.6', 'gpt-5.7'],
      patterns: ['ft:gpt-5*', '*-mini', '*v2*'],
      except: [],
    });
  });

  it('translates what is meant but for speech', () => {
    const rule = { and: [{ starts_with: 'gemini' }, { regex: '^(?!.*-[tT][tT][sS](?:$|-))' }] };
    expect(matchWords(rule)).toEqual({ names: ['gemini'], patterns: ['gemini*'], except: ['*-tts', '*-tts-*'] });
    expect([matches(rule, 'gemini-pro'), matches(rule, 'gemini-TTS')]).toEqual([true, false]);
  });

  it.each([{ regex: '^gpt-[45]$' }, { and: [{ starts_with: 'a' }, { ends_with: 'b' }] }])(
    'has no words for %j, and says so',
    (rule) => {
      expect(() => matchWords(rule)).toThrow('no words for the rule');
    },
  );
});

const COSTS = {
  litellm_provider: 'openai',
  mode: 'chat',
  input_cost_per_token: 2e-6,
  output_cost_per_token: 1e-5,
  cache_creation_input_token_cost_above_12hr: 5e-6,
  cache_creation_input_token_cost_above_12hr_above_272k_tokens: 1e-5,
  cache_read_input_token_cost_flex: 5e-8,
  input_cost_per_token_flex: 1e-6,
  output_cost_per_token_flex: 5e-6,
  input_cost_per_token_above_272k_tokens: 4e-6,
  input_cost_per_token_above_272k_tokens_flex: 2e-6,
  input_cost_per_token_batches: 1e-6,
  search_context_cost_per_query: { search_context_size_low: 0.01, search_context_size_high: 0.01 },
};

describe('the second source', () => {
  const row = {
    provider: 'openai',
    model: 'm',
    input_per_mtok: '2',
    output_per_mtok: '10',
    context_tiers: [{ above_input_tokens: 271_999, input_per_mtok: '4' }],
    source: 'genai-prices',
  };

  it('adds service tiers and long cache writes, of kinds that the row has prices for', () => {
    expect(supplementOf(row, COSTS)).toEqual({
      source: 'litellm',
      cache_write_12h_per_mtok: '5',
      context_tiers: [{ above_input_tokens: 271_999, cache_write_12h_per_mtok: '10' }],
      service_tiers: {
        flex: {
          input_per_mtok: '1',
          output_per_mtok: '5',
          context_tiers: [{ above_input_tokens: 271_999, input_per_mtok: '2' }],
        },
        batch: { input_per_mtok: '1' },
      },
    });
  });

  it('adds nothing where its plain prices are others', () => {
    expect(supplementOf({ ...row, output_per_mtok: '8' }, COSTS)).toEqual({
      model: 'openai/m',
      differences: ['output_per_mtok 8 and 10'],
    });
    expect(supplementOf(row, { input_cost_per_token: 2e-6 })).toBeNull();
  });

  it('gives rows of models that are not known, and that it has a price for', () => {
    const models = readLitellm(
      JSON.stringify({
        new: COSTS,
        known: COSTS,
        'ft:new': { ...COSTS, search_context_cost_per_query: undefined },
        free: { ...COSTS, input_cost_per_token: 0, output_cost_per_token: 0 },
        'high/1024-x-1024/image': COSTS,
        video: { ...COSTS, mode: 'video_generation' },
        elsewhere: { ...COSTS, litellm_provider: 'groq' },
        heard: { litellm_provider: 'openai', mode: 'audio_transcription', input_cost_per_second: 0.0001 },
        sample_spec: 'text',
      }),
    );
    const source = { prefix: '', providers: ['openai'], fills: true };
    const rows = litellmRows('openai', source, { models, isKnown: (model) => model === 'known' });
    expect(rows.map(({ model }) => model)).toEqual(['ft:new', 'heard', 'new']);
    expect(rows[0]).toMatchObject({ patterns: ['ft:new:*'], input_per_mtok: '2', source: 'litellm' });
    expect(rows[1]).toEqual({ provider: 'openai', model: 'heard', per_audio_hour_usd: '0.36', source: 'litellm' });
    expect(rows[2]).toMatchObject({
      output_per_mtok: '10',
      per_thousand_web_searches_usd: '10',
      context_tiers: [{ above_input_tokens: 272_000, input_per_mtok: '4', cache_write_12h_per_mtok: '10' }],
      service_tiers: { flex: { cached_input_per_mtok: '0.05' } },
    });
  });
});
