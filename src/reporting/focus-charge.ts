import { formatDecimal, formatUsd } from '../core/money.ts';
import type { CallRecord } from '../ledger/record.ts';
import type { ItemisedCost, ItemisedLine } from '../pricing/itemise.ts';
import type { PriceLookup } from '../pricing/price-lookup.ts';
import { CALL_METER, FOCUS_METERS, type FocusMeter } from './focus-meter.ts';

/** What is needed beside the record: the prices that it was priced with, and whose upstream is whose. */
export type ChargeSources = Pick<PriceLookup, 'itemise' | 'providerOf'>;

/** Whether a cost is known; where it is not, FOCUS demands a 0 that is not one. */
export type CostStatus = 'priced' | 'unpriced' | 'missing_usage';

/** One row of FOCUS: what a call was charged for one meter. */
export interface FocusCharge {
  readonly record: CallRecord;
  /** The first row of its record: counts of the whole call stand on it only, so that columns can be summed. */
  readonly isFirst: boolean;
  readonly costStatus: CostStatus;
  /** The provider of the price book that the upstream is; null for another. */
  readonly provider: string | null;
  readonly meter: FocusMeter;
  readonly skuId: string;
  readonly skuPriceId: string;
  readonly consumedQuantity: string;
  readonly pricingQuantity: string;
  readonly unitPriceUsd: string;
  /** Quantity times unit price. */
  readonly exactCostUsd: string;
  /** The same as the ledger has it, to the nano-dollar; over the rows of a record it adds up to the record's cost. */
  readonly costUsd: string;
}

type Priced = Omit<FocusCharge, 'record' | 'isFirst' | 'costStatus' | 'provider'>;

/** Turns a record into its rows of FOCUS: one for each meter that was charged, and one at least. */
export function focusCharges(record: CallRecord, sources: ChargeSources): readonly FocusCharge[] {
  const provider = sources.providerOf(record.upstream);
  const costStatus = costStatusOf(record);
  const itemised = itemisedCost(record, sources);
  const lines = itemised?.items.map((item) => chargedItem(item, itemised)) ?? [];
  const priced = lines.length > 0 ? lines : [wholeCall(record)];
  return priced.map((charge, index) => ({ ...charge, record, provider, costStatus, isFirst: index === 0 }));
}

/** The model that answered, else the one that was asked for. */
export function modelOf(record: CallRecord): string | null {
  return record.response_model ?? record.request_model;
}

function costStatusOf(record: CallRecord): CostStatus {
  if (record.cost_nano_usd !== null) return 'priced';
  return record.usage === null ? 'missing_usage' : 'unpriced';
}

function itemisedCost(record: CallRecord, sources: ChargeSources): ItemisedCost | null {
  const { usage, price_id: priceId, cost_nano_usd: costNanoUsd, service_tier: serviceTier } = record;
  if (usage === null || priceId === null || costNanoUsd === null) return null;
  return sources.itemise({ priceId, usage, serviceTier, costNanoUsd });
}

function chargedItem(item: ItemisedLine, { provider, model, serviceTier, aboveInputTokens }: ItemisedCost): Priced {
  const meter = FOCUS_METERS[item.kind];
  const skuId = `${provider}/${model}/${item.kind}`;
  const tier = serviceTier === null ? '' : `/${serviceTier}`;
  const context = aboveInputTokens === null ? '' : `/>${aboveInputTokens}`;
  return {
    meter,
    skuId,
    // The price itself is in the id, so that the id says the same for ever, also where a row of the configuration that
    // has no date is written anew.
    skuPriceId: `${skuId}${tier}${context}@${item.unitPriceUsd}`,
    consumedQuantity: consumed(item.quantity, meter),
    pricingQuantity: item.pricedQuantity,
    unitPriceUsd: item.unitPriceUsd,
    exactCostUsd: item.exactCostUsd,
    costUsd: formatUsd(item.costNanoUsd),
  };
}

/** One call as what is counted: its cost is known but cannot be taken apart any more, or is not known at all. */
function wholeCall(record: CallRecord): Priced {
  const costUsd = formatUsd(record.cost_nano_usd ?? 0);
  const skuId = `${record.upstream}/${modelOf(record) ?? 'unknown'}/call`;
  return {
    meter: CALL_METER,
    skuId,
    skuPriceId: record.cost_nano_usd === null ? `${skuId}@unknown` : `${skuId}@${costUsd}`,
    consumedQuantity: '1',
    pricingQuantity: '1',
    unitPriceUsd: costUsd,
    exactCostUsd: costUsd,
    costUsd,
  };
}

function consumed(quantity: number, { perConsumedUnit }: FocusMeter): string {
  const places = String(perConsumedUnit).length - 1;
  return formatDecimal(BigInt(quantity), places);
}
