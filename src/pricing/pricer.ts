import type { Usage } from '../metering/usage.ts';
import type { BookMatch, BundledBook } from './bundled-book.ts';
import { costOf } from './cost.ts';
import { type CostParts, costPartsOf } from './cost-parts.ts';
import { isExactModel } from './model-pattern.ts';
import type { PriceBook } from './price-book.ts';
import type { PriceRow } from './price-row.ts';
import { type TokensToPrice, worstCostOf } from './worst-cost.ts';

export interface PricedCall {
  /** The upstream's name: the provider of the price rows. */
  readonly upstream: string;
  readonly requestModel: string | null;
  readonly responseModel: string | null;
  readonly serviceTier: string | null;
  readonly usage: Usage;
  /** When the call was made: milliseconds since the Unix epoch. */
  readonly atMs: number;
}

export interface Price {
  /** A safe integer; 0 means free, because a row says so or nothing that has a price was used. */
  readonly costNanoUsd: number;
  readonly parts: CostParts;
  /** The id of the row. */
  readonly priceId: string;
}

export type UnpricedCall = Omit<PricedCall, 'usage' | 'serviceTier'>;

export interface Pricer {
  /** Prices a call; null means unpriced. Never throws: a price that cannot be worked out must not cost a record. */
  priceCall(call: PricedCall): Price | null;
  /** The most that a call may cost, in nano-USD; null where no price is known. Never throws. */
  worstCost(call: UnpricedCall & TokensToPrice): number | null;
  /** The row that would price a call, for showing it and for refusing unpriced models beforehand. */
  findRow(call: UnpricedCall): PriceRow | null;
  /** How a row of the bundled book would be found for a call, where no row of the configuration is. */
  findInBook(call: UnpricedCall): BookMatch | null;
}

/** The bundled book, and which of its providers each upstream is. */
export interface BookShelf {
  readonly book: Pick<BundledBook, 'find'>;
  /** By the upstream's name; null for an upstream of which nobody knows whose prices hold. */
  readonly providerOf: (upstream: string) => string | null;
}

/** What a dated snapshot adds to the name that was asked for: `gpt-5-mini` answers as `gpt-5-mini-2026-02-01`. */
const SNAPSHOT_SUFFIX = /^[-@][\d-]*\d$/;

/**
 * Makes a pricer. Rows of the configuration go before those of the bundled book, whichever of the two models they name;
 * among them, the model that answered is looked up before the one that was asked for.
 */
export function createPricer(configured: PriceBook, shelf: BookShelf | null = null): Pricer {
  const findConfigured = ({ upstream, requestModel, responseModel, atMs }: UnpricedCall): PriceRow | null => {
    const rowOf = (model: string | null): PriceRow | null =>
      model === null ? null : configured.find({ provider: upstream, model, atMs });
    const answered = rowOf(responseModel);
    if (answered !== null && isExactModel(answered.model)) return answered;
    const asked = rowOf(requestModel);
    if (answered === null || asked === null) return answered ?? asked;
    // Upstreams answer with the snapshot's name. A catch-all row must not take it from the row of the model itself.
    return isExactModel(asked.model) && isSnapshot(responseModel ?? '', requestModel ?? '') ? asked : answered;
  };
  const findInBook: Pricer['findInBook'] = ({ upstream, requestModel, responseModel, atMs }) => {
    const provider = shelf?.providerOf(upstream) ?? null;
    if (shelf === null || provider === null) return null;
    const matchOf = (model: string | null): BookMatch | null =>
      model === null ? null : shelf.book.find({ provider, model, atMs });
    return matchOf(responseModel) ?? matchOf(requestModel);
  };
  const findRow: Pricer['findRow'] = (call) => findConfigured(call) ?? findInBook(call)?.row ?? null;

  return {
    findRow,
    findInBook,
    worstCost(call) {
      const row = findRow(call);
      return row === null ? null : worstCostOf(row, call);
    },
    priceCall(call) {
      const row = findRow(call);
      if (row === null) return null;
      const { usage, serviceTier } = call;
      try {
        const { costNanoUsd, lineItems } = costOf({ row, usage, serviceTier });
        return { costNanoUsd, parts: costPartsOf(lineItems), priceId: row.id };
      } catch (error) {
        if (error instanceof RangeError) return null; // an absurd count: the cost is unknown, and unknown is not 0
        throw error;
      }
    },
  };
}

function isSnapshot(model: string, of: string): boolean {
  return model.startsWith(of) && SNAPSHOT_SUFFIX.test(model.slice(of.length));
}
