import { isObject } from './json-object.ts';
import type { Usage } from './usage.ts';
import { UsageDetails } from './usage-details.ts';
import { COUNT_PATHS, type CountField, type FieldPath, USAGE_PLACES, type UsagePlaces } from './usage-fields.ts';

/** The counts as the upstream states them; null where it does not. */
type Stated = Record<CountField, number | null>;

/**
 * Reads an upstream's usage object, of whatever dialect, as canonical counts (wire.md 5.4 and 9). Counts become
 * inclusive: cached and audio tokens that the upstream counts beside the prompt, and reasoning that it counts beside
 * the completion, are put in.
 *
 * `total_tokens` is the total that the upstream reports; where it reports none, input + output. A reported total that
 * is not input + output is kept, `details.total_mismatch` is 1, and what it has in excess is
 * `details.unattributed_tokens`.
 *
 * @param toolCalls what `tool_calls` becomes: a usage object does not know them
 * @returns null where the object holds no number of 0 or more, for then nothing was reported, or a count that no call can
 *   have used; zero counts where it holds numbers but no tokens (a duration, a cost)
 */
export function normaliseUsage(raw: Record<string, unknown>, toolCalls = 0): Usage | null {
  if (!holdsNumber(raw)) return null;
  const { stated, largest, isAllOfIt } = readStated(raw);
  if (largest > MAX_COUNT && isBeyondAnyCall(stated)) return null;
  const input = inclusiveInput(stated);
  const output = inclusiveOutput(stated);
  const total = stated.total_tokens ?? input + output;

  return {
    input_tokens: input,
    cache_read_tokens: stated.cache_read_tokens ?? 0,
    cache_write_tokens: stated.cache_write_tokens ?? 0,
    input_audio_tokens: stated.input_audio_tokens ?? 0,
    cache_audio_read_tokens: stated.cache_audio_read_tokens ?? 0,
    input_image_tokens: stated.input_image_tokens ?? 0,
    output_tokens: output,
    reasoning_tokens: stated.reasoning_tokens ?? 0,
    output_audio_tokens: stated.output_audio_tokens ?? 0,
    accepted_prediction_tokens: stated.accepted_prediction_tokens ?? 0,
    rejected_prediction_tokens: stated.rejected_prediction_tokens ?? 0,
    total_tokens: total,
    tool_calls: toolCalls,
    details: isAllOfIt && total === input + output ? {} : detailsOf(raw, stated, total - input - output),
  };
}

/** @param excess what the total has above input and output */
function detailsOf(raw: Record<string, unknown>, stated: Stated, excess: number): Record<string, number> {
  const details = new UsageDetails();
  if (excess !== 0) details.set('total_mismatch', 1);
  if (excess > 0) details.set('unattributed_tokens', excess);
  // What is in a canonical count already, as that count or at another place that says the same, is no detail.
  details.collect(raw, (known, value) => known === null || (value !== 0 && value !== stated[known]));
  return details.toObject();
}

/** A hundred billion tokens in one call: more is a fault of the upstream, and would spoil every sum it went into. */
const MAX_COUNT = 100_000_000_000;

function isBeyondAnyCall(stated: Stated): boolean {
  for (const count of Object.values(stated)) if (count !== null && count > MAX_COUNT) return true;
  return false;
}

/** Whether the object counts no token: a placeholder as Ollama's completions send it, a duration, a cost (wire.md 0.1). */
export function countsNoTokens(raw: Record<string, unknown>): boolean {
  const { stated } = readStated(raw);
  return WHOLE_COUNTS.every((field) => (stated[field] ?? 0) === 0);
}

const WHOLE_COUNTS = ['input_tokens', 'output_tokens', 'total_tokens'] as const satisfies readonly CountField[];

/** `input_tokens` with all that belongs to it (wire.md 9). */
function inclusiveInput(stated: Stated): number {
  const { input_tokens: prompt, output_tokens: completion, total_tokens: total } = stated;
  if (prompt === null && completion === null) return total ?? 0; // only a total: embeddings
  const input = prompt ?? 0;
  const cached = stated.cache_read_tokens ?? 0;
  const written = stated.cache_write_tokens ?? 0;
  // A part cannot exceed the whole, so a prompt smaller than its cached part does not hold it.
  if (cached > input || written > input) return input + cached + written;
  const audio = stated.input_audio_tokens ?? 0;
  if (audio > 0 && total === input + (completion ?? 0) + audio) return input + audio;
  return input;
}

/** `output_tokens` with the reasoning that some upstreams count beside it (wire.md 5.4). */
function inclusiveOutput(stated: Stated): number {
  const completion = stated.output_tokens ?? 0;
  const reasoning = stated.reasoning_tokens ?? 0;
  const explainsTotal = stated.total_tokens === (stated.input_tokens ?? 0) + completion + reasoning;
  const isBeside = reasoning > completion || (reasoning > 0 && explainsTotal);
  return isBeside ? completion + reasoning : completion;
}

const NOTHING_STATED: Stated = {
  input_tokens: null,
  cache_read_tokens: null,
  cache_write_tokens: null,
  input_audio_tokens: null,
  cache_audio_read_tokens: null,
  input_image_tokens: null,
  output_tokens: null,
  reasoning_tokens: null,
  output_audio_tokens: null,
  accepted_prediction_tokens: null,
  rejected_prediction_tokens: null,
  total_tokens: null,
};

/** What one walk over a usage object has found. */
interface Reading {
  readonly raw: Record<string, unknown>;
  /** Of several places of a count the first that is above zero holds, else a zero. */
  readonly stated: Stated;
  /** The largest count at any of its places. */
  largest: number;
  /** Nothing else is in the object, and no place says of a count what another does not. */
  isAllOfIt: boolean;
}

function readStated(raw: Record<string, unknown>): Reading {
  const reading = { raw, stated: { ...NOTHING_STATED }, largest: 0, isAllOfIt: true };
  readCounts(raw, USAGE_PLACES, reading);
  return reading;
}

function readCounts(object: Record<string, unknown>, places: UsagePlaces, reading: Reading): void {
  for (const key in object) {
    const value = object[key];
    const place = places.get(key);
    if (place === undefined) {
      if (typeof value === 'number' || isObject(value)) reading.isAllOfIt = false;
    } else if (isObject(value)) readCounts(value, place.members, reading);
    else if (place.field !== null) readCount(value, place.field, reading);
    else if (typeof value === 'number') reading.isAllOfIt = false;
  }
}

function readCount(value: unknown, field: CountField, reading: Reading): void {
  if (!isCount(value)) return;
  const { stated } = reading;
  const other = stated[field];
  if (value > reading.largest) reading.largest = value;
  if (value === 0) stated[field] = other ?? 0;
  else if (other === null || other === 0) stated[field] = value;
  else if (other !== value) {
    reading.isAllOfIt = false;
    stated[field] = firstAboveZero(reading.raw, COUNT_PATHS[field]);
  }
}

/** What stands at the first of these places that has a count above zero. */
function firstAboveZero(raw: Record<string, unknown>, paths: readonly FieldPath[]): number | null {
  for (const path of paths) {
    let value: unknown = raw;
    for (const key of path) value = isObject(value) ? value[key] : undefined;
    if (isCount(value) && value > 0) return value;
  }
  return null;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Whether there is any number in the object: without one it reports nothing. -1 is what servers say that do not know. */
export function holdsNumber(value: unknown, depth = 4): boolean {
  if (typeof value === 'number') return value >= 0;
  if (depth === 0 || !isObject(value)) return false;
  for (const key in value) if (holdsNumber(value[key], depth - 1)) return true;
  return false;
}
