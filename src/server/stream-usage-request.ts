import { findMember } from '../core/json-members.ts';
import { skipSpace } from '../core/json-strings.ts';

/**
 * Asks a stream for its usage: `stream_options.include_usage: true`, put into the client's own bytes (wire.md 0.6–0.8,
 * 2; design.md, promise 1). Nothing else of the body changes.
 *
 * @param body a JSON object whose `stream` is true
 * @param streamOptions the parsed member, to see what is there
 * @returns the edited body, or null where the client asks already or the member is of a type that only the upstream
 *   may judge
 */
export function askForStreamUsage(body: Buffer, streamOptions: unknown): Buffer | null {
  if (streamOptions === undefined) return insertFirstMember(body, 0, '"stream_options":{"include_usage":true}');
  const span = findMember(body, 0, 'stream_options');
  if (span === null) return null;
  if (streamOptions === null) return replaceBytes(body, span.valueStart, span.valueEnd, '{"include_usage":true}');
  if (typeof streamOptions !== 'object' || Array.isArray(streamOptions)) return null;
  const asked = Object.hasOwn(streamOptions, 'include_usage')
    ? (streamOptions as Readonly<Record<string, unknown>>)['include_usage']
    : undefined;
  if (asked === undefined) return insertFirstMember(body, span.valueStart, '"include_usage":true');
  if (asked !== null && asked !== false) return null;
  const inner = findMember(body, span.valueStart, 'include_usage');
  return inner === null ? null : replaceBytes(body, inner.valueStart, inner.valueEnd, 'true');
}

/** Tells whether the client itself asked for stream usage. */
export function clientAskedForUsage(streamOptions: unknown): boolean {
  return (
    typeof streamOptions === 'object' &&
    streamOptions !== null &&
    'include_usage' in streamOptions &&
    streamOptions.include_usage === true
  );
}

/** Puts `"name":value` into the object that begins at `objectStart`, as its first member. */
export function insertFirstMember(body: Buffer, objectStart: number, member: string): Buffer {
  const brace = skipSpace(body, objectStart);
  const isEmpty = body[skipSpace(body, brace + 1)] === 0x7d;
  return replaceBytes(body, brace + 1, brace + 1, isEmpty ? member : `${member},`);
}

export function replaceBytes(body: Buffer, from: number, to: number, text: string): Buffer {
  return Buffer.concat([body.subarray(0, from), Buffer.from(text), body.subarray(to)]);
}

/** An upstream's words against the member that was put in (wire.md 2.3). */
const NAMES_STREAM_OPTIONS = /stream_options|include_usage|continuous_usage_stats/;
const REJECTION_STATUSES = new Set([400, 422]);

/** Whether an answer may be the upstream's refusal of `stream_options`: its body decides. */
export function mayBeRejection(status: number): boolean {
  return REJECTION_STATUSES.has(status);
}

export function namesStreamOptions(body: Buffer): boolean {
  return NAMES_STREAM_OPTIONS.test(body.toString('utf8'));
}

/** How many refusals are remembered; beyond it the oldest is asked again. */
const MAX_REMEMBERED = 10_000;

/**
 * Which models of which upstreams have refused a member of `stream_options`, so that they are not asked for it again
 * (wire.md 0.8).
 */
export class RejectionMemory {
  readonly #refusals = new Set<string>();

  has(upstream: string, model: string | null, member = 'include_usage'): boolean {
    return this.#refusals.has(refusalOf(upstream, model, member));
  }

  add(upstream: string, model: string | null, member = 'include_usage'): void {
    if (this.#refusals.size >= MAX_REMEMBERED) {
      const oldest = this.#refusals.values().next();
      if (!oldest.done) this.#refusals.delete(oldest.value);
    }
    this.#refusals.add(refusalOf(upstream, model, member));
  }
}

function refusalOf(upstream: string, model: string | null, member: string): string {
  return `${upstream}\n${member}\n${model ?? ''}`;
}
