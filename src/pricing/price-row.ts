import { parseDecimal } from '../core/money.ts';
import {
  type ContextTierEntry,
  PRICE_FIELDS,
  type PriceEntry,
  type ServiceTierEntry,
  TOKEN_KINDS,
  type TokenKind,
  type TokenPriceEntry,
} from './price-entry.ts';

/**
 * Femto-USD (1e-15) per token, so nine decimals of a price per million tokens are exact. Null: no price of its own, and
 * the tokens are charged as the plain kind that they are part of.
 */
export type TokenPrices = Readonly<Record<TokenKind, bigint | null>>;

/** Prices, and those that take their place above a length of the input. */
export interface PriceTable {
  readonly femtoUsdPerToken: TokenPrices;
  /** By rising length. Whole tables: what a tier does not name has the price of the row. */
  readonly contextTiers: readonly ContextTier[];
}

export interface ContextTier {
  readonly aboveInputTokens: number;
  readonly femtoUsdPerToken: TokenPrices;
}

/** A factor on the whole row in billionths (`500000000n` is a half), or prices of the tier's own. */
export type ServiceTier =
  | { readonly kind: 'factor'; readonly multiplier: bigint }
  | { readonly kind: 'prices'; readonly table: PriceTable };

/** One dated price. Rows are never changed, only followed by later ones: records name the row that priced them. */
export interface PriceRow extends PriceTable {
  /**
   * `openai/gpt-5-mini@2026-11-01`; without `@…` where the row has no date, with `#…` where it has times of day, and with
   * `~book` at its end where it is one of the bundled book, so that an override never has the id of what it overrides.
   */
  readonly id: string;
  readonly provider: string;
  readonly model: string;
  readonly perRequestNanoUsd: bigint;
  readonly nanoUsdPerAudioHour: bigint | null;
  readonly nanoUsdPerThousandWebSearches: bigint | null;
  /** Null: since ever. */
  readonly validFromMs: number | null;
  /** Null: the whole day. */
  readonly hoursUtc: readonly DailyHours[] | null;
  readonly serviceTiers: ReadonlyMap<string, ServiceTier>;
  /** The row of the configuration goes before one of the bundled book. */
  readonly source: 'config' | 'book';
  /** As it was written. */
  readonly entry: PriceEntry;
}

/** Minutes of the day; where `untilMinute` is not the later one, the hours go over midnight. */
export interface DailyHours {
  readonly fromMinute: number;
  readonly untilMinute: number;
}

/** A price per million tokens with nine places is a price per token in 1e-15 USD; an amount in USD is one in nano-USD. */
const PLACES = 9;
export const MULTIPLIER_ONE = 1_000_000_000n;

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;
const HOURS = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;
const MS_PER_DAY = 86_400_000;

/**
 * Reads a price.
 *
 * @throws Error that begins with the name of the field at fault
 */
export function readPriceRow(entry: PriceEntry, source: PriceRow['source'] = 'config'): PriceRow {
  const provider = requireText('provider', entry.provider);
  const model = requireText('model', entry.model);
  const validFromMs = entry.valid_from === undefined ? null : readTime('valid_from', entry.valid_from);
  const table = readTable(entry, null, '');
  const nanoUsdPerAudioHour = readAmount('per_audio_hour_usd', entry.per_audio_hour_usd);
  const hasPrice = Object.values(table.femtoUsdPerToken).some((price) => price !== null);
  if (entry.per_request_usd === undefined && nanoUsdPerAudioHour === null && !hasPrice) {
    throw new Error('input_per_mtok: the row has no price at all; write "0" for what is free');
  }
  const date = validFromMs === null ? '' : `@${dateText(validFromMs)}`;
  const hours = entry.hours_utc === undefined ? '' : `#${entry.hours_utc.join('+')}`;
  return {
    id: `${provider}/${model}${date}${hours}${source === 'book' ? '~book' : ''}`,
    provider,
    model,
    ...table,
    perRequestNanoUsd: readAmount('per_request_usd', entry.per_request_usd) ?? 0n,
    nanoUsdPerAudioHour,
    nanoUsdPerThousandWebSearches: readAmount('per_thousand_web_searches_usd', entry.per_thousand_web_searches_usd),
    validFromMs,
    hoursUtc: entry.hours_utc === undefined ? null : entry.hours_utc.map(readHours),
    serviceTiers: readServiceTiers(entry.service_tiers ?? {}, table),
    source,
    entry,
  };
}

/**
 * Reads prices and their context tiers.
 *
 * @param under the table whose prices hold where this one names none
 * @param prefix of the field in error messages
 */
