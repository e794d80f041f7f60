import type { BookEntry } from '../book-entry.ts';
import type { TokenPriceEntry } from '../price-entry.ts';
import { decimalText } from './decimal.ts';
import type { ConditionalPrice, GenaiModel, GenaiProvider, ModelPrice, TieredPrice } from './genai-data.ts';
import { matches, matchWords } from './match-rules.ts';

export const GENAI_PRICES = 'genai-prices';

/** Prices per million tokens: their names there and here. */
const TOKEN_PRICES: Readonly<Record<string, keyof TokenPriceEntry>> = {
  input_mtok: 'input_per_mtok',
  cache_read_mtok: 'cached_input_per_mtok',
  cache_write_mtok: 'cache_write_per_mtok',
  cache_write_1h_mtok: 'cache_write_1h_per_mtok',
  input_audio_mtok: 'input_audio_per_mtok',
  cache_audio_read_mtok: 'cached_audio_per_mtok',
  input_image_mtok: 'input_image_per_mtok',
  cache_image_read_mtok: 'cached_image_per_mtok',
  output_mtok: 'output_per_mtok',
  output_reasoning_mtok: 'reasoning_per_mtok',
  output_audio_mtok: 'output_audio_per_mtok',
  output_image_mtok: 'output_image_per_mtok',
};

/** Other prices, and how far the point moves from their unit to ours. */
const OTHER_PRICES = {
  requests_kcount: ['per_request_usd', -3],
  audio_hours: ['per_audio_hour_usd', 0],
  web_searches_kcount: ['per_thousand_web_searches_usd', 0],
} as const satisfies Readonly<Record<string, readonly [keyof BookEntry, number]>>;

/** Says again what `audio_hours` says. */
const REPEATED = 'input_audio_hours';

/** Models of which the source has no price because their providers ask none. An OpenRouter name says so itself. */
const FREE: ReadonlySet<string> = new Set([
  'openai/moderation', // https://developers.openai.com/api/docs/models/omni-moderation-latest
  'google/gemma-3', // https://ai.google.dev/gemini-api/docs/pricing, "free of charge"
  'google/gemma-3n',
  'google/gemma-4-26b-a4b-it',
  'google/gemma-4-31b-it',
]);
const FREE_NAME = /^openrouter\/.*:free$/;

/** A model that got no row, and why. */
export interface LeftOut {
  readonly model: string;
  readonly reason: string;
}

export interface ProviderRows {
  readonly entries: readonly BookEntry[];
  readonly leftOut: readonly LeftOut[];
}

/** Makes the rows of a provider: for each of its models one for each date and time of day, the oldest first. */
export function genaiPriceRows(name: string, provider: GenaiProvider): ProviderRows {
  const rows = provider.models.map((model) => genaiModelRows(name, provider, model));
  return { entries: rows.flatMap(({ entries }) => entries), leftOut: rows.flatMap(({ leftOut }) => leftOut) };
}

/** The same for one of its models. @throws Error where the book has no words for what the source says */
export function genaiModelRows(name: string, provider: GenaiProvider, model: GenaiModel): ProviderRows {
  const entries: BookEntry[] = [];
  const leftOut: LeftOut[] = [];
  const words = bookWords(provider, model);
  for (const { prices, valid_from, hours_utc } of datedPrices(model)) {
    const priced = writtenPrices(`${name}/${model.id}`, prices);
    if ('reason' in priced) leftOut.push({ model: `${name}/${model.id}`, reason: priced.reason });
    else {
      const dates = { ...(valid_from && { valid_from }), ...(hours_utc && { hours_utc }) };
      entries.push({ provider: name, model: model.id, ...words, ...dates, ...priced, source: GENAI_PRICES });
    }
  }
  return { entries, leftOut };
}

/**
 * The names and patterns of a model. In the book names go before patterns; in the source the first model that matches
 * wins. So a name is taken only where the source too would give it this model.
 */
function bookWords(provider: GenaiProvider, model: GenaiModel): Pick<BookEntry, 'names' | 'patterns' | 'except'> {
  const { names, patterns, except } = matchWords(model.match);
  const winnerOf = (name: string) => provider.models.find(({ match }) => matches(match, name));
  const candidates = new Map([...names, model.id].map((name) => [name.toLowerCase(), name]));
  const own = [...candidates.values()].filter((name) => !/[-@.:]$/.test(name) && winnerOf(name) === model);
  const isPlain = own.length === 1 && own[0] === model.id;
  return {
    ...(isPlain ? {} : { names: own }),
    ...(patterns.length > 0 && { patterns: patterns.map((pattern) => pattern.toLowerCase()) }),
    ...(except.length > 0 && { except }),
  };
}

