import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** A request as the simulator received it, in the shape of `GET /__sim/requests`. */
export interface SeenRequest {
  readonly method: string;
  /** Path with query, as sent. */
  readonly path: string;
  /** By lower-case name; credentials shortened to their last four characters. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body's first 256 KiB; null where bodies are not recorded. */
  readonly body: string | null;
  /** `base64` where the body is not UTF-8. */
  readonly body_encoding: 'utf8' | 'base64';
  /** Length of the whole body in bytes. */
  readonly body_bytes: number;
  readonly body_truncated: boolean;
  /** SHA-256 of the whole body, in hex; null where bodies are not recorded. */
  readonly body_sha256: string | null;
}

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer | null;
  readonly bodyBytes: number;
  /** Taken at once where the body is too long to be kept; later for the others. */
  readonly sha256: string | null;
}

const MOST_REQUESTS = 1_000;
const MOST_BODY_BYTES = 256 * 1024;
const CREDENTIAL_HEADERS = ['authorization', 'api-key', 'x-api-key'];

/** The last 1,000 requests, newest last. What a reader sees is made when it reads: the benchmark records, nobody reads. */
export class SeenRequests {
  readonly #entries = new Array<Entry | undefined>(MOST_REQUESTS).fill(undefined);
  readonly #recordBodies: boolean;
  #count = 0;

  constructor(recordBodies: boolean) {
    this.#recordBodies = recordBodies;
  }

  add(request: { method: string; path: string; headers: IncomingHttpHeaders; body: Buffer }): void {
    const { method, path, headers, body } = request;
    const isLong = body.length > MOST_BODY_BYTES;
    this.#entries[this.#count++ % MOST_REQUESTS] = {
      method,
      path,
      headers,
      body: this.#recordBodies ? (isLong ? Buffer.from(body.subarray(0, MOST_BODY_BYTES)) : body) : null,
      bodyBytes: body.length,
      sha256: this.#recordBodies && isLong ? sha256(body) : null,
    };
  }

  list(): SeenRequest[] {
    const first = Math.max(0, this.#count - MOST_REQUESTS);
    const seen: SeenRequest[] = [];
    for (let number = first; number < this.#count; number++) {
      const entry = this.#entries[number % MOST_REQUESTS];
      if (entry !== undefined) seen.push(show(entry));
    }
    return seen;
  }

  clear(): void {
    this.#entries.fill(undefined);
    this.#count = 0;
  }
}

function show({ method, path, headers, body, bodyBytes, sha256: taken }: Entry): SeenRequest {
  const encoding = body === null || isUtf8(body) ? 'utf8' : 'base64';
  return {
    method,
    path,
    headers: showHeaders(headers),
    body: body === null ? null : body.toString(encoding),
    body_encoding: encoding,
    body_bytes: bodyBytes,
    body_truncated: body !== null && body.length < bodyBytes,
    body_sha256: body === null ? null : (taken ?? sha256(body)),
  };
}

function showHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const text = typeof value === 'string' ? value : value.join(', ');
    shown[name] = CREDENTIAL_HEADERS.includes(name) ? `…${text.slice(-4)}` : text;
  }
  return shown;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
