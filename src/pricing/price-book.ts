import { RecentCache } from '../core/recent-cache.ts';
import { isExactModel, matchesModel } from './model-pattern.ts';
import type { PriceRow } from './price-row.ts';

export interface PriceQuery {
  /** The upstream's name. */
  readonly provider: string;
  readonly model: string;
  /** When the call was made: milliseconds since the Unix epoch. */
  readonly atMs: number;
}

export interface PriceBook {
  /** Gives the row that prices a call; null means unpriced, which is not free. */
  find(query: PriceQuery): PriceRow | null;
  /** The models with a row of their own, globs left out: the names that may be metric labels. */
  readonly modelNames: ReadonlySet<string>;
}

/** Model names come from clients and upstreams, so the memory of them is bounded in number and length. */
const RECENT_MODELS = 2000;
/** Providers are the names of upstreams, those of old records too. */
const RECENT_PROVIDERS = 100;
const MAX_REMEMBERED_LENGTH = 256;

/**
 * Makes a book of the rows of a configuration.
 *
 * Of the rows that match provider and model and are valid at that time the first one wins (contract.md, "Prices"). If
 * it is one of several dated rows of the same source, provider and pattern, the one with the latest `valid_from` takes
 * its place, whatever order they are written in.
 */
export function createPriceBook(rows: readonly PriceRow[]): PriceBook {
  const recent = new RecentCache<string, RecentCache<string, readonly PriceRow[]>>(RECENT_PROVIDERS);

  /** By two names one after the other: to join them would cost each call more than all else of the look-up. */
  function rowsFor(provider: string, model: string): readonly PriceRow[] {
    const models = recent.get(provider) ?? new RecentCache(RECENT_MODELS);
    const known = models.get(model);
    if (known !== undefined) return known;
    const matching = rows.filter((row) => row.provider === provider && matchesModel(row.model, model));
    if (model.length <= MAX_REMEMBERED_LENGTH) models.set(model, matching);
    recent.set(provider, models);
    return matching;
  }

  return {
    find: ({ provider, model, atMs }) => rowValidAt(rowsFor(provider, model), atMs),
    modelNames: new Set(rows.map(({ model }) => model).filter(isExactModel)),
  };
}

/** Of rows that match, the one that prices a call made at that time; see `createPriceBook`. */
export function rowValidAt(rows: readonly PriceRow[], atMs: number): PriceRow | null {
  let found: PriceRow | null = null;
  for (const row of rows) {
    if (startOf(row) > atMs || !holdsAtHour(row, atMs)) continue;
    if (found === null || (isSeries(found, row) && isMoreSpecific(row, found))) found = row;
  }
  return found;
}

function startOf(row: PriceRow): number {
  return row.validFromMs ?? Number.NEGATIVE_INFINITY;
}

function holdsAtHour({ hoursUtc }: PriceRow, atMs: number): boolean {
  if (hoursUtc === null) return true;
  const at = new Date(atMs);
  const minute = at.getUTCHours() * 60 + at.getUTCMinutes();
  return hoursUtc.some(({ fromMinute, untilMinute }) =>
    fromMinute < untilMinute
      ? minute >= fromMinute && minute < untilMinute
      : minute >= fromMinute || minute < untilMinute,
  );
}

/** A later row; of the same day, one with hours before the one for the rest of the day. */
function isMoreSpecific(row: PriceRow, found: PriceRow): boolean {
  if (startOf(row) !== startOf(found)) return startOf(row) > startOf(found);
  return row.hoursUtc !== null && found.hoursUtc === null;
}

/** Rows of a query have one provider, so source and pattern tell. */
function isSeries(one: PriceRow, other: PriceRow): boolean {
  return one.model === other.model && one.source === other.source;
}
