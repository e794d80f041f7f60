import { divideHalfEven, formatDecimal } from '../core/money.ts';
import type { Usage } from '../metering/usage.ts';
import type { ItemPrice } from './charged-tokens.ts';
import { type AppliedPrices, chargesOf, costOf, type LineItem, pricesApplied } from './cost.ts';
import type { PriceRow } from './price-row.ts';

/** A cost as the ledger keeps it, with what it was worked out from. */
export interface RecordedCost {
  readonly priceId: string;
  readonly usage: Usage;
  readonly serviceTier: string | null;
  readonly costNanoUsd: number;
}

/** A recorded cost, taken apart again. */
export interface ItemisedCost {
  /** The row's provider and model; the model may be a glob. */
  readonly provider: string;
  readonly model: string;
  /** See `AppliedPrices`. */
  readonly serviceTier: string | null;
  readonly aboveInputTokens: number | null;
  /** Together exactly the recorded cost; none where nothing that has a price was used. */
  readonly items: readonly ItemisedLine[];
}

export interface ItemisedLine extends LineItem {
  /** US dollars for one of `pricedQuantity`, a decimal string. */
  readonly unitPriceUsd: string;
  /** The quantity in the unit of the price, which is an hour for `audioMs`, else the same; a decimal string. */
  readonly pricedQuantity: string;
  /** Quantity times price before it was rounded to nano-USD; a decimal string. */
  readonly exactCostUsd: string;
}

/** A price is an integer of 1e-15 USD and a multiplier one of 1e-9: their product is exact with so many places. */
const PLACES = 24;
const ONE_USD = 10n ** BigInt(PLACES);
/** Nano-USD times billionths of a multiplier. */
const NANO_MULTIPLIED = 10n ** 18n;
const MS_PER_HOUR = 3_600_000n;
const HOUR_PLACES = 18;

/** Takes a recorded cost apart by a row; null where the row gives another cost. */
export function itemiseCost(row: PriceRow, { usage, serviceTier, costNanoUsd }: RecordedCost): ItemisedCost | null {
  try {
    const cost = costOf({ row, usage, serviceTier });
    if (cost.costNanoUsd !== costNanoUsd) return null;
    const applied = pricesApplied({ row, usage, serviceTier });
    const charges = chargesOf(usage, applied);
    return {
      provider: row.provider,
      model: row.model,
      serviceTier: applied.serviceTier,
      aboveInputTokens: applied.aboveInputTokens,
      items: cost.lineItems.map((item, index) => itemisedLine(item, charges[index], applied)),
    };
  } catch (error) {
    if (error instanceof RangeError) return null; // an absurd count: such a call has no cost, so this is not its row
    throw error;
  }
}

function itemisedLine(item: LineItem, price: ItemPrice | undefined, { multiplier }: AppliedPrices): ItemisedLine {
  if (price === undefined) throw new Error('a line item has no price');
  const quantity = BigInt(item.quantity);
  const size = item.kind === 'audioMs' ? MS_PER_HOUR : 1n;
  const priced = price.nanoUsd * multiplier * ONE_USD;
  const per = price.per * NANO_MULTIPLIED;
  return {
    ...item,
    unitPriceUsd: formatDecimal(divideHalfEven(priced * size, per), PLACES),
    pricedQuantity: formatDecimal(divideHalfEven(quantity * 10n ** BigInt(HOUR_PLACES), size), HOUR_PLACES),
    exactCostUsd: formatDecimal(divideHalfEven(quantity * priced, per), PLACES),
  };
}
