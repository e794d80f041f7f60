/**
 * Every error that Metertap itself answers with, in one table (design.md, "Rooms"; contract.md, "Errors of our own").
 *
 * An error says whose fault it is (`source`), what HTTP status and OpenAI `type` it has, and whether trying the same
 * request again can help (`heals`). Where it cannot, the answer carries `x-should-retry: false`, because the official
 * SDKs otherwise retry every 408, 409, 429 and 5xx (wire.md 6.3).
 *
 * docs/errors.md lists the same codes; a test compares the two.
 */
export interface ErrorKind {
  readonly status: number;
  readonly type: 'invalid_request_error' | 'requests' | 'tokens' | 'insufficient_quota' | 'server_error';
  readonly source: 'client' | 'proxy' | 'upstream';
  readonly heals: boolean;
}

const client = (status: number): ErrorKind => ({
  status,
  type: 'invalid_request_error',
  source: 'client',
  heals: false,
});
const server = (status: number, source: 'proxy' | 'upstream'): ErrorKind => ({
  status,
  type: 'server_error',
  source,
  heals: true,
});

export const ERROR_KINDS = {
  malformed_request: client(400),
  malformed_body: client(400),
  invalid_attribution: client(400),
  invalid_parameter: client(400),
  invalid_api_key: client(401),
  model_not_allowed: client(403),
  endpoint_not_allowed: client(403),
  unpriced_model: client(403),
  run_id_required: client(403),
  permission_denied: client(403),
  unknown_url: client(404),
  not_found: client(404),
  model_not_found: client(404),
  conflict: client(409),
  request_timeout: { ...client(408), heals: true },
  body_too_large: client(413),
  unsupported_encoding: client(415),
  websocket_not_supported: client(426),
  headers_too_large: client(431),
  client_closed_request: client(499),
  rate_limit_exceeded: { status: 429, type: 'requests', source: 'client', heals: true },
  budget_exceeded: { status: 429, type: 'insufficient_quota', source: 'client', heals: false },
  run_limit_exceeded: { status: 429, type: 'insufficient_quota', source: 'client', heals: false },
  internal_error: server(500, 'proxy'),
  upstream_unreachable: server(502, 'upstream'),
  upstream_cut: server(502, 'upstream'),
  shutting_down: server(503, 'proxy'),
  ledger_unavailable: server(503, 'proxy'),
  limits_unavailable: server(503, 'proxy'),
  upstream_timeout: server(504, 'upstream'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

export interface ErrorOptions {
  /** The request field at fault, as OpenAI names it in `error.param`. */
  readonly param?: string;
  /** For errors that heal: when the client may come again, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Where it is not that of the code: rates of tokens and of requests have one code. */
  readonly type?: ErrorKind['type'];
  /** Where it is not that of the code: a rate that is free again only in hours is not worth another try. */
  readonly heals?: boolean;
  /** Further headers of the answer, in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The limit that refuses, as the management API shows limits; it stands in the error beside the code. */
  readonly limit?: object;
  readonly cause?: unknown;
}

/**
 * An error whose message may be shown to the client: it is written by us, names what to do, and holds no secret.
 * Any other thrown value reaches the client as a fixed sentence with the request id.
 */
export class MetertapError extends Error {
  override readonly name = 'MetertapError';
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly retryAfterMs: number | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly limit: object | null;
  readonly #kind: ErrorKind;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.param = options.param ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.headers = options.headers ?? {};
    this.limit = options.limit ?? null;
    const kind = ERROR_KINDS[code];
    this.#kind = { ...kind, type: options.type ?? kind.type, heals: options.heals ?? kind.heals };
  }

  get kind(): ErrorKind {
    return this.#kind;
  }
}

/** The OpenAI error envelope: `{"error":{"message","type","param","code"}}` (wire.md 6.1). */
export interface ErrorEnvelope {
  readonly error: { message: string; type: string; param: string | null; code: string; limit?: object };
}

/** Gives the envelope that a client sees for `error`. */
export function errorEnvelope(error: MetertapError): ErrorEnvelope {
  const { message, kind, param, code, limit } = error;
  return { error: { message, type: kind.type, param, code, ...(limit === null ? {} : { limit }) } };
}
