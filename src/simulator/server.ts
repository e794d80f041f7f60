import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { type Answer, errorText, jsonAnswer, Refused, refusal, type WholeAnswer } from './answer.ts';
import { BoundedStore } from './bounded-store.ts';
import type { SimulatorState } from './call.ts';
import { DIALECT_NAMES, dialectOf } from './dialects.ts';
import { createSuffixes } from './identity.ts';
import { DEFAULT_MODELS, ModelCatalog } from './model-catalog.ts';
import type { ResponseRun } from './response-run.ts';
import { findRoute } from './routes.ts';
import { type SeenRequest, SeenRequests } from './seen-requests.ts';
import { sendAnswer } from './send-answer.ts';
import { steeredError } from './steered-error.ts';
import { isSteered, NO_STEERING, readSteering, type Steering } from './steering.ts';

export interface SimulatorOptions {
  /** 9099 unless said otherwise; 0 takes a free port. */
  readonly port?: number;
  readonly host?: string;
  /** The models that it knows in the place of `DEFAULT_MODELS`; `*` among them takes any. */
  readonly models?: readonly string[];
  /** The dialect of requests without `x-sim-dialect`. */
  readonly dialect?: string;
  /** False keeps no bodies and takes no hashes of them: for the benchmark. */
  readonly recordBodies?: boolean;
}

export interface Simulator {
  /** `http://127.0.0.1:9099` */
  readonly url: string;
  /** The base URL for SDKs: `url` with `/v1`. */
  readonly baseUrl: string;
  readonly port: number;
  /** The requests received, newest last, at most 1,000. */
  requests(): SeenRequest[];
  /** Forgets requests and stored answers, and counts ids from the start. */
  reset(): void;
  /** Ends all connections and stops listening. */
  close(): Promise<void>;
}

const MOST_BODY_BYTES = 256 * 1024 * 1024;
const MOST_STORED = 10_000;
const SEEN_PATH = '/__sim/requests';

const DECODERS = new Map<string, (bytes: Buffer) => Buffer>([
  ['gzip', (bytes) => gunzipSync(bytes, { maxOutputLength: MOST_BODY_BYTES })],
  ['deflate', (bytes) => inflateSync(bytes, { maxOutputLength: MOST_BODY_BYTES })],
  ['br', (bytes) => brotliDecompressSync(bytes, { maxOutputLength: MOST_BODY_BYTES })],
  ['zstd', (bytes) => zstdDecompressSync(bytes, { maxOutputLength: MOST_BODY_BYTES })],
]);

