import type { Usage } from './usage.ts';

/** What an endpoint counts beside tokens, and where it stands: in the request, or in what the upstream reports. */
type UnitSource = 'images_asked' | 'characters_asked' | 'seconds_reported';

const UNIT_SOURCES: ReadonlyMap<string, UnitSource> = new Map([
  ['images/generations', 'images_asked'],
  ['images/edits', 'images_asked'],
  ['audio/speech', 'characters_asked'],
  ['audio/transcriptions', 'seconds_reported'],
  ['audio/translations', 'seconds_reported'],
]);

/** Nobody makes a million images in a call. */
const MAX_ASKED_IMAGES = 1_000_000;

/**
 * The units that a request asks for: `n` images (one where it does not say), or the characters of the text to speak.
 * Null at every other endpoint.
 *
 * @param endpoint its name in the table of endpoints
 * @param request `n` and `input` as they stand in the JSON body or in the fields of the form
 */
export function unitsAsked(
  endpoint: string,
  request: { readonly n?: unknown; readonly input?: unknown },
): number | null {
  const source = UNIT_SOURCES.get(endpoint);
  if (source === 'images_asked') return imagesOf(request.n);
  if (source === 'characters_asked') return typeof request.input === 'string' ? [...request.input].length : null;
  return null;
}

/** Whether calls of this endpoint are measured by the text of their `input`. */
export function countsInput(endpoint: string): boolean {
  return UNIT_SOURCES.get(endpoint) === 'characters_asked';
}

/**
 * The units of a call that was answered.
 *
 * @param asked what `unitsAsked` gave of its request
 * @returns null where nobody can tell: transcriptions that are reported in tokens say nothing of their seconds
 */
export function unitsOf(endpoint: string, asked: number | null, usage: Usage | null): number | null {
  if (UNIT_SOURCES.get(endpoint) !== 'seconds_reported') return asked;
  const seconds = usage?.details['seconds'];
  return seconds === undefined ? null : Math.round(seconds);
}

function imagesOf(n: unknown): number {
  const images = typeof n === 'string' ? Number(n) : n;
  return typeof images === 'number' && Number.isInteger(images) && images >= 1 && images <= MAX_ASKED_IMAGES
    ? images
    : 1;
}
