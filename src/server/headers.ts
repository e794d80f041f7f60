import type { IncomingHttpHeaders } from 'node:http';
import { isConsumedHeader } from '../attribution/carriers.ts';
import { CREDENTIAL_HEADERS } from '../attribution/credential.ts';
import type { Upstream } from './upstreams.ts';

/**
 * Headers that hold for one connection only and are never passed on (RFC 9110 7.6.1; wire.md 7, "Hop-by-hop").
 * What a `Connection` header names is added to them for that message.
 */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Set by the connection to the upstream itself, or without meaning there. */
const REPLACED_TOWARDS_UPSTREAM = new Set(['host', 'content-length', 'expect']);
/** They tell the upstream of the caller's trace and of what it carries along, so they go on only where that is set. */
const TRACE_HEADERS = new Set(['traceparent', 'tracestate', 'baggage']);
const CREDENTIALS = new Set<string>(CREDENTIAL_HEADERS);
/** What an answer tells of its call. Another Metertap behind this one tells of its own, which is not this one's. */
const OWN_PREFIX = 'x-metertap-';

export interface UpstreamHeaderOptions {
  readonly upstream: Upstream;
  /** In keys mode the client's credential is ours and is never forwarded. */
  readonly replaceCredential: boolean;
  /** The body was decoded here, so its `content-encoding` no longer holds. */
  readonly dropContentEncoding: boolean;
  /** The answer will be edited, so it must not be compressed. */
  readonly plainAnswer: boolean;
  /** Set where the body's length is known and the body is streamed. */
  readonly contentLength: string | null;
}

/**
 * The headers of the request to the upstream: the client's own, in their order and spelling, less those that belong to
 * this hop, to Metertap or to other gateways.
 *
 * @param rawHeaders name, value, name, value, … as Node gives them
 */
export function headersForUpstream(rawHeaders: readonly string[], options: UpstreamHeaderOptions): string[] {
  const { upstream } = options;
  const named = namedByConnection(rawHeaders);
  const headers: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || REPLACED_TOWARDS_UPSTREAM.has(lower) || named?.has(lower)) continue;
    if (options.replaceCredential && CREDENTIALS.has(lower)) continue;
    if (options.dropContentEncoding && lower === 'content-encoding') continue;
    if (options.plainAnswer && lower === 'accept-encoding') continue;
    if (Object.hasOwn(upstream.settings.headers, lower)) continue; // what is set for the upstream wins
    if (TRACE_HEADERS.has(lower) ? !upstream.settings.forwardTraceHeaders : isConsumedHeader(lower)) continue;
    headers.push(name, rawHeaders[i + 1] ?? '');
  }
  if (options.plainAnswer) headers.push('accept-encoding', 'identity');
  if (options.replaceCredential && upstream.settings.apiKey !== null) {
    headers.push('authorization', `Bearer ${upstream.settings.apiKey}`);
  }
  if (options.contentLength !== null) headers.push('content-length', options.contentLength);
  for (const [name, value] of Object.entries(upstream.settings.headers)) headers.push(name, value);
  return headers;
}

/**
 * The headers of the answer to the client: the upstream's own, in their order and spelling, less those of that hop and
 * those that only Metertap gives.
 *
 * @param rawHeaders name, value, … as undici gives them
 * @param without further names (lower case) that no longer hold, such as `content-length` of an edited body
 */
export function headersForClient(rawHeaders: readonly Buffer[], without: readonly string[]): string[] {
  const names: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) names.push(rawHeaders[i]?.toString('latin1') ?? '');
  const named = namedByConnectionOf(rawHeaders, names);
  const headers: string[] = [];
  for (let i = 0; i < names.length; i++) {
    const name = names[i] ?? '';
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || named?.has(lower) || without.includes(lower)) continue;
    if (lower.startsWith(OWN_PREFIX)) continue;
    headers.push(name, rawHeaders[i * 2 + 1]?.toString('latin1') ?? '');
  }
  return headers;
}

/** The value of a header of an upstream's answer; undefined where it has none. */
export function headerOf(rawHeaders: readonly Buffer[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const candidate = rawHeaders[i];
    if (candidate?.length === name.length && candidate.toString('latin1').toLowerCase() === name) {
      return rawHeaders[i + 1]?.toString('latin1');
    }
  }
  return undefined;
}

/** Whether the client wants to leave HTTP for a WebSocket; other upgrades (h2c) are offers that may be ignored. */
export function asksForWebSocket(headers: IncomingHttpHeaders): boolean {
  return /(^|,)\s*websocket\s*($|,|\/)/i.test(headers.upgrade ?? '');
}

function namedByConnection(rawHeaders: readonly string[]): Set<string> | null {
  let named: Set<string> | null = null;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.length !== 10 || rawHeaders[i]?.toLowerCase() !== 'connection') continue;
    named = addNames(named, rawHeaders[i + 1] ?? '');
  }
  return named;
}

function namedByConnectionOf(rawHeaders: readonly Buffer[], names: readonly string[]): Set<string> | null {
  let named: Set<string> | null = null;
  for (let i = 0; i < names.length; i++) {
    if (names[i]?.length !== 10 || names[i]?.toLowerCase() !== 'connection') continue;
    named = addNames(named, rawHeaders[i * 2 + 1]?.toString('latin1') ?? '');
  }
  return named;
}

function addNames(named: Set<string> | null, value: string): Set<string> | null {
  let names = named;
  for (const part of value.split(',')) {
    const name = part.trim().toLowerCase();
    if (name === '' || name === 'keep-alive' || name === 'close') continue;
    names ??= new Set();
    names.add(name);
  }
  return names;
}