/**
 * Starts an OpenAI-compatible upstream that is exact about usage (contract.md, "The simulator"; docs/simulator.md).
 * Gives it once it listens.
 *
 * @throws RangeError for a dialect that is not known
 * @throws the error of the listening socket, such as EADDRINUSE
 */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { port = 9099, host = '127.0.0.1', models = DEFAULT_MODELS, dialect = 'openai', recordBodies = true } = options;
  if (!DIALECT_NAMES.includes(dialect)) {
    throw new RangeError(`unknown dialect '${dialect}': one of ${DIALECT_NAMES.join(', ')}`);
  }
  const seen = new SeenRequests(recordBodies);
  const catalog = new ModelCatalog(models);
  let service = createService({ catalog, dialect, seen });

  const server = createServer({
    keepAliveTimeout: 75_000,
    requestTimeout: 0,
    maxHeaderSize: 256 * 1024,
    noDelay: true,
  });
  server.on('request', (request, response) => {
    readBody(request, response, (body) => service(request, response, body));
  });
  const boundPort = await listen(server, port, host);
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`;

  return {
    url,
    baseUrl: `${url}/v1`,
    port: boundPort,
    requests: () => seen.list(),
    reset: () => {
      seen.clear();
      service = createService({ catalog, dialect, seen });
    },
    close: () => close(server),
  };
}

type Service = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** One life of a simulator, from start or reset on: its counters, its stored answers. */
function createService(given: { catalog: ModelCatalog; dialect: string; seen: SeenRequests }): Service {
  const { catalog, dialect, seen } = given;
  const state: SimulatorState = {
    models: catalog,
    responses: new BoundedStore<ResponseRun>(MOST_STORED),
    completions: new BoundedStore<string>(MOST_STORED),
    nextSuffix: createSuffixes(),
  };
  const nextRequest = createSuffixes();

  return (request, response, body) => {
    const { method = 'GET', url: path = '/', headers } = request;
    if (path === SEEN_PATH) {
      const answer = answerSeen(method, seen);
      sendAnswer(response, answer, { steering: NO_STEERING, requestId: 'req_seen' });
      return;
    }
    seen.add({ method, path, headers, body });
    let steering = NO_STEERING;
    let answer: Answer;
    try {
      if (isSteered(headers)) steering = readSteering(headers);
      answer = steeredError(headers, steering) ?? answerCall({ request, body, steering, state, dialect });
    } catch (error) {
      answer = answerOf(error);
    }
    if (steering.hang) return;
    const requestId = `req_${steering.id ?? nextRequest()}`;
    const send = () => sendAnswer(response, answer, { steering, requestId });
    if (steering.delayMs === null) send();
    else after(steering.delayMs, response, send);
  };
}

interface Reading {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly steering: Steering;
  readonly state: SimulatorState;
  readonly dialect: string;
}

function answerCall({ request, body, steering, state, dialect }: Reading): Answer {
  const { method = 'GET', url = '/', headers } = request;
  requireCredential(request);
  const queryStart = url.indexOf('?');
  const path = queryStart < 0 ? url : url.slice(0, queryStart);
  const route = findRoute(method, path);
  requireContentType(request, route.takesForm, body);
  return route.handle({
    headers,
    query: new URLSearchParams(queryStart < 0 ? '' : url.slice(queryStart)),
    body: decode(body, headers['content-encoding']),
    steering,
    dialect: dialectOf(steering.dialect ?? dialect),
    state,
    id: route.id,
  });
}

function answerOf(error: unknown): WholeAnswer {
  if (error instanceof Refused) return error.answer;
  const message = 'The server had an error while processing your request. Sorry about that!';
  return jsonAnswer(errorText({ message, type: 'server_error' }), 500);
}

function answerSeen(method: string, seen: SeenRequests): WholeAnswer {
  if (method === 'DELETE') {
    seen.clear();
    return jsonAnswer('[]');
  }
  return jsonAnswer(JSON.stringify(seen.list()));
}

/** Any bearer token or `api-key` that is not empty will do. */
function requireCredential({ headers }: IncomingMessage): void {
  const authorization = headers.authorization;
  if (authorization !== undefined && /^Bearer +\S/i.test(authorization)) return;
  if (authorization === undefined && (headers['api-key'] ?? '') !== '') return;
  const message =
    authorization === undefined
      ? "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
      : 'Incorrect API key provided: the Authorization header must have the form "Bearer YOUR_KEY".';
  throw refusal(401, { message, code: 'invalid_api_key' });
}

function requireContentType({ method, headers }: IncomingMessage, takesForm: boolean, body: Buffer): void {
  if (method !== 'POST' || body.length === 0) return;
  const expected = takesForm ? 'multipart/form-data' : 'application/json';
  const given = headers['content-type'] ?? '';
  if (given.toLowerCase().startsWith(expected)) return;
  throw refusal(400, {
    message: `Unsupported content type: '${given}'. This API method only accepts '${expected}' requests.`,
    code: 'unsupported_content_type',
  });
}

function decode(body: Buffer, encoding: string | undefined): Buffer {
  if (encoding === undefined || encoding === 'identity') return body;
  const decoder = DECODERS.get(encoding);
  if (decoder === undefined) throw refusal(415, { message: `Unsupported content encoding: '${encoding}'.` });
  try {
    return decoder(body);
  } catch {
    throw refusal(400, { message: `The body is not valid ${encoding}.` });
  }
}

function readBody(request: IncomingMessage, response: ServerResponse, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MOST_BODY_BYTES) {
      chunks.push(chunk);
      return;
    }
    chunks.length = 0;
    const answer = jsonAnswer(errorText({ message: `Maximum content size limit (${MOST_BODY_BYTES}) exceeded` }), 413);
    if (!response.headersSent) sendAnswer(response, answer, { steering: NO_STEERING, requestId: 'req_too_large' });
  });
  request.on('end', () => {
    const [first] = chunks;
    if (length <= MOST_BODY_BYTES) done(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks));
  });
}

/** Does something later, unless the client has left by then. */
function after(delayMs: number, response: ServerResponse, work: () => void): void {
  const timer = setTimeout(work, delayMs);
  response.once('close', () => clearTimeout(timer));
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
