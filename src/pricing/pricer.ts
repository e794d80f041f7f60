import type { Usage } from '../metering/usage.ts';
import { costOf } from './cost.ts';
import { isExactModel } from './model-pattern.ts';
import type { PriceBook } from './price-book.ts';
import type { PriceRow } from './price-row.ts';

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
  /** The id of the row. */
  readonly priceId: string;
}

export interface Pricer {
  /** Prices a call; null means unpriced. Never throws: a price that cannot be worked out must not cost a record. */
  priceCall(call: PricedCall): Price | null;
  /** The row that would price a call, for showing it and for refusing unpriced models beforehand. */
  findRow(call: Omit<PricedCall, 'usage' | 'serviceTier'>): PriceRow | null;
}

/** What a dated snapshot adds to the name that was asked for: `gpt-5-mini` answers as `gpt-5-mini-2026-02-01`. */
const SNAPSHOT_SUFFIX = /^[-@][\d-]*\d$/;

/** Makes a pricer over a book. The model that answered is looked up before the one that was asked for. */
export function createPricer(book: PriceBook): Pricer {
  const findRow: Pricer['findRow'] = ({ upstream, requestModel, responseModel, atMs }) => {
    const rowOf = (model: string | null): PriceRow | null =>
      model === null ? null : book.find({ provider: upstream, model, atMs });
    const answered = rowOf(responseModel);
    if (answered !== null && isExactModel(answered.model)) return answered;
    const asked = rowOf(requestModel);
    if (answered === null || asked === null) return answered ?? asked;
    // Upstreams answer with the snapshot's name. A catch-all row must not take it from the row of the model itself.
    return isExactModel(asked.model) && isSnapshot(responseModel ?? '', requestModel ?? '') ? asked : answered;
  };

  return {
    findRow,
    priceCall(call) {
      const row = findRow(call);
      if (row === null) return null;
      const { usage, serviceTier } = call;
      try {
        return { costNanoUsd: costOf({ row, usage, serviceTier }).costNanoUsd, priceId: row.id };
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
