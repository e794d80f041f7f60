import type { FastifyInstance } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import { ClientPresence } from '../streaming/client-presence.ts';
import type { ClientResponse } from '../streaming/client-response.ts';
import { CallHead, CallHeads } from './call-head.ts';
import type { ClientRequest } from './client-request.ts';
import type { Exchange } from './exchange.ts';
import { serveFree } from './free-path.ts';
import { asksForWebSocket } from './headers.ts';
import { takePlainRequests } from './http1-server/take-plain-requests.ts';
import { Cancellation } from './open-calls.ts';
import { visibleError, writeError } from './reply-error.ts';
import { serveCall } from './request-path.ts';
import type { ProxyRooms } from './rooms.ts';

/** A request, and the place for its answer. */
interface Arrival extends Pick<Exchange, 'id' | 'framed' | 'request' | 'response'> {
  /** @throws MetertapError as `readTarget` */
  readonly readHead: (request: ClientRequest) => CallHead;
}

const readAlone = (request: ClientRequest): CallHead => new CallHead(request);

/** Registers the proxied API: every path below `/v1/` and `/run/{run_id}/v1/` (contract.md, "The proxied API"). */
export function registerProxyRoutes(app: FastifyInstance, rooms: ProxyRooms): void {
  void app.register((scope, _options, done) => {
    // Bodies are read by the request path itself, as bytes: a request leaves Fastify's hands before Fastify would parse
    // or judge one, and what comes after its routing (parsing, validation, the handler) is never reached.
    scope.addHook('onRequest', (request, reply, _done) => {
      reply.hijack();
      const { id, raw } = request;
      serveRequest({ id, framed: request, request: raw, response: reply.raw, readHead: readAlone }, rooms);
    });
    const never = (): never => {
      throw new Error('a proxied request is served before its handler');
    };
    scope.all('/v1/*', never);
    scope.all('/run/:run_id/v1/*', never);
    done();
  });
}

/**
 * Has plain requests (`http1-server/`) read in place of Node, and served past Fastify: it would route all of them to the
 * proxied API, and its hooks have nothing to say of them. They are Fastify's only where its view of them is needed, and
 * in a shutdown, in which it ends their connections. To be called before the server listens.
 */
export function takePlainCalls(app: FastifyInstance, rooms: ProxyRooms, maxHeaderBytes: number): void {
  const { server } = app;
  const heads = new CallHeads();
  const readHead = (request: ClientRequest): CallHead => heads.of(request);
  takePlainRequests(server, maxHeaderBytes, (request, response) => {
    if (rooms.rates.needFramed || rooms.openCalls.closing) server.emit('request', request, response);
    else serveRequest({ id: rooms.nextId(rooms.clock.nowMs()), framed: null, request, response, readHead }, rooms);
  });
}

/**
 * Sees a request to its end. Never throws. Not an async function: its frame would wait with an open stream for its end,
 * and keep what has been made for the request.
 */
function serveRequest(arrival: Arrival, rooms: ProxyRooms): void {
  const { id, response } = arrival;
  let exchange: Exchange | null = null;
  let leave: () => void = () => undefined;
  const over = () => {
    if (exchange !== null) rooms.observer.callOver();
    // Open until its client has all of it, or is gone: a shutdown cuts no answer that is still on its way.
    if (response.closed) leave();
    else response.once('close', leave);
  };
  const refused = (error: unknown) => {
    const refusal = visibleError(error, id);
    if (!(error instanceof MetertapError)) rooms.observer.fault('request path', error, id);
    rooms.observer.refused(refusal.code, id);
    answerRefusal(response, refusal, { id, pathRunId: exchange?.pathRunId ?? null, rooms });
    over();
  };
  try {
    exchange = openExchange(arrival, rooms);
    leave = rooms.openCalls.enter(exchange.cancellation);
    rooms.observer.callStarted();
    serveExchange(exchange, rooms).then(over, refused);
  } catch (error) {
    refused(error);
  }
}

interface Refused {
  readonly id: string;
  readonly pathRunId: string | null;
  readonly rooms: ProxyRooms;
}

/** An answer that cannot even be refused is cut: nothing that one request brings may end the process. */
function answerRefusal(response: ClientResponse, refusal: MetertapError, { id, pathRunId, rooms }: Refused): void {
  try {
    writeError(response, refusal, { requestId: id, runId: pathRunId });
  } catch (error) {
    rooms.observer.fault('refusal', error, id);
    response.destroy();
  }
}

function openExchange({ id, framed, request, response, readHead }: Arrival, rooms: ProxyRooms): Exchange {
  const head = readHead(request);
  const { path, target, pathRunId } = head.target;
  return {
    id,
    framed,
    head,
    request,
    response,
    presence: new ClientPresence(response),
    cancellation: new Cancellation(),
    endpoint: head.endpoint,
    path,
    target,
    pathRunId,
    startedAtMs: rooms.clock.nowMs(),
    startedMonotonicMs: rooms.clock.monotonicMs(),
  };
}

function serveExchange(exchange: Exchange, rooms: ProxyRooms): Promise<void> {
  refuseWhatIsNotServed(exchange, rooms);
  return exchange.endpoint.kind === 'free' ? serveFree(exchange, rooms) : serveCall(exchange, rooms);
}

function refuseWhatIsNotServed(exchange: Exchange, rooms: ProxyRooms): void {
  if (rooms.openCalls.closing) {
    exchange.response.shouldKeepAlive = false;
    throw new MetertapError('shutting_down', 'Metertap is shutting down. Try again in a moment.');
  }
  if (asksForWebSocket(exchange.request.headers)) {
    const message = 'WebSocket connections are not metered here yet, so they are refused. Use HTTP with stream: true.';
    throw new MetertapError('websocket_not_supported', message);
  }
  if (exchange.endpoint.kind === 'own') {
    const path = `${exchange.request.method} /v1/${exchange.path}`;
    const hint = exchange.pathRunId === null ? `has no ${path}` : `not below /run/{run_id}; run_ids= narrows to runs`;
    throw new MetertapError('unknown_url', `Metertap answers /v1/organization/ itself and ${hint}.`);
  }
  if (exchange.endpoint.kind === 'unmetered' && rooms.settings().unknownEndpoints === 'refuse') {
    const message = `Metertap cannot meter ${exchange.request.method} /v1/${exchange.path}, and such calls are refused here.`;
    throw new MetertapError('endpoint_not_allowed', message);
  }
}
