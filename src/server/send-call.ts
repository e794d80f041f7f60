import { setTimeout as sleep } from 'node:timers/promises';
import { streamUsagePolicyOf } from '../metering/stream-usage-hosts.ts';
import { ClientLeftError, type RelayLimits } from '../streaming/relay.ts';
import {
  type Dispatch,
  type DispatchFailure,
  dispatch,
  type OutgoingRequest,
  type UpstreamAnswer,
} from './dispatch.ts';
import type { Exchange } from './exchange.ts';
import type { Call } from './open-call.ts';
import { peekBody } from './peeked-answer.ts';
import type { CallObserver, ProxyRooms } from './rooms.ts';
import { type Asked, askStream, NOTHING_ASKED, type StreamQuestion } from './stream-question.ts';
import { mayBeRejection, namesStreamOptions } from './stream-usage-request.ts';

/** An answer, or why there is none. */
export interface SentCall {
  readonly answer: UpstreamAnswer | DispatchFailure;
  /** What its stream was asked for on the client's behalf. */
  readonly asked: Asked;
  /** Monotonic milliseconds. */
  readonly dispatchedAtMs: number;
}

/** Makes the request to the upstream and sends it. Of the request nothing is kept once its answer has begun. */
export function sendCall(call: Call, rooms: ProxyRooms): Promise<SentCall> {
  const rewritten = rewriteCall(call, rooms);
  return dispatchCall(call, { rewritten, dispatchedAtMs: rooms.clock.monotonicMs() }, rooms);
}

/** The request as it will go out, with what its stream is asked for on the client's behalf. */
interface Rewritten {
  readonly request: OutgoingRequest;
  readonly question: StreamQuestion;
}

/** Makes the request to the upstream, and asks for stream usage if it must be asked for. */
function rewriteCall(call: Call, rooms: ProxyRooms): Rewritten {
  if (!shouldAsk(call, rooms)) return rewritten(call, NOTHING_ASKED);
  const refusesRunning = rooms.rejections.has(call.upstream.name, call.request.model, 'continuous_usage_stats');
  return rewritten(call, questionOf(call, !refusesRunning));
}

function rewritten(call: Call, question: StreamQuestion): Rewritten {
  return { request: outgoing(call, question.body), question };
}

function questionOf(call: Call, mayAskRunning: boolean): StreamQuestion {
  const { body, streamOptions } = call.request;
  const { continuousUsage } = call.upstream.settings;
  const running = mayAskRunning && continuousUsage && call.exchange.endpoint.name === 'chat/completions';
  return Buffer.isBuffer(body) ? askStream(body, streamOptions, running) : NOTHING_ASKED;
}

/** The same request without the member that was refused. */
function withoutBoldest(call: Call, { question }: Rewritten): Rewritten {
  return rewritten(call, question.boldest === 'continuous_usage_stats' ? questionOf(call, false) : NOTHING_ASKED);
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

interface DueCall {
  readonly rewritten: Rewritten;
  readonly dispatchedAtMs: number;
}

/**
 * Sends the call and waits for the head of its answer. Where the upstream refuses `stream_options`, or a member of it,
 * which the client never sent, the call is sent once more without it; where that helps, the refusal is remembered.
 */
async function dispatchCall(call: Call, { rewritten, dispatchedAtMs }: DueCall, rooms: ProxyRooms): Promise<SentCall> {
  const { request, question } = rewritten;
  const answer = await send(call.exchange, request, { limits: relayLimitsOf(call), observer: rooms.observer });
  // Of the question only this goes on: with it stands the edited body.
  const asked = { asked: question.asked, askedRunning: question.askedRunning };
  if (answer.kind === 'failed' || question.boldest === null || !mayBeRejection(answer.status)) {
    return { answer, asked, dispatchedAtMs };
  }
  const peeked = await peekBody(answer, MAX_REJECTION_BYTES);
  if (!namesStreamOptions(peeked.bytes)) return { answer: peeked.answer, asked, dispatchedAtMs };
  answer.abort(new Error('the refusal has been read'));
  const repeated = await dispatchCall(call, { rewritten: withoutBoldest(call, rewritten), dispatchedAtMs }, rooms);
  // Else it was refused for something else, in words that only quote the request (FastAPI gives all of it as `input`).
  const wasTheReason = repeated.answer.kind === 'answer' && repeated.answer.status < 300;
  if (wasTheReason) rooms.rejections.add(call.upstream.name, call.request.model, question.boldest);
  return repeated;
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
    const sending = dispatch(request);
    const forget = abortIfLeft(exchange, sending, way.limits);
    const result = await sending.result;
    forget();
    const isRepeatable = result.kind === 'failed' && result.error.code === 'upstream_unreachable' && canRepeat;
    if (!isRepeatable || attempt >= CONNECTION_ATTEMPTS || exchange.presence.left) return result;
    way.observer.connectionRetried(request.upstream.name);
    await sleep(CONNECTION_RETRY_MS);
  }
}

/**
 * A client that leaves meanwhile ends the request at once, or after the time that a drain may take; a shutdown does too.
 * Gives what takes the first of it back.
 */
function abortIfLeft(exchange: Exchange, sending: Dispatch, limits: RelayLimits): () => void {
  exchange.cancellation.use((reason) => sending.abort(reason));
  let timer: NodeJS.Timeout | null = null;
  const forget = exchange.presence.onLeave(() => {
    const giveUp = () => sending.abort(new ClientLeftError('the client left before the answer began'));
    if (limits.clientLeaves === 'abort') giveUp();
    else timer = setTimeout(giveUp, limits.drainMaxMs);
  });
  return () => {
    forget();
    if (timer !== null) clearTimeout(timer);
  };
}

/** The relay's limits, with what is set for the key. */
export function relayLimitsOf(call: Pick<Call, 'settings' | 'caller'>): RelayLimits {
  const { clientLeaves } = call.caller.settings;
  return clientLeaves === null ? call.settings.relay : { ...call.settings.relay, clientLeaves };
}

function outgoing(call: Call, askedBody: Buffer | null): OutgoingRequest {
  const { exchange, request, upstream } = call;
  const { headers, repeated } = upstream.repeatedHeaders.of(exchange.request, {
    upstream,
    replaceCredential: call.settings.replaceCredential,
    dropContentEncoding: request.decoded,
    plainAnswer: askedBody !== null,
    contentLength: request.contentLength,
  });
  return {
    upstream,
    method: exchange.request.method ?? 'POST',
    path: exchange.target,
    headers,
    repeated,
    isStrict: exchange.request.isStrict === true, // what the configuration adds was checked when it was read
    body: askedBody ?? request.body,
  };
}
