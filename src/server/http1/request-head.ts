import { ExchangeError } from './exchange-error.ts';

/** RFC 9110 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const NOT_IN_TARGET = /[^\x21-\xff]/;
/** Methods that say something by a body: without one they say so (RFC 9110 8.6). */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'QUERY', 'PROPFIND', 'PROPPATCH']);

/** What the heads of several requests have in common. */
export interface RepeatedHead {
  /** {@link requestHead} up to the length of the body; null before the first of them. */
  opening: string | null;
}

/** A request whose head is to be written. */
export interface HeadedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly string[];
  /** Whoever gave them has read or checked them strictly: they are not looked at once more. */
  readonly isStrict?: boolean;
  /** What requests of the same method, path and strict headers share; null where none is known. */
  readonly repeated?: RepeatedHead | null;
  readonly body: Buffer | null;
}

/** Whether the connection is used for nothing after a request. */
export function isLastOnConnection({ method, body }: HeadedRequest): boolean {
  // After HEAD some servers send a body all the same; a body that a method does not have, some take for a request.
  return method === 'HEAD' || (body !== null && body.length > 0 && !WITH_BODY.has(method));
}

/**
 * Makes the head of a request, to be written as latin1, in the words and the order that undici has.
 *
 * @param host the `host` header's value
 * @throws ExchangeError `INVALID_REQUEST` where a part of it would break out of its line
 */
export function requestHead(request: HeadedRequest, host: string): string {
  const { method, body, isStrict = false, repeated = null } = request;
  const opening = isStrict && repeated !== null ? repeatedOpening(request, repeated, host) : openingOf(request, host);
  const length = body === null ? 0 : body.length;
  return length > 0 || WITH_BODY.has(method) ? `${opening}content-length: ${length}\r\n\r\n` : `${opening}\r\n`;
}

function repeatedOpening(request: HeadedRequest, repeated: RepeatedHead, host: string): string {
  // What is put together of many parts is looked through part by part each time that it is written, unless it is copied.
  repeated.opening ??= Buffer.from(openingOf(request, host), 'latin1').toString('latin1');
  return repeated.opening;
}

function openingOf({ method, path, headers, isStrict = false }: HeadedRequest, host: string): string {
  if (!TOKEN.test(method)) throw invalid('method');
  if (!path.startsWith('/') || NOT_IN_TARGET.test(path)) throw invalid('path');
  const connection = method === 'HEAD' ? 'close' : 'keep-alive';
  if (!isStrict) checkHeaders(headers);
  let opening = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: ${connection}\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) opening += `${headers[i] ?? ''}: ${headers[i + 1] ?? ''}\r\n`;
  return opening;
}

function checkHeaders(headers: readonly string[]): void {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!TOKEN.test(headers[i] ?? '') || NOT_IN_VALUE.test(headers[i + 1] ?? '')) throw invalid('header');
  }
}

function invalid(what: string): ExchangeError {
  return new ExchangeError('INVALID_REQUEST', `The request has a ${what} that cannot be sent.`);
}
