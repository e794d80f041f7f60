import { divideHalfEven } from '../core/money.ts';
import type { Usage } from '../metering/usage.ts';
import { MULTIPLIER_ONE, type PriceRow, type TokenKind } from './price-row.ts';

export interface LineItem {
  readonly kind: TokenKind | 'request';
  /** Tokens charged at this price; 1 for `request`. */
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

const FEMTO_PER_NANO = 1_000_000n;

/**
 * Works out what a call cost, in integers from end to end. Each line item is rounded half to even once, so that the
 * line items add up to the total.
 *
 * @throws RangeError when a count is no safe integer from 0 on, or an amount is beyond safe integers (9 million USD)
 */
export function costOf({ row, usage, serviceTier }: PricedUsage): Cost {
  const multiplier = (serviceTier === null ? undefined : row.serviceTiers.get(serviceTier)) ?? MULTIPLIER_ONE;
  const lineItems: LineItem[] = [];
  let costNanoUsd = 0;
  const charge = (kind: LineItem['kind'], quantity: number, nanoUsd: bigint): void => {
    const itemNanoUsd = safeInteger(nanoUsd);
    lineItems.push({ kind, quantity, costNanoUsd: itemNanoUsd });
    costNanoUsd = safeInteger(BigInt(costNanoUsd) + nanoUsd);
  };

  for (const [kind, tokens] of chargedTokens(usage, row)) {
    const price = row.femtoUsdPerToken[kind];
    if (price === null || tokens === 0) continue;
    if (!Number.isSafeInteger(tokens)) throw new RangeError('a sum of tokens is beyond safe integers');
    charge(kind, tokens, divideHalfEven(BigInt(tokens) * price * multiplier, FEMTO_PER_NANO * MULTIPLIER_ONE));
  }
  if (row.perRequestNanoUsd > 0n) {
    charge('request', 1, divideHalfEven(row.perRequestNanoUsd * multiplier, MULTIPLIER_ONE));
  }
  return { costNanoUsd, lineItems };
}

/**
 * Splits inclusive counts into disjoint ones, each with the price it has (wire.md 5.4: uncached input = input - cache
 * read - cache write). What has no price of its own stays in the plain count.
 *
 * Cached audio is counted in both `cache_read_tokens` and `input_audio_tokens`; it is charged once, as cached input.
 */
function chargedTokens(usage: Usage, row: PriceRow): readonly (readonly [TokenKind, number])[] {
  const has = (kind: TokenKind): boolean => row.femtoUsdPerToken[kind] !== null;
  const input = count(usage, 'input_tokens');
  const cacheRead = count(usage, 'cache_read_tokens');
  const cacheWrite = count(usage, 'cache_write_tokens');
  const output = count(usage, 'output_tokens');

  const uncached = Math.max(0, input - cacheRead - cacheWrite);
  const uncachedAudio = Math.max(0, count(usage, 'input_audio_tokens') - count(usage, 'cache_audio_read_tokens'));
  const inputAudio = has('inputAudio') ? Math.min(uncachedAudio, uncached) : 0;
  const outputAudio = has('outputAudio') ? Math.min(count(usage, 'output_audio_tokens'), output) : 0;
  const readAsInput = has('cachedInput') ? 0 : cacheRead;
  const writtenAsInput = has('cacheWrite') ? 0 : cacheWrite;
  return [
    ['input', uncached - inputAudio + readAsInput + writtenAsInput],
    ['cachedInput', cacheRead - readAsInput],
    ['cacheWrite', cacheWrite - writtenAsInput],
    ['inputAudio', inputAudio],
    ['output', output - outputAudio],
    ['outputAudio', outputAudio],
  ];
}

function count(usage: Usage, name: Exclude<keyof Usage, 'details'>): number {
  const value = usage[name];
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} is not a whole number from 0 on`);
  return value;
}

function safeInteger(nanoUsd: bigint): number {
  if (nanoUsd > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('an amount of nano-USD is beyond safe integers');
  return Number(nanoUsd);
}
