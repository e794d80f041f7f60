import type { LineItem } from '../pricing/cost.ts';

/** What is counted, in the words of FOCUS: Pascal case with blanks, units in the plural. */
export interface FocusMeter {
  /** `SkuMeter`. */
  readonly name: string;
  /** `PricingUnit`: what the unit price is for. */
  readonly pricingUnit: string;
  /** `ConsumedUnit`, and how many of a line item's own quantity make one. */
  readonly consumedUnit: string;
  readonly perConsumedUnit: number;
}

const tokens = (name: string): FocusMeter => ({
  name,
  pricingUnit: 'Tokens',
  consumedUnit: 'Tokens',
  perConsumedUnit: 1,
});
const counted = (name: string, unit: string): FocusMeter => ({
  name,
  pricingUnit: unit,
  consumedUnit: unit,
  perConsumedUnit: 1,
});

/** A whole call, where its cost cannot be split or is not known. */
export const CALL_METER = counted('Calls', 'Requests');

/** The meter of each kind of line item. */
export const FOCUS_METERS: Readonly<Record<LineItem['kind'], FocusMeter>> = {
  input: tokens('Input Tokens'),
  cachedInput: tokens('Cached Input Tokens'),
  cacheWrite: tokens('Cache Write Tokens'),
  cacheWrite1h: tokens('Cache Write 1 Hour Tokens'),
  cacheWrite12h: tokens('Cache Write 12 Hours Tokens'),
  inputAudio: tokens('Audio Input Tokens'),
  cachedAudio: tokens('Cached Audio Input Tokens'),
  inputImage: tokens('Image Input Tokens'),
  cachedImage: tokens('Cached Image Input Tokens'),
  output: tokens('Output Tokens'),
  reasoning: tokens('Reasoning Tokens'),
  outputAudio: tokens('Audio Output Tokens'),
  outputImage: tokens('Image Output Tokens'),
  request: counted('Requests', 'Requests'),
  audioMs: { name: 'Audio Duration', pricingUnit: 'Hours', consumedUnit: 'Seconds', perConsumedUnit: 1000 },
  webSearch: counted('Web Searches', 'Searches'),
};
