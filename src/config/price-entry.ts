import Type, { type Static } from 'typebox';
import { decimal, entry, list, map, text, wholeNumber } from './schema-parts.ts';

const mtok = (what: string) => `${what}, in US dollars per million tokens.`;

/** A price that is that of another kind of token where it is not written. */
const price = (what: string, defaultText: string) => Type.Optional(decimal({ description: mtok(what), defaultText }));

/** Prices that a row need not have. In a tier, all of them are the row's where they are not written. */
const furtherPrices = (ofRow?: string) => ({
  cached_input_per_mtok: price('Input read from the cache', ofRow ?? '`input_per_mtok`'),
  cache_write_per_mtok: price('Input written to the cache', ofRow ?? '`input_per_mtok`'),
  cache_write_1h_per_mtok: price('Input written to the cache for an hour', ofRow ?? '`cache_write_per_mtok`'),
  cache_write_12h_per_mtok: price('Input written to the cache for twelve hours', ofRow ?? '`cache_write_per_mtok`'),
  input_audio_per_mtok: price('Audio input', ofRow ?? '`input_per_mtok`'),
  cached_audio_per_mtok: price('Audio input read from the cache', ofRow ?? '`cached_input_per_mtok`'),
  input_image_per_mtok: price('Image input', ofRow ?? '`input_per_mtok`'),
  cached_image_per_mtok: price('Image input read from the cache', ofRow ?? '`cached_input_per_mtok`'),
  reasoning_per_mtok: price('Reasoning', ofRow ?? '`output_per_mtok`'),
  output_audio_per_mtok: price('Audio output', ofRow ?? '`output_per_mtok`'),
  output_image_per_mtok: price('Image output', ofRow ?? '`output_per_mtok`'),
});

const OF_ROW = "the row's";
const tierPrices = () => ({
  input_per_mtok: price('Input', OF_ROW),
  output_per_mtok: price('Output, reasoning included', OF_ROW),
  ...furtherPrices(OF_ROW),
});

const CONTEXT_TIER = entry(
  'a context tier',
  {
    above_input_tokens: wholeNumber({
      description: 'Calls with more input tokens than this have the prices of the tier, for all of their tokens.',
      minimum: 0,
    }),
    ...tierPrices(),
  },
  { sharedName: 'context tier' },
);

const contextTiers = (description: string) =>
  Type.Optional(
    Type.Refine(
      list(CONTEXT_TIER, { description, expects: 'a list of context tiers' }),
      (tiers: readonly Static<typeof CONTEXT_TIER>[]) =>
        new Set(tiers.map((tier) => tier.above_input_tokens)).size === tiers.length,
      () => 'must not have two tiers of the same above_input_tokens',
    ),
  );

const SERVICE_TIER_FIELDS = entry('a service tier', {
  multiplier: Type.Optional(
    decimal({ description: 'Factor on all prices of this row for calls of the tier; in place of prices.' }),
  ),
  ...tierPrices(),
  context_tiers: contextTiers('Prices of calls of the tier with a long input.'),
});

const SERVICE_TIER = Type.Refine(
  SERVICE_TIER_FIELDS,
  ({ multiplier, ...prices }: Static<typeof SERVICE_TIER_FIELDS>) =>
    (multiplier === undefined) === Object.values(prices).some((value) => value !== undefined),
  () => 'must have either a multiplier or prices',
);

/** A price of the configuration (contract.md, "Prices"). */
export const PRICE_ENTRY = entry('a price', {
  provider: text({ description: "The upstream's name." }),
  model: text({ description: 'Exact or a glob; the first match wins.', expects: 'a model or a glob' }),
  input_per_mtok: decimal({ description: mtok('Input') }),
  output_per_mtok: decimal({ description: mtok('Output, reasoning included') }),
  ...furtherPrices(),
  per_request_usd: Type.Optional(decimal({ description: 'On top, for each call, in US dollars.' })),
  per_audio_hour_usd: Type.Optional(
    decimal({ description: 'On top, for each hour of audio that the upstream reports, in US dollars.' }),
  ),
  per_thousand_web_searches_usd: Type.Optional(
    decimal({ description: 'On top, for a thousand web searches that the upstream reports, in US dollars.' }),
  ),
  valid_from: Type.Optional(
    Type.String({
      format: 'date',
      description: 'First day (UTC) of this price; always, when absent.',
      expects: 'a date',
      hint: 'write it as 2026-11-01',
    }),
  ),
  context_tiers: contextTiers('Prices of calls with a long input.'),
  service_tiers: Type.Optional(
    map(SERVICE_TIER, {
      description: 'Service tiers with their own price, by name (`flex`, `priority`, …).',
    }),
  ),
});
