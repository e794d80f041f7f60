import type { ContextTierEntry, PriceEntry, ServiceTierEntry } from './price-entry.ts';

/**
 * A row of the bundled book as it is written: a price, the names it goes by, and where it is from. `provider` is the
 * book's own name of the provider and `model` the name of the series that dated rows belong to.
 */
export interface BookEntry extends PriceEntry {
  /** Names of the model, compared without regard to capital letters; `model` alone, when absent. */
  readonly names?: readonly string[] | undefined;
  /** Globs for further names, looked at in the order of the rows after all names. */
  readonly patterns?: readonly string[] | undefined;
  /** Globs for names that are not meant although a pattern matches. */
  readonly except?: readonly string[] | undefined;
  /** What the source has a price for that no record counts. */
  readonly not_charged?: readonly string[] | undefined;
  /** The source of the row. */
  readonly source: string;
  readonly supplement?: Supplement | undefined;
}

/** What the second source adds to a row of the first one. */
export interface Supplement {
  readonly source: string;
  readonly cache_write_12h_per_mtok?: string | undefined;
  /** Only cache writes, at the lengths of the row itself. */
  readonly context_tiers?: readonly ContextTierEntry[] | undefined;
  readonly service_tiers?: Readonly<Record<string, ServiceTierEntry>> | undefined;
}

/** The first line of the book. */
export interface BookHeader {
  readonly schema: number;
  /** The day on which it was made. */
  readonly book_version: string;
  readonly sources: readonly BookSource[];
}

export interface BookSource {
  readonly name: string;
  readonly package: string;
  readonly version: string;
  readonly license: string;
  readonly url: string;
}

/** The price as a whole, with what the second source adds. */
export function priceEntryOf(entry: BookEntry): PriceEntry {
  const { names: _names, patterns: _patterns, except: _except, not_charged: _not, source: _source, ...rest } = entry;
  const { supplement, ...price } = rest;
  if (supplement === undefined) return price;
  const { cache_write_12h_per_mtok, context_tiers, service_tiers } = supplement;
  return {
    ...price,
    ...(cache_write_12h_per_mtok === undefined ? {} : { cache_write_12h_per_mtok }),
    ...(price.context_tiers === undefined
      ? {}
      : { context_tiers: joinTiers(price.context_tiers, context_tiers ?? []) }),
    ...(service_tiers === undefined ? {} : { service_tiers }),
  };
}

function joinTiers(tiers: readonly ContextTierEntry[], more: readonly ContextTierEntry[]): ContextTierEntry[] {
  return tiers.map((tier) => ({
    ...tier,
    ...more.find(({ above_input_tokens }) => above_input_tokens === tier.above_input_tokens),
  }));
}

/** Narrows a parsed line. What amounts and dates must look like is checked where they are read. */
export function isBookEntry(value: unknown): value is BookEntry {
  if (!isObject(value)) return false;
  const { provider, model, source, names, patterns, except, not_charged, hours_utc, supplement } = value;
  return (
    [provider, model, source].every((text) => typeof text === 'string') &&
    [names, patterns, except, not_charged, hours_utc].every((list) => list === undefined || isListOfTexts(list)) &&
    hasTiers(value) &&
    (supplement === undefined || (isObject(supplement) && hasTiers(supplement)))
  );
}

/** Narrows the parsed first line. */
export function isBookHeader(value: unknown): value is BookHeader {
  if (!isObject(value)) return false;
  const { schema, book_version, sources } = value;
  return (
    typeof schema === 'number' && typeof book_version === 'string' && Array.isArray(sources) && sources.every(isSource)
  );
}

function isSource(value: unknown): boolean {
  if (!isObject(value)) return false;
  return ['name', 'package', 'version', 'license', 'url'].every((name) => typeof value[name] === 'string');
}

function hasTiers({ context_tiers, service_tiers }: Record<string, unknown>): boolean {
  const areTiers = (tiers: unknown): boolean => tiers === undefined || (Array.isArray(tiers) && tiers.every(isTier));
  if (service_tiers === undefined) return areTiers(context_tiers);
  if (!isObject(service_tiers)) return false;
  const tiers = Object.values(service_tiers);
  return areTiers(context_tiers) && tiers.every((tier) => isObject(tier) && areTiers(tier['context_tiers']));
}

function isTier(value: unknown): boolean {
  return isObject(value) && typeof value['above_input_tokens'] === 'number';
}

function isListOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
