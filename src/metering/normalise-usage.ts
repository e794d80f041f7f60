import { isObject } from './json-object.ts';
import type { Usage } from './usage.ts';
import { UsageDetails } from './usage-details.ts';
import { COUNT_OF_PATH, COUNT_PATHS, type CountField, type FieldPath } from './usage-fields.ts';

/** The counts as the upstream states them; null where it does not. */
type Stated = Readonly<Record<CountField, number | null>>;

/**
 * Reads an upstream's usage object, of whatever dialect, as canonical counts (wire.md 5.4 and 9). Counts become
 * inclusive: cached and audio tokens that the upstream counts beside the prompt, and reasoning that it counts beside
 * the completion, are put in.
 *
 * `total_tokens` is the total that the upstream reports; where it reports none, input + output. A reported total that
 * is not input + output is kept, `details.total_mismatch` is 1, and what it has in excess is
 * `details.unattributed_tokens`. `tool_calls` is 0: a usage object does not know them.
 *
 * @returns null where the object holds no number at all, for then nothing was reported, or a count that no call can
 *   have used; zero counts where it holds numbers but no tokens (a duration, a cost)
 */
export function normaliseUsage(raw: Record<string, unknown>): Usage | null {
  if (!holdsNumber(raw)) return null;
  const stated = readStated(raw);
  if (Object.values(stated).some((count) => count !== null && count > MAX_COUNT)) return null;
  const input = inclusiveInput(stated);
  const output = inclusiveOutput(stated);
  const total = stated.total_tokens ?? input + output;

  const details = new UsageDetails();
  if (total !== input + output) details.set('total_mismatch', 1);
  if (total > input + output) details.set('unattributed_tokens', total - input - output);
  details.collect(raw, (path, value) => !isStated(stated, path, value));

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
    tool_calls: 0,
    details: details.toObject(),
  };
}

/** A hundred billion tokens in one call: more is a fault of the upstream, and would spoil every sum it went into. */
const MAX_COUNT = 100_000_000_000;

/** Whether the object counts no token: a placeholder as Ollama's completions send it, a duration, a cost (wire.md 0.1). */
export function countsNoTokens(raw: Record<string, unknown>): boolean {
  return WHOLE_COUNTS.every((field) => (readCount(raw, COUNT_PATHS[field]) ?? 0) === 0);
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

function readStated(raw: Record<string, unknown>): Stated {
  const read = (field: CountField): number | null => readCount(raw, COUNT_PATHS[field]);
  return {
    input_tokens: read('input_tokens'),
    cache_read_tokens: read('cache_read_tokens'),
    cache_write_tokens: read('cache_write_tokens'),
    input_audio_tokens: read('input_audio_tokens'),
    cache_audio_read_tokens: read('cache_audio_read_tokens'),
    input_image_tokens: read('input_image_tokens'),
    output_tokens: read('output_tokens'),
    reasoning_tokens: read('reasoning_tokens'),
    output_audio_tokens: read('output_audio_tokens'),
    accepted_prediction_tokens: read('accepted_prediction_tokens'),
    rejected_prediction_tokens: read('rejected_prediction_tokens'),
    total_tokens: read('total_tokens'),
  };
}

function readCount(raw: Record<string, unknown>, paths: readonly FieldPath[]): number | null {
  let found: number | null = null;
  for (const path of paths) {
    const value = valueAt(raw, path);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) continue;
    if (value > 0) return value;
    found = 0;
  }
  return found;
}

function valueAt(raw: Record<string, unknown>, path: FieldPath): unknown {
  let value: unknown = raw;
  for (const key of path) {
    if (!isObject(value)) return undefined;
    value = value[key];
  }
  return value;
}

/** Whether a member is in a canonical count already: as that count, or as another place that says the same. */
function isStated(stated: Stated, path: string, value: number): boolean {
  const field = COUNT_OF_PATH.get(path);
  return field !== undefined && (value === 0 || value === stated[field]);
}

/** Whether there is any number in the object: without one it reports nothing. */
export function holdsNumber(value: unknown, depth = 4): boolean {
  if (typeof value === 'number') return true;
  return depth > 0 && isObject(value) && Object.values(value).some((member) => holdsNumber(member, depth - 1));
}
