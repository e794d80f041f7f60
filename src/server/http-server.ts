import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { errorEnvelope, MetertapError } from '../core/errors.ts';
import { errorHeaders, visibleError } from './reply-error.ts';

export interface HttpSettings {
  readonly requestTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly maxHeaderBytes: number;
}

export interface HttpObserver {
  refused(code: MetertapError['code'], id: string): void;
  fault(where: string, error: unknown, id: string): void;
}

/** Run ids may stand in a path, percent-encoded; Fastify's own bound is 100 characters. */
const MAX_PARAM_LENGTH = 4096;

/**
 * Makes the HTTP server: Fastify without its logging and body parsing in the way, and one writer for every error, so
 * that whatever goes wrong, the client reads the OpenAI envelope with `x-metertap-request-id`.
 */
export function createHttpServer(
  settings: HttpSettings,
  nextId: () => string,
  observer: HttpObserver,
): FastifyInstance {
  /** The last answer on each connection: it must not be broken into. */
  const answers = new WeakMap<Socket, ServerResponse>();
  const app = fastify({
    logger: false,
    genReqId: nextId,
    requestTimeout: settings.requestTimeoutMs,
    keepAliveTimeout: settings.keepAliveMs,
    http: {
      maxHeaderSize: settings.maxHeaderBytes,
      noDelay: true,
      // Node's own answer to a request without `host` has no envelope; the hook below refuses it in our words.
      requireHostHeader: false,
      ...timesOf(settings.requestTimeoutMs),
    },
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    exposeHeadRoutes: false,
    frameworkErrors: (error, request, reply) => {
      const visible = visibleError(asRequestError(error), request.id);
      observer.refused(visible.code, request.id);
      answerError(visible, request, reply);
    },
    clientErrorHandler(error, socket) {
      const answer = answers.get(socket);
      if (answer?.headersSent && !answer.writableFinished) socket.destroy();
      else answerBrokenRequest(error, socket, nextId(), observer);
    },
  });
  // Only '100-continue' means anything (RFC 9110, 10.1.1). Node would answer any other with a bare 417.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.addHook('onRequest', (request, reply, done) => {
    answers.set(request.raw.socket, reply.raw);
    reply.header('x-metertap-request-id', request.id);
    const hasHost = request.raw.httpVersion !== '1.1' || request.headers.host !== undefined;
    const message = 'The request has no host header, which HTTP/1.1 requires.';
    done(hasHost ? undefined : new MetertapError('malformed_request', message));
  });
  app.setNotFoundHandler((request) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const message = `Unknown URL: ${request.method} ${path}. The proxied API is at /v1/, the management API at /api/v1/.`;
    throw new MetertapError('unknown_url', message);
  });
  app.setErrorHandler((error, request, reply) => {
    const visible = visibleError(asRequestError(error), request.id);
    if (visible.code === 'internal_error') observer.fault('http', error, request.id);
    observer.refused(visible.code, request.id);
    answerError(visible, request, reply);
  });
  return app;
}

/** Node's default for a head. */
const HEADERS_TIMEOUT_MS = 60_000;
/** Node's default for how often it looks for requests that are late. */
const LONGEST_LOOK_MS = 30_000;
const SHORTEST_LOOK_MS = 20;

/**
 * How long Node waits for a request, and how often it looks. Of the times for a head and for a whole request it takes the
 * longer one for the whole, so the one for the head must not be the longer one.
 */
function timesOf(requestTimeout: number) {
  return {
    requestTimeout,
    headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeout),
    connectionsCheckingInterval: Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, requestTimeout / 4)),
  };
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const visible = visibleError(error, request.id);
  void reply
    .code(visible.kind.status)
    .headers(errorHeaders(visible, { requestId: request.id }))
    .send(errorEnvelope(visible));
}

/** Fastify's own refusals (a URL that cannot be decoded, a parameter that is too long) are faults of the request. */
function asRequestError(error: unknown): unknown {
  if (!isFastifyError(error) || error.statusCode === undefined || error.statusCode >= 500) return error;
  return new MetertapError('malformed_request', `The request cannot be read: ${error.message}`);
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('FST_');
}

/** What Node's HTTP parser refuses, before there is a request: answered on the bare socket, then closed. */
function answerBrokenRequest(
  error: Error & { readonly code?: string },
  socket: Socket,
  id: string,
  observer: HttpObserver,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const visible = parserError(error.code);
  observer.refused(visible.code, id);
  const body = JSON.stringify(errorEnvelope(visible));
  const headers = { ...errorHeaders(visible, { requestId: id }), 'content-length': String(Buffer.byteLength(body)) };
  const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`);
  const { status } = visible.kind;
  socket.end(`HTTP/1.1 ${status} ${STATUS_TEXTS[status] ?? 'Error'}\r\n${lines.join('')}\r\n${body}`);
}

const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

function parserError(code: string | undefined): MetertapError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message = 'The request headers are too large. Send fewer or shorter ones, or raise listen.max_header_kb.';
    return new MetertapError('headers_too_large', message);
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const message = 'The request did not arrive in time. Send it faster, or raise listen.request_timeout_ms.';
    return new MetertapError('request_timeout', message);
  }
  return new MetertapError('malformed_request', 'The request is not valid HTTP/1.1: check its headers and its length.');
}