interface DatedPrice {
  readonly prices: ModelPrice;
  readonly valid_from: string | null;
  readonly hours_utc: string[] | null;
}

/**
 * The list of a model's prices as rows. There each one stands over those before it; here prices for times of day hold
 * from the date that stands before them.
 */
function datedPrices(model: GenaiModel): DatedPrice[] {
  const conditions: readonly ConditionalPrice[] = isList(model.prices) ? model.prices : [{ prices: model.prices }];
  const rows: DatedPrice[] = [];
  let valid_from: string | null = null;
  for (const { constraint, prices } of conditions) {
    if (constraint?.type === 'time_of_date') {
      const hours = `${clock(constraint.start_time)}-${clock(constraint.end_time)}`;
      const same = rows.find(
        (row) => row.hours_utc !== null && row.valid_from === valid_from && isSame(row.prices, prices),
      );
      if (same?.hours_utc) same.hours_utc.push(hours);
      else rows.push({ prices, valid_from, hours_utc: [hours] });
      continue;
    }
    if (constraint !== undefined) valid_from = constraint.start_date;
    rows.push({ prices, valid_from, hours_utc: null });
  }
  return rows;
}

function isList(prices: GenaiModel['prices']): prices is readonly ConditionalPrice[] {
  return Array.isArray(prices);
}

function isSame(one: ModelPrice, other: ModelPrice): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** `00:30:00Z` as `00:30`. */
function clock(time: string): string {
  const match = /^(\d{2}:\d{2}):00(?:\.0+)?Z$/.exec(time);
  if (match?.[1] === undefined) throw new Error(`no words for the time ${time}`);
  return match[1];
}

type WrittenPrices = Omit<BookEntry, 'provider' | 'model' | 'source'>;

function writtenPrices(id: string, prices: ModelPrice): WrittenPrices | { readonly reason: string } {
  const written: Record<string, string> = {};
  const lengths = new Set<number>();
  const notCharged: string[] = [];
  for (const [key, price] of Object.entries(prices)) {
    if (price === undefined || (key === REPEATED && price === prices['audio_hours'])) continue;
    const field = TOKEN_PRICES[key];
    if (field !== undefined) {
      written[field] = decimalText(typeof price === 'number' ? price : price.base);
      for (const { start } of typeof price === 'number' ? [] : price.tiers) lengths.add(start);
    } else if (isOther(key) && typeof price === 'number') {
      const [other, places] = OTHER_PRICES[key];
      written[other] = decimalText(price, places);
    } else notCharged.push(key);
  }
  if (FREE.has(id) || (FREE_NAME.test(id) && Object.keys(prices).length === 0)) {
    return { input_per_mtok: '0', output_per_mtok: '0' };
  }
  if (Object.keys(written).length === 0) {
    return { reason: notCharged.length === 0 ? 'no price' : `only prices for ${notCharged.join(', ')}` };
  }
  const tiers = [...lengths].sort((one, other) => one - other).map((start) => contextTier(prices, start));
  return {
    ...written,
    ...(tiers.length > 0 && { context_tiers: tiers }),
    ...(notCharged.length > 0 && { not_charged: notCharged }),
  };
}

function isOther(key: string): key is keyof typeof OTHER_PRICES {
  return Object.hasOwn(OTHER_PRICES, key);
}

function contextTier(
  prices: ModelPrice,
  start: number,
): { above_input_tokens: number } & Record<string, string | number> {
  const tier: { above_input_tokens: number } & Record<string, string | number> = { above_input_tokens: start };
  for (const [key, field] of Object.entries(TOKEN_PRICES)) {
    const price = prices[key];
    if (price !== undefined && typeof price !== 'number') tier[field] = decimalText(priceAbove(price, start));
  }
  return tier;
}

/** The price of a call just longer than `start`. */
function priceAbove({ base, tiers }: TieredPrice, start: number): number {
  return (
    tiers
      .filter((tier) => tier.start <= start)
      .toSorted((one, other) => one.start - other.start)
      .at(-1)?.price ?? base
  );
}
