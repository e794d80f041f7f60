import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { MetertapError } from '../core/errors.ts';
import { type AnswerConsumer, type AnswerSource, ClientLeftError } from '../streaming/relay.ts';
import { AnswerHeaders, answerHeadersOf } from './answer-headers.ts';
import { endsItsRead, joinedChunks } from './joined-chunks.ts';
import type { Upstream } from './upstreams.ts';

/** A request as it goes to an upstream. */
export interface OutgoingRequest {
  readonly upstream: Upstream;
  readonly method: string;
  /** Path and query below the upstream's base URL, with a leading slash. */
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer | Readable | null;
}

/** The reason given to calls that are still open when the grace of a shutdown is over. */
export class ShutdownError extends Error {
  override readonly name = 'ShutdownError';
}

/** Why no answer came, with what the client is told and how the record ends. */
export interface DispatchFailure {
  readonly kind: 'failed';
  readonly error: MetertapError;
  readonly ending: 'upstream_error' | 'upstream_cut' | 'timed_out' | 'client_left' | 'interrupted';
}

/** An upstream's answer whose head is here and whose body is on its way. */
export interface UpstreamAnswer extends AnswerSource {
  readonly kind: 'answer';
  readonly status: number;
  readonly statusText: string;
  readonly headers: AnswerHeaders;
  /** Nobody will read the headers any more. An open stream need not keep them. */
  forgetHeaders(): void;
}

/** Sends a request and waits for the head of its answer. Never rejects: what fails is told by the result. */
export interface Dispatch {
  readonly result: Promise<UpstreamAnswer | DispatchFailure>;
  abort(reason: Error): void;
}

const NO_HEADERS = new AnswerHeaders([]);

/** Sends `request` to its upstream. */
export function dispatch(request: OutgoingRequest): Dispatch {
  const exchange = new UpstreamExchange(request.upstream);
  try {
    request.upstream.pool.dispatch(
      {
        path: request.upstream.basePath + request.path,
        method: request.method as Dispatcher.HttpMethod,
        headers: request.headers,
        body: request.body,
      },
      exchange,
    );
  } catch (error) {
    exchange.onResponseError(null, error instanceof Error ? error : new Error(String(error)));
  }
  return { result: exchange.result, abort: (reason) => exchange.abort(reason) };
}

/**
 * How much of one answer is taken before others have their turn. Node reads up to 2 MB from one socket at a time; with
 * hundreds of answers that come as fast as they are taken, a turn of the event loop would last for seconds, in which
 * neither the journal is heard nor any other stream is served.
 */
const BYTES_AT_A_TIME = 65_536;

/**
 * Receives the events of one undici dispatch (https://github.com/nodejs/undici/blob/main/docs/docs/api/Dispatcher.md).
 *
 * Data waits in a list until somebody attaches, and until all that one read of the socket held has been parsed: undici
 * gives each HTTP chunk by itself, and a stream that comes in a burst has one for each event. Together they are scanned,
 * written and framed once, within the same turn of the event loop (performance.md, "Rules of the hot path"). A chunk
 * with which a read ends need not wait for others.
 */
