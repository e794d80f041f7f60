import type { LineItem } from './cost.ts';

/** What of a cost was for which tokens. The rest of it (requests, seconds of audio, web searches) is for none. */
export interface CostParts {
  /** Input that was neither read from a cache nor written to one; also what was, where it has no price of its own. */
  readonly inputNanoUsd: number;
  readonly cacheReadNanoUsd: number;
  readonly cacheWriteNanoUsd: number;
  readonly outputNanoUsd: number;
}

const PART_OF_KIND: Readonly<Record<LineItem['kind'], keyof CostParts | null>> = {
  input: 'inputNanoUsd',
  inputAudio: 'inputNanoUsd',
  inputImage: 'inputNanoUsd',
  cachedInput: 'cacheReadNanoUsd',
  cachedAudio: 'cacheReadNanoUsd',
  cachedImage: 'cacheReadNanoUsd',
  cacheWrite: 'cacheWriteNanoUsd',
  cacheWrite1h: 'cacheWriteNanoUsd',
  cacheWrite12h: 'cacheWriteNanoUsd',
  output: 'outputNanoUsd',
  reasoning: 'outputNanoUsd',
  outputAudio: 'outputNanoUsd',
  outputImage: 'outputNanoUsd',
  request: null,
  audioMs: null,
  webSearch: null,
};

/** Adds up the line items of a cost by what they are for. No part is more than the cost. */
export function costPartsOf(lineItems: readonly LineItem[]): CostParts {
  const parts = { inputNanoUsd: 0, cacheReadNanoUsd: 0, cacheWriteNanoUsd: 0, outputNanoUsd: 0 };
  for (const { kind, costNanoUsd } of lineItems) {
    const part = PART_OF_KIND[kind];
    if (part !== null) parts[part] += costNanoUsd;
  }
  return parts;
}
