import { divideHalfEven, divideSafeHalfEven } from '../core/money.ts';
import type { Usage } from '../metering/usage.ts';
import { type Charge, type ChargeKind, chargedTokens, detailCount } from './charged-tokens.ts';
import { type ContextTier, MULTIPLIER_ONE, type PriceRow, type PriceTable, type TokenPrices } from './price-row.ts';

export interface LineItem {
  readonly kind: ChargeKind;
  /** Tokens charged at this price; 1 for `request`; milliseconds for `audioMs`; searches for `webSearch`. */
  readonly quantity: number;
  readonly costNanoUsd: number;
}

export interface Cost {
  /** The sum of the line items. A safe integer. */
  readonly costNanoUsd: number;
  /** What was used and has a price, also a price of 0. */
  readonly lineItems: readonly LineItem[];
}

export interface PricedUsage {
  readonly row: PriceRow;
  readonly usage: Usage;
  /** As the answer names it. A tier that the row does not know has the row's own prices. */
  readonly serviceTier: string | null;
}

const MS_PER_HOUR = 3_600_000n;

/** Other names for a tier: a request for `fast` is answered as `priority` (wire.md 1.3). */
const TIER_NAMES: ReadonlyMap<string, string> = new Map([['fast', 'priority']]);

/**
 * Works out what a call cost, in integers from end to end. Each line item is rounded half to even once, so that the
 * line items add up to the total.
 *
 * @throws RangeError when a count is no safe integer from 0 on, or an amount is beyond safe integers (9 million USD)
 */
export function costOf(priced: PricedUsage): Cost {
  return costAt(priced.usage, pricesApplied(priced));
}

/** The same with prices that were found for a call of this length and tier. */
export function costAt(usage: Usage, applied: AppliedPrices): Cost {
  const lineItems = chargesOf(usage, applied).map((charge) => lineItemOf(charge, applied.multiplier));
  let costNanoUsd = 0;
  for (const item of lineItems) costNanoUsd = safeInteger(costNanoUsd + item.costNanoUsd);
  return { costNanoUsd, lineItems };
}

function lineItemOf(charge: Charge, multiplier: bigint): LineItem {
  const { kind, quantity } = charge;
  if (!Number.isSafeInteger(quantity)) throw new RangeError('a sum of tokens is beyond safe integers');
  return { kind, quantity, costNanoUsd: amountOf(charge, multiplier) };
}

/** What a quantity costs. Amounts within safe integers, which nearly all are, are exact as numbers too. */
function amountOf({ quantity, nanoUsd, per }: Charge, multiplier: bigint): number {
  if (multiplier === MULTIPLIER_ONE) {
    const amount = divideSafeHalfEven(quantity * Number(nanoUsd), Number(per));
    if (amount !== null) return amount;
  }
  const exact = BigInt(quantity) * nanoUsd * multiplier;
  return safeInteger(divideHalfEven(exact, per * MULTIPLIER_ONE));
}

/** Which of a row's prices hold for a call. */
export interface AppliedPrices {
  readonly row: PriceRow;
  readonly tokenPrices: TokenPrices;
  /** In billionths. */
  readonly multiplier: bigint;
  /** The service tier that the row knows, by the row's name for it; null where it has the row's own prices. */
  readonly serviceTier: string | null;
  /** The length of the input above which the context tier begins; null for none. */
  readonly aboveInputTokens: number | null;
}

/** Finds the prices of a row that hold for a call, by its service tier and the length of its input. */
export function pricesApplied({ row, usage, serviceTier }: PricedUsage): AppliedPrices {
  const known = knownTier(row, serviceTier ?? '');
  const tier = known === null ? undefined : row.serviceTiers.get(known);
  const table: PriceTable = tier?.kind === 'prices' ? tier.table : row;
  // Tiers are cliffs: past its length all tokens of the call have the prices of the tier.
  const context = contextOf(table, usage.input_tokens);
  return {
    row,
    tokenPrices: (context ?? table).femtoUsdPerToken,
    multiplier: tier?.kind === 'factor' ? tier.multiplier : MULTIPLIER_ONE,
    serviceTier: known,
    aboveInputTokens: context?.aboveInputTokens ?? null,
  };
}

/** The longest of the table's context tiers that the input is above. */
function contextOf({ contextTiers }: PriceTable, inputTokens: number): ContextTier | undefined {
  let found: ContextTier | undefined;
  for (const tier of contextTiers) if (inputTokens > tier.aboveInputTokens) found = tier;
  return found;
}

/** The row's name for a tier; null where it does not know the tier, or knows none, as most rows do. */
function knownTier({ serviceTiers }: PriceRow, name: string): string | null {
  if (serviceTiers.size === 0) return null;
  if (serviceTiers.has(name)) return name;
  const other = TIER_NAMES.get(name);
  return other !== undefined && serviceTiers.has(other) ? other : null;
}

/** Everything that was used and has a price, also a price of 0. Throws RangeError as `costOf`. */
export function chargesOf(usage: Usage, { row, tokenPrices }: AppliedPrices): readonly Charge[] {
  const charges = chargedTokens(usage, tokenPrices);
  const { perRequestNanoUsd, nanoUsdPerAudioHour, nanoUsdPerThousandWebSearches } = row;
  if (perRequestNanoUsd > 0n) charges.push({ kind: 'request', quantity: 1, nanoUsd: perRequestNanoUsd, per: 1n });
  if (nanoUsdPerAudioHour !== null) {
    const quantity = audioMilliseconds(usage);
    if (quantity > 0) charges.push({ kind: 'audioMs', quantity, nanoUsd: nanoUsdPerAudioHour, per: MS_PER_HOUR });
  }
  if (nanoUsdPerThousandWebSearches !== null) {
    const quantity = detailCount(usage, WEB_SEARCHES);
    const nanoUsd = nanoUsdPerThousandWebSearches;
    if (quantity > 0) charges.push({ kind: 'webSearch', quantity, nanoUsd, per: 1000n });
  }
  return charges;
}

/** OpenAI's `tool_usage`, Anthropic's `server_tool_use`, Perplexity. */
const WEB_SEARCHES = ['web_search_requests', 'server_tool_use_web_search_requests', 'num_search_queries'];

/** The one count that may be a fraction is made whole before anything is multiplied with it. */
function audioMilliseconds(usage: Usage): number {
  const milliseconds = Math.round((usage.details['seconds'] ?? 0) * 1000);
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0) throw new RangeError('seconds are out of range');
  return milliseconds;
}

function safeInteger(nanoUsd: bigint | number): number {
  if (nanoUsd > Number.MAX_SAFE_INTEGER) throw new RangeError('an amount of nano-USD is beyond safe integers');
  return Number(nanoUsd);
}
