import type { IncomingHttpHeaders } from 'node:http';
import { isConsumedHeader } from '../attribution/carriers.ts';
import { CREDENTIAL_HEADERS } from '../attribution/credential.ts';
import type { ClientRequest } from './client-request.ts';
import { HOP_BY_HOP, namedByConnection, namesOfParsed } from './header-names.ts';

/** On what it depends whether a header of a request goes on. Names that are not here go on unless they are a gateway's. */
type HeaderRule = 'never' | 'credential' | 'body coding' | 'answer coding' | 'trace';

const RULES: ReadonlyMap<string, HeaderRule> = new Map<string, HeaderRule>([
  ...[...HOP_BY_HOP].map((name) => [name, 'never'] as const),
  // Set by the connection to the upstream itself, or without meaning there.
  ['host', 'never'],
  ['content-length', 'never'],
  ['expect', 'never'],
  ...CREDENTIAL_HEADERS.map((name) => [name, 'credential'] as const),
  ['content-encoding', 'body coding'],
  ['accept-encoding', 'answer coding'],
  // They tell the upstream of the caller's trace and of what it carries along, so they go on only where that is set.
  ['traceparent', 'trace'],
  ['tracestate', 'trace'],
  ['baggage', 'trace'],
]);

/** What of an upstream's settings has a say in the headers that go to it. */
export interface HeaderSettings {
  readonly apiKey: string | null;
  readonly forwardTraceHeaders: boolean;
  /** Headers added to every request. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface UpstreamHeaderOptions {
  readonly upstream: { readonly settings: HeaderSettings };
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
 * @param request its headers as Node gives them, raw and parsed
 */
export function headersForUpstream(
  { rawHeaders, headers: parsed }: Pick<ClientRequest, 'rawHeaders' | 'headers'>,
  options: UpstreamHeaderOptions,
): string[] {
  const { settings } = options.upstream;
  const named = parsed.connection === undefined ? null : namedByConnection([parsed.connection]);
  const names = namesOfParsed(parsed, rawHeaders.length >> 1);
  const headers: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const lowerName = names?.[i >> 1] ?? name.toLowerCase();
    if (!goesOn(lowerName, options) || named?.has(lowerName)) continue;
    headers.push(name, rawHeaders[i + 1] ?? '');
  }
  if (options.plainAnswer) headers.push('accept-encoding', 'identity');
  if (options.replaceCredential && settings.apiKey !== null) {
    headers.push('authorization', `Bearer ${settings.apiKey}`);
  }
  if (options.contentLength !== null) headers.push('content-length', options.contentLength);
  for (const [name, value] of Object.entries(settings.headers)) headers.push(name, value);
  return headers;
}

function goesOn(lowerName: string, options: UpstreamHeaderOptions): boolean {
  const { settings } = options.upstream;
  if (Object.hasOwn(settings.headers, lowerName)) return false; // what is set for the upstream wins
  switch (RULES.get(lowerName)) {
    case undefined:
      return !isConsumedHeader(lowerName);
    case 'never':
      return false;
    case 'credential':
      return !options.replaceCredential;
    case 'body coding':
      return !options.dropContentEncoding;
    case 'answer coding':
      return !options.plainAnswer;
    case 'trace':
      return settings.forwardTraceHeaders;
  }
}

/** Whether the client wants to leave HTTP for a WebSocket; other upgrades (h2c) are offers that may be ignored. */
export function asksForWebSocket(headers: IncomingHttpHeaders): boolean {
  return headers.upgrade !== undefined && /(^|,)\s*websocket\s*($|,|\/)/i.test(headers.upgrade);
}
