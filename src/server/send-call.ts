import { setTimeout as sleep } from 'node:timers/promises';
import { streamUsagePolicyOf } from '../metering/stream-usage-hosts.ts';
import { ClientLeftError, type RelayLimits } from '../streaming/relay.ts';
import { type DispatchFailure, dispatch, type OutgoingRequest, type UpstreamAnswer } from './dispatch.ts';
import type { Exchange } from './exchange.ts';
import { headersForUpstream } from './headers.ts';
import type { Call } from './open-call.ts';
import { peekBody } from './peeked-answer.ts';
import type { CallObserver, ProxyRooms } from './rooms.ts';
import { askForStreamUsage, mayBeRejection, namesStreamOptions } from './stream-usage-request.ts';

/** The request as it will go out, and whether its stream is asked for usage on the client's behalf. */
export interface Rewritten {
  readonly request: OutgoingRequest;
  /** The stream was asked for its usage although the client did not ask. */
  readonly asked: boolean;
}

/** Makes the request to the upstream, and asks for stream usage if it must be asked for. */
export function rewriteCall(call: Call, rooms: ProxyRooms): Rewritten {
  const body = shouldAsk(call, rooms) ? askedBody(call) : null;
  return { request: outgoing(call, body), asked: body !== null };
}

function askedBody(call: Call): Buffer | null {
  const { body, streamOptions } = call.request;
  return Buffer.isBuffer(body) ? askForStreamUsage(body, streamOptions) : null;
}

/** Only streams of the two endpoints that need it, and only where the upstream takes the question (wire.md 2.3). */
function shouldAsk(call: Call, rooms: ProxyRooms): boolean {
  if (!call.exchange.endpoint.asksForStreamUsage || !call.request.stream) return false;
  const { streamUsage } = call.upstream.settings;
  if (streamUsage === 'never') return false;
  if (streamUsage === 'auto' && streamUsagePolicyOf(call.upstream.host) === 'do_not_ask') return false;
  return !rooms.rejections.has(call.upstream.name, call.request.model);
}

/** A refusal of `stream_options` is a short JSON answer. */
const MAX_REJECTION_BYTES = 64 * 1024;

export type Sent = (UpstreamAnswer | DispatchFailure) & { readonly asked: boolean };

/**
 * Sends the call and waits for the head of its answer. Where the upstream refuses `stream_options`, which the client
 * never sent, the call is sent once more without it, and the refusal is remembered.
 */
export async function dispatchCall(call: Call, rewritten: Rewritten, rooms: ProxyRooms): Promise<Sent> {
  const way = { limits: relayLimitsOf(call), observer: rooms.observer };
  const result = await send(call.exchange, rewritten.request, way);
  if (result.kind === 'failed' || !rewritten.asked || !mayBeRejection(result.status)) {
    return withAsked(result, rewritten.asked);
  }
  const peeked = await peekBody(result, MAX_REJECTION_BYTES);
  if (!namesStreamOptions(peeked.bytes)) return withAsked(peeked.answer, rewritten.asked);
  result.abort(new Error('the refusal has been read'));
  rooms.rejections.add(call.upstream.name, call.request.model);
  return withAsked(await send(call.exchange, outgoing(call, null), way), false);
}

/** Keeps the answer's own object (it has state) and adds what the relay must know of the request. */
function withAsked(result: UpstreamAnswer | DispatchFailure, asked: boolean): Sent {
  return Object.assign(result, { asked });
}

/** How often a connection is tried in all, and how long to wait in between: a replica that restarts is back by then. */
const CONNECTION_ATTEMPTS = 2;
const CONNECTION_RETRY_MS = 100;

/**
 * Sends a request. Where no connection could be opened, so that nothing of it was sent and nothing can be billed twice,
 * it is tried once more; a body that streams by is gone after the first try and is not.
 */
export async function send(
  exchange: Exchange,
  request: OutgoingRequest,
  way: { readonly limits: RelayLimits; readonly observer: CallObserver },
): Promise<UpstreamAnswer | DispatchFailure> {
  const canRepeat = request.body === null || Buffer.isBuffer(request.body);
  for (let attempt = 1; ; attempt++) {
    const result = await sendOnce(exchange, request, way.limits);
    const isRepeatable = result.kind === 'failed' && result.error.code === 'upstream_unreachable' && canRepeat;
    if (!isRepeatable || attempt >= CONNECTION_ATTEMPTS || exchange.presence.left) return result;
    way.observer.connectionRetried(request.upstream.name);
    await sleep(CONNECTION_RETRY_MS);
  }
}

/** A client that leaves meanwhile ends the request at once, or after the time that a drain may take. */
async function sendOnce(
  exchange: Exchange,
  request: OutgoingRequest,
  limits: RelayLimits,
): Promise<UpstreamAnswer | DispatchFailure> {
  const sending = dispatch(request);
  exchange.cancellation.use((reason) => sending.abort(reason));
  let timer: NodeJS.Timeout | null = null;
  const forget = exchange.presence.onLeave(() => {
    const giveUp = () => sending.abort(new ClientLeftError('the client left before the answer began'));
    if (limits.clientLeaves === 'abort') giveUp();
    else timer = setTimeout(giveUp, limits.drainMaxMs);
  });
  const result = await sending.result;
  forget();
  if (timer !== null) clearTimeout(timer);
  return result;
}

/** The relay's limits, with what is set for the key. */
export function relayLimitsOf(call: Pick<Call, 'settings' | 'caller'>): RelayLimits {
  const clientLeaves = call.caller.settings.clientLeaves ?? call.settings.relay.clientLeaves;
  return { ...call.settings.relay, clientLeaves };
}

function outgoing(call: Call, askedBody: Buffer | null): OutgoingRequest {
  const { exchange, request, upstream } = call;
  return {
    upstream,
    method: exchange.request.method ?? 'POST',
    path: exchange.target,
    headers: headersForUpstream(exchange.request.rawHeaders, {
      upstream,
      replaceCredential: call.settings.replaceCredential,
      dropContentEncoding: request.decoded,
      plainAnswer: askedBody !== null,
      contentLength: request.contentLength,
    }),
    body: askedBody ?? request.body,
  };
}