function readTable(
  entry: TokenPriceEntry & { readonly context_tiers?: readonly ContextTierEntry[] | undefined },
  under: PriceTable | null,
  prefix: string,
): PriceTable {
  const own = entry.context_tiers ?? [];
  const lengths = [...own.map(({ above_input_tokens }) => above_input_tokens), ...lengthsOf(under)];
  if (new Set(own.map(({ above_input_tokens }) => above_input_tokens)).size < own.length) {
    throw new Error(`${prefix}context_tiers: two tiers begin at the same length`);
  }
  const femtoUsdPerToken = readPrices(entry, under?.femtoUsdPerToken ?? NO_PRICES, prefix);
  const contextTiers = [...new Set(lengths)]
    .toSorted((one, other) => one - other)
    .map((aboveInputTokens) => {
      if (!Number.isSafeInteger(aboveInputTokens) || aboveInputTokens < 0) {
        throw new Error(`${prefix}context_tiers: above_input_tokens must be a whole number from 0`);
      }
      const tier = own.find(({ above_input_tokens }) => above_input_tokens === aboveInputTokens) ?? {};
      // A length that only the table below knows keeps that table's prices: a long call is not made cheaper by a service
      // tier of which only the short prices are known.
      const base = under === null ? femtoUsdPerToken : pricesAt(under, aboveInputTokens, femtoUsdPerToken);
      return { aboveInputTokens, femtoUsdPerToken: readPrices(tier, base, `${prefix}context_tiers: `) };
    });
  return { femtoUsdPerToken, contextTiers };
}

const NO_PRICES: TokenPrices = {
  input: null,
  cachedInput: null,
  cacheWrite: null,
  cacheWrite1h: null,
  cacheWrite12h: null,
  inputAudio: null,
  cachedAudio: null,
  inputImage: null,
  cachedImage: null,
  output: null,
  reasoning: null,
  outputAudio: null,
  outputImage: null,
};

function lengthsOf(table: PriceTable | null): number[] {
  return (table?.contextTiers ?? []).map(({ aboveInputTokens }) => aboveInputTokens);
}

function pricesAt(table: PriceTable, aboveInputTokens: number, otherwise: TokenPrices): TokenPrices {
  const tier = table.contextTiers.find((candidate) => candidate.aboveInputTokens === aboveInputTokens);
  return tier?.femtoUsdPerToken ?? otherwise;
}

function readPrices(entry: TokenPriceEntry, under: TokenPrices, prefix: string): TokenPrices {
  const prices = { ...under };
  for (const kind of TOKEN_KINDS) {
    const field = PRICE_FIELDS[kind];
    prices[kind] = readAmount(prefix + field, entry[field]) ?? under[kind];
  }
  return prices;
}

function readServiceTiers(
  tiers: Readonly<Record<string, ServiceTierEntry>>,
  row: PriceTable,
): ReadonlyMap<string, ServiceTier> {
  return new Map(Object.entries(tiers).map(([name, tier]) => [name, readServiceTier(name, tier, row)]));
}

function readServiceTier(name: string, entry: ServiceTierEntry, row: PriceTable): ServiceTier {
  const { multiplier, ...prices } = entry;
  const hasPrices = Object.values(prices).some((value) => value !== undefined);
  if ((multiplier === undefined) !== hasPrices) {
    throw new Error(`service_tiers.${name}: must have either a multiplier or prices`);
  }
  if (multiplier !== undefined) {
    return { kind: 'factor', multiplier: requireAmount(`service_tiers.${name}.multiplier`, multiplier) };
  }
  return { kind: 'prices', table: readTable(prices, row, `service_tiers.${name}.`) };
}

function readAmount(field: string, value: unknown): bigint | null {
  return value === undefined ? null : requireAmount(field, value);
}

function requireAmount(field: string, value: unknown): bigint {
  const amount = typeof value === 'string' ? parseDecimal(value, PLACES) : null;
  if (amount === null) {
    throw new Error(`${field}: must be a plain decimal string such as "0.20", not negative, with at most 9 decimals`);
  }
  return amount;
}

function requireText(field: string, value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '') throw new Error(`${field}: must not be empty`);
  return value;
}

function readHours(text: string): DailyHours {
  const match = HOURS.exec(text);
  if (match === null) throw new Error('hours_utc: must be times of day such as 01:00-04:00');
  const [fromHour = 0, fromMinute = 0, untilHour = 0, untilMinute = 0] = match.slice(1).map(Number);
  return { fromMinute: fromHour * 60 + fromMinute, untilMinute: untilHour * 60 + untilMinute };
}

function readTime(field: string, value: unknown): number {
  const text = typeof value === 'string' && (DAY.test(value) || TIME.test(value)) ? value : '';
  const day = text.slice(0, 10);
  const ms = Date.parse(text);
  // Date.parse takes 30 February for 2 March.
  if (Number.isNaN(ms) || dateText(Date.parse(day)) !== day) {
    throw new Error(`${field}: must be a day such as 2026-11-01 (UTC), or a time with its zone`);
  }
  return ms;
}

function dateText(ms: number): string {
  const text = new Date(ms).toISOString();
  return ms % MS_PER_DAY === 0 ? text.slice(0, 10) : text;
}