class UpstreamExchange implements Dispatcher.DispatchHandler, UpstreamAnswer {
  readonly kind = 'answer';
  readonly #result = Promise.withResolvers<UpstreamAnswer | DispatchFailure>();
  readonly #upstream: Upstream;
  #controller: Dispatcher.DispatchController | null = null;
  #abortReason: Error | null = null;
  #consumer: AnswerConsumer | null = null;
  #waiting: Buffer[] = [];
  #willDeliver = false;
  #over: { readonly error: Error | null } | null = null;
  #headReceived = false;
  /** Bytes taken since the answer last let others have their turn. */
  #takenBytes = 0;
  #awaitsTurn = false;
  /** Its consumer takes nothing at the moment. */
  #isPaused = false;
  status = 0;
  statusText = '';
  headers = NO_HEADERS;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  get result(): Promise<UpstreamAnswer | DispatchFailure> {
    return this.#result.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#abortReason !== null) controller.abort(this.#abortReason);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Parameters<typeof answerHeadersOf>[1],
    statusMessage?: string,
  ): void {
    if (statusCode < 200) return;
    this.#headReceived = true;
    this.status = statusCode;
    this.statusText = statusMessage ?? '';
    this.headers = answerHeadersOf(controller.rawHeaders, headers);
    controller.rawHeaders = null;
    this.#result.resolve(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#takenBytes += chunk.length;
    if (this.#takenBytes >= BYTES_AT_A_TIME && !this.#awaitsTurn) this.#awaitTurn(controller);
    if (this.#consumer !== null && this.#waiting.length === 0 && endsItsRead(chunk)) {
      this.#consumer.data(chunk);
      return;
    }
    this.#waiting.push(chunk);
    if (this.#consumer === null || this.#willDeliver) return;
    this.#willDeliver = true;
    queueMicrotask(this.#deliverLater);
  }

  onResponseEnd(): void {
    this.#over = { error: null };
    this.#deliver();
    this.#consumer?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over !== null) return;
    const reason = this.#abortReason ?? error;
    this.#over = { error: reason };
    this.#deliver();
    if (this.#headReceived) this.#consumer?.failed(reason);
    else this.#result.resolve(failureOf(reason, this.#controller !== null, this.#upstream.name));
  }

  forgetHeaders(): void {
    this.headers = NO_HEADERS;
  }

  attach(consumer: AnswerConsumer): void {
    this.#consumer = consumer;
    this.#deliver();
    if (this.#over === null) return;
    if (this.#over.error === null) consumer.end();
    else consumer.failed(this.#over.error);
  }

  pause(): void {
    this.#isPaused = true;
    this.#controller?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#awaitsTurn) this.#controller?.resume();
  }

  abort(reason: Error): void {
    if (this.#over !== null || this.#abortReason !== null) return;
    this.#abortReason = reason;
    if (this.#controller !== null) this.#controller.abort(reason);
    else this.onResponseError(null, reason);
  }

  #awaitTurn(controller: Dispatcher.DispatchController): void {
    this.#awaitsTurn = true;
    this.#takenBytes = 0;
    controller.pause();
    setImmediate(() => {
      this.#awaitsTurn = false;
      if (!this.#isPaused && this.#over === null) controller.resume();
    });
  }

  readonly #deliverLater = (): void => {
    this.#willDeliver = false;
    this.#deliver();
  };

  #deliver(): void {
    const consumer = this.#consumer;
    if (this.#waiting.length === 0 || consumer === null) return;
    // Taken one by one: where a consumer ends the answer meanwhile, what is left comes before its failure.
    this.#waiting = [...joinedChunks(this.#waiting)];
    for (let chunk = this.#waiting.shift(); chunk !== undefined; chunk = this.#waiting.shift()) consumer.data(chunk);
  }
}

const TIMEOUT_CODES = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

/** Tells a time-out from another failure of the upstream, by undici's error code. */
export function isTimeout(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string' && TIMEOUT_CODES.has(error.code);
}

/** What a failure is called, for the client and for the record. `requestSent`: the upstream may have begun to work. */
export function failureOf(reason: Error, requestSent: boolean, upstreamName: string): DispatchFailure {
  if (reason instanceof ClientLeftError) {
    return failed('client_left', 'upstream_cut', 'The client left before the upstream answered.', reason);
  }
  if (reason instanceof ShutdownError) {
    return failed('interrupted', 'shutting_down', 'Metertap is shutting down. Try again in a moment.', reason);
  }
  // The client stopped sending its body while it was being forwarded.
  if (reason instanceof MetertapError) return { kind: 'failed', ending: 'client_left', error: reason };
  if (isTimeout(reason)) {
    const message = `The upstream '${upstreamName}' did not answer in time. Try again, or raise timeouts.first_byte_ms.`;
    return failed('timed_out', 'upstream_timeout', message, reason);
  }
  if (requestSent) {
    const message = `The upstream '${upstreamName}' closed the connection before its answer was complete. Try again.`;
    return failed('upstream_cut', 'upstream_cut', message, reason);
  }
  const message = `The upstream '${upstreamName}' cannot be reached. Try again, or check its base_url and the network.`;
  return failed('upstream_error', 'upstream_unreachable', message, reason);
}

function failed(
  ending: DispatchFailure['ending'],
  code: 'upstream_cut' | 'upstream_timeout' | 'upstream_unreachable' | 'shutting_down',
  message: string,
  cause: Error,
): DispatchFailure {
  return { kind: 'failed', ending, error: new MetertapError(code, message, { cause }) };
}
