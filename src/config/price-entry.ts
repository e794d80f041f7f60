import Type from 'typebox';
import { decimal, entry, map, text } from './schema-parts.ts';

const mtok = (what: string) => `${what}, in US dollars per million tokens.`;

/** A price of the configuration (contract.md, "Prices"). */
export const PRICE_ENTRY = entry('a price', {
  provider: text({ description: "The upstream's name." }),
  model: text({ description: 'Exact or a glob; the first match wins.', expects: 'a model or a glob' }),
  input_per_mtok: decimal({ description: mtok('Input') }),
  cached_input_per_mtok: Type.Optional(
    decimal({ description: mtok('Input read from the cache'), defaultText: '`input_per_mtok`' }),
  ),
  cache_write_per_mtok: Type.Optional(
    decimal({ description: mtok('Input written to the cache'), defaultText: '`input_per_mtok`' }),
  ),
  output_per_mtok: decimal({ description: mtok('Output, reasoning included') }),
  input_audio_per_mtok: Type.Optional(decimal({ description: mtok('Audio input'), defaultText: '`input_per_mtok`' })),
  output_audio_per_mtok: Type.Optional(
    decimal({ description: mtok('Audio output'), defaultText: '`output_per_mtok`' }),
  ),
  per_request_usd: Type.Optional(decimal({ description: 'On top, for each call, in US dollars.' })),
  valid_from: Type.Optional(
    Type.String({
      format: 'date',
      description: 'First day (UTC) of this price; always, when absent.',
      expects: 'a date',
      hint: 'write it as 2026-11-01',
    }),
  ),
  service_tiers: Type.Optional(
    map(
      entry('a service tier', {
        multiplier: decimal({ description: 'Factor on all prices of this row for calls of the tier.' }),
      }),
      { description: 'Service tiers with their own price, by name (`flex`, `priority`, …).' },
    ),
  ),
});
