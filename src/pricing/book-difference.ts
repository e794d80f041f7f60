import { parseDecimal } from '../core/money.ts';
import type { BundledBook } from './bundled-book.ts';
import type { PriceEntry } from './price-entry.ts';
import type { PriceRow } from './price-row.ts';

/** One price that two rows have differently. Null where a row has none. */
export interface PriceChange {
  /** `input_per_mtok`, `service_tiers.flex.input_per_mtok`, `context_tiers.200000.input_per_mtok`, … */
  readonly price: string;
  readonly before: string | null;
  readonly after: string | null;
  /** By how much it rises, in per cent with two places; null where there is no before, or it was 0. */
  readonly percent: string | null;
}

export interface RowChange {
  readonly id: string;
  readonly changes: readonly PriceChange[];
}

/** What a newer book has otherwise. */
export interface BookDifference {
  readonly before: string;
  readonly after: string;
  /** Rows that are new; `changes` against the row that its model had last before, none for a new model. */
  readonly added: readonly RowChange[];
  readonly changed: readonly RowChange[];
  /** Ids of rows that are gone. */
  readonly ended: readonly string[];
}

/** Compares two books row by row. Rows are the same by their id: provider, model, first day, times of day. */
export function compareBooks(before: BundledBook, after: BundledBook): BookDifference {
  const [old, now] = [rowsById(before), rowsById(after)];
  const added = [...now.values()].filter(({ id }) => !old.has(id));
  return {
    before: before.header.book_version,
    after: after.header.book_version,
    added: added.map((row) => ({ id: row.id, changes: changesFrom(lastOf(before, row), row) })),
    changed: [...now.values()].flatMap((row) => {
      const known = old.get(row.id);
      const changes = known === undefined ? [] : comparePrices(known.entry, row.entry);
      return changes.length === 0 ? [] : [{ id: row.id, changes }];
    }),
    ended: [...old.keys()].filter((id) => !now.has(id)),
  };
}

function rowsById(book: BundledBook): Map<string, PriceRow> {
  return new Map(book.providers.flatMap((provider) => book.rowsOf(provider)).map((row) => [row.id, row]));
}

function lastOf(book: BundledBook, { provider, model }: PriceRow): PriceRow | null {
  const rows = book.rowsOf(provider).filter((row) => row.model === model);
  return rows.toSorted((a, b) => (a.validFromMs ?? 0) - (b.validFromMs ?? 0)).at(-1) ?? null;
}

function changesFrom(before: PriceRow | null, after: PriceRow): readonly PriceChange[] {
  return before === null ? [] : comparePrices(before.entry, after.entry);
}

/** The prices that two rows have differently, in the order in which they are written. */
export function comparePrices(before: PriceEntry, after: PriceEntry): PriceChange[] {
  const [old, now] = [pricesOf(before), pricesOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((price) => {
    const change = { price, before: old.get(price) ?? null, after: now.get(price) ?? null };
    return isSameAmount(change.before, change.after) ? [] : [{ ...change, percent: percentOf(change) }];
  });
}

const NO_PRICES = new Set(['provider', 'model', 'valid_from', 'hours_utc', 'above_input_tokens']);

/** Every price of a row by its path. */
function pricesOf(entry: object, prefix = ''): Map<string, string> {
  const prices = new Map<string, string>();
  for (const [name, value] of Object.entries(entry)) {
    if (NO_PRICES.has(name)) continue;
    const path = `${prefix}${name}`;
    if (typeof value === 'string') prices.set(path, value);
    else if (Array.isArray(value)) addTiers(prices, path, value);
    else if (typeof value === 'object' && value !== null) addAll(prices, pricesOf(value, `${path}.`));
  }
  return prices;
}

function addTiers(prices: Map<string, string>, path: string, tiers: readonly unknown[]): void {
  for (const tier of tiers) {
    if (typeof tier !== 'object' || tier === null || !('above_input_tokens' in tier)) continue;
    addAll(prices, pricesOf(tier, `${path}.${String(tier.above_input_tokens)}.`));
  }
}

function addAll(prices: Map<string, string>, more: ReadonlyMap<string, string>): void {
  for (const [path, price] of more) prices.set(path, price);
}

const PLACES = 9;

function isSameAmount(a: string | null, b: string | null): boolean {
  return a === b || (a !== null && b !== null && parseDecimal(a, PLACES) === parseDecimal(b, PLACES));
}

function percentOf({ before, after }: { before: string | null; after: string | null }): string | null {
  const old = before === null ? null : parseDecimal(before, PLACES);
  const now = after === null ? null : parseDecimal(after, PLACES);
  if (old === null || now === null || old === 0n) return null;
  const hundredths = ((now - old) * 10_000n) / old;
  const size = hundredths < 0n ? -hundredths : hundredths;
  return `${hundredths < 0n ? '-' : '+'}${size / 100n}.${String(size % 100n).padStart(2, '0')}`;
}
