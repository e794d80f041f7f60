import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { headerOf, type WireAnswer } from './wire-exchange.ts';

/**
 * The usage that an answer tells, found in the plainest way: every event is parsed, and the last usage object with a
 * number in it counts. Written for the tests alone, so that the product is not compared with itself.
 *
 * @returns null where the answer tells none
 */
export function toldUsage(answer: WireAnswer): Record<string, unknown> | null {
  const text = decoded(answer).toString('utf8');
  const type = headerOf(answer, 'content-type') ?? '';
  if (type.startsWith('application/json')) return usageOf(parsed(text));
  if (!type.startsWith('text/event-stream')) return null;
  const told = text
    .split(/\r\n|\r|\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => usageOf(parsed(line.slice('data:'.length))))
    .filter((usage) => usage !== null);
  return told.at(-1) ?? null;
}

/** The body of an answer without its content coding. */
export function decoded(answer: WireAnswer): Buffer {
  const coding = headerOf(answer, 'content-encoding');
  if (coding === null) return answer.body;
  if (coding === 'gzip') return gunzipSync(answer.body);
  if (coding === 'br') return brotliDecompressSync(answer.body);
  if (coding === 'zstd') return zstdDecompressSync(answer.body);
  throw new Error(`no decoder for ${coding}`);
}

function usageOf(value: unknown): Record<string, unknown> | null {
  if (!isObject(value)) return null;
  const usage = isObject(value['usage']) ? value['usage'] : null;
  if (usage !== null) return usage;
  const response = value['response'];
  return isObject(response) && isObject(response['usage']) ? response['usage'] : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
