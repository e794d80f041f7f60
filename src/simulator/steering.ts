import type { IncomingHttpHeaders } from 'node:http';
import { refusal } from './answer.ts';
import { DIALECT_NAMES } from './dialects.ts';

/** Where an answer is cut off. Events are those on the wire; comments are not counted. */
export type Cut =
  | { readonly at: 'before_headers' }
  | { readonly at: 'after_headers' }
  | { readonly at: 'event'; readonly events: number; readonly middle: boolean };

/** What the `x-sim-*` headers of one request ask for (docs/simulator.md). Null: not asked. */
export interface Steering {
  readonly dialect: string | null;
  readonly id: string | null;
  readonly anyModel: boolean;
  readonly events: number | null;
  readonly eventBytes: number | null;
  readonly intervalMs: number | null;
  readonly delayMs: number | null;
  readonly hang: boolean;
  readonly cutAfter: Cut | null;
  readonly status: number | null;
  readonly statusAttempts: number | null;
  readonly retryAfterMs: number | null;
  readonly errorHtml: boolean;
  readonly errorInStream: number | null;
  readonly noDone: boolean;
  readonly noUsage: boolean;
  readonly crlf: boolean;
  readonly encoding: string | null;
  readonly echo: boolean;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly cachedTokens: number | null;
  readonly cacheWriteTokens: number | null;
  readonly reasoningTokens: number | null;
  readonly toolCalls: number | null;
  readonly responsesEnd: string | null;
  readonly backgroundPolls: number | null;
}

export const ENCODINGS = ['gzip', 'br', 'zstd'] as const;
const RESPONSES_ENDS = ['completed', 'incomplete', 'failed'] as const;

const MOST_EVENTS = 100_000;
const MOST_EVENT_BYTES = 16 * 1024 * 1024;
/** Of one answer: events times their size. */
const MOST_TEXT_BYTES = 256 * 1024 * 1024;
const MOST_MILLISECONDS = 3_600_000;
const MOST_TOKENS = Number.MAX_SAFE_INTEGER;

/**
 * Reads the `x-sim-*` headers. Unknown ones are ignored.
 *
 * @throws Refused 400 that names the first header with a bad value
 */
export function readSteering(headers: IncomingHttpHeaders): Steering {
  const read = new SteeringHeaders(headers);
  const steering: Steering = {
    dialect: read.oneOf('x-sim-dialect', DIALECT_NAMES),
    id: read.id('x-sim-id'),
    anyModel: read.flag('x-sim-any-model'),
    events: read.count('x-sim-events', MOST_EVENTS),
    eventBytes: read.count('x-sim-event-bytes', MOST_EVENT_BYTES),
    intervalMs: read.count('x-sim-interval-ms', MOST_MILLISECONDS),
    delayMs: read.count('x-sim-delay-ms', MOST_MILLISECONDS),
    hang: read.flag('x-sim-hang'),
    cutAfter: read.cut('x-sim-cut-after'),
    status: read.errorStatus('x-sim-status'),
    statusAttempts: read.count('x-sim-status-attempts', MOST_EVENTS),
    retryAfterMs: read.count('x-sim-retry-after-ms', MOST_MILLISECONDS * 24),
    errorHtml: read.flag('x-sim-error-html'),
    errorInStream: read.count('x-sim-error-in-stream', MOST_EVENTS),
    noDone: read.flag('x-sim-no-done'),
    noUsage: read.flag('x-sim-no-usage'),
    crlf: read.flag('x-sim-crlf'),
    encoding: read.oneOf('x-sim-encoding', ENCODINGS),
    echo: read.flag('x-sim-echo'),
    inputTokens: read.count('x-sim-input-tokens', MOST_TOKENS),
    outputTokens: read.count('x-sim-output-tokens', MOST_TOKENS),
    cachedTokens: read.count('x-sim-cached-tokens', MOST_TOKENS),
    cacheWriteTokens: read.count('x-sim-cache-write-tokens', MOST_TOKENS),
    reasoningTokens: read.count('x-sim-reasoning-tokens', MOST_TOKENS),
    toolCalls: read.count('x-sim-tool-calls', 1_000),
    responsesEnd: read.oneOf('x-sim-responses-end', RESPONSES_ENDS),
    backgroundPolls: read.count('x-sim-background-polls', MOST_EVENTS),
  };
  const { events, eventBytes } = steering;
  if (events !== null && eventBytes !== null && events * eventBytes > MOST_TEXT_BYTES) {
    throw badValue('x-sim-event-bytes', String(eventBytes), `at most ${MOST_TEXT_BYTES} bytes in all events together`);
  }
  return steering;
}

/** Tells whether a request is steered at all; most are not, and then nothing has to be read. */
export function isSteered(headers: IncomingHttpHeaders): boolean {
  for (const name in headers) if (name.startsWith('x-sim-')) return true;
  return false;
}

class SteeringHeaders {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  count(name: string, most: number): number | null {
    const text = this.#text(name);
    if (text === null) return null;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value <= most)) throw badValue(name, text, `a whole number from 0 to ${most}`);
    return value;
  }

  flag(name: string): boolean {
    const text = this.#text(name);
    if (text === null || text === '0' || text === 'false') return false;
    if (text === '1' || text === 'true') return true;
    throw badValue(name, text, '1, true, 0 or false');
  }

  oneOf(name: string, allowed: readonly string[]): string | null {
    const text = this.#text(name);
    if (text === null || allowed.includes(text)) return text;
    throw badValue(name, text, `one of ${allowed.join(', ')}`);
  }

  id(name: string): string | null {
    const text = this.#text(name);
    if (text === null || /^[\w.-]{1,64}$/.test(text)) return text;
    throw badValue(name, text, '1 to 64 letters, digits, "_", "-" or "."');
  }

  errorStatus(name: string): number | null {
    const text = this.#text(name);
    if (text === null) return null;
    if (/^[45]\d\d$/.test(text)) return Number(text);
    throw badValue(name, text, 'a status from 400 to 599');
  }

  cut(name: string): Cut | null {
    const text = this.#text(name);
    if (text === null) return null;
    if (text === '0') return { at: 'before_headers' };
    if (text === 'headers') return { at: 'after_headers' };
    const middle = /^mid(?::(\d{1,6}))?$/.exec(text);
    if (middle) return { at: 'event', events: Number(middle[1] ?? 0), middle: true };
    if (/^\d{1,6}$/.test(text)) return { at: 'event', events: Number(text), middle: false };
    throw badValue(name, text, '0, headers, a number of events, mid, or mid:N');
  }

  #text(name: string): string | null {
    const value = this.#headers[name];
    if (value === undefined) return null;
    return typeof value === 'string' ? value : value.join(', ');
  }
}

function badValue(name: string, text: string, expected: string): Error {
  return refusal(400, {
    message: `Invalid header '${name}': expected ${expected}, but got '${text.slice(0, 100)}'.`,
    param: name,
    code: 'invalid_steering',
  });
}

/** The steering of a request without any `x-sim-*` header. */
export const NO_STEERING: Steering = Object.freeze(readSteering({}));
