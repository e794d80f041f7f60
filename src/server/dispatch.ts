import type { Readable } from 'node:stream';
import { MetertapError } from '../core/errors.ts';
import { type AnswerConsumer, type AnswerSource, ClientLeftError } from '../streaming/relay.ts';
import { AnswerHeaders } from './answer-headers.ts';
import type { AnswerTurns, WaitingAnswer } from './answer-turns.ts';
import type { AnswerReceiver, CarriedHead, Sending } from './carrier.ts';
import { ExchangeError } from './http1/exchange-error.ts';
import type { RepeatedHead } from './http1/request-head.ts';
import type { Upstream } from './upstreams.ts';

/** A request as it goes to an upstream. */
export interface OutgoingRequest {
  readonly upstream: Upstream;
  readonly method: string;
  /** Path and query below the upstream's base URL, with a leading slash. */
  readonly path: string;
  readonly headers: readonly string[];
  /** These two as for the carrier. */
  readonly isStrict?: boolean;
  readonly repeated?: RepeatedHead | null;
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
  const exchange = new UpstreamExchange(request.upstream.name, request.upstream.turns);
  const { carrier, basePath } = request.upstream;
  const { method, headers, isStrict = false, repeated = null, body } = request;
  const path = basePath + request.path;
  try {
    exchange.start(carrier.send({ method, path, headers, isStrict, repeated, body }, exchange));
  } catch (error) {
    exchange.failed(error instanceof Error ? error : new Error(String(error)));
  }
  return exchange;
}

/**
 * How much of one answer is taken before others have their turn. Node reads up to 2 MB from one socket at a time; with
 * hundreds of answers that come as fast as they are taken, a turn of the event loop would last for seconds, in which
 * neither the journal is heard nor any other stream is served.
 */
const BYTES_AT_A_TIME = 65_536;
/** An answer goes on, turn by turn of the event loop, until so much has come of it; then it waits for the others. */
const BYTES_IN_A_ROW = 524_288;
/** Whose bytes take longer is not fast, and need not wait for those that are. */
const FAST_MS = 100;

/** One exchange with an upstream. What comes of the answer waits in a list until somebody attaches. */
class UpstreamExchange implements AnswerReceiver, UpstreamAnswer, Dispatch, WaitingAnswer {
  readonly kind = 'answer';
  readonly result: Promise<UpstreamAnswer | DispatchFailure>;
  /** Null once it has been called. */
  #resolve: ((result: UpstreamAnswer | DispatchFailure) => void) | null = null;
  readonly #upstreamName: string;
  readonly #turns: AnswerTurns;
  #sending: Sending | null = null;
  #isSent = false;
  #abortReason: Error | null = null;
  #consumer: AnswerConsumer | null = null;
  readonly #waiting: Buffer[] = [];
  #over: { readonly error: Error | null } | null = null;
  #headReceived = false;
  /** Bytes taken since the answer last let others have their turn. */
  #takenBytes = 0;
  /** When it took the first of them; monotonic milliseconds. */
  #takingSinceMs = 0;
  /** Bytes that it may take before it waits for the others; none where it has not waited for them yet. */
  #bytesInHand = 0;
  #awaitsTurn = false;
  /** Its consumer takes nothing at the moment. */
  #isPaused = false;
  status = 0;
  statusText = '';
  headers = NO_HEADERS;

  constructor(upstreamName: string, turns: AnswerTurns) {
    this.#upstreamName = upstreamName;
    this.#turns = turns;
    this.result = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  start(sending: Sending): void {
    this.#sending = sending;
    if (this.#abortReason !== null) sending.abort(this.#abortReason);
  }

  sent(): void {
    this.#isSent = true;
  }

  head(head: CarriedHead): void {
    this.#headReceived = true;
    this.status = head.status;
    this.statusText = head.statusText;
    this.headers = new AnswerHeaders(head.fields, head.isStrict);
    this.#tell(this);
  }

  data(chunk: Buffer): void {
    if (this.#takenBytes === 0) this.#takingSinceMs = performance.now();
    this.#takenBytes += chunk.length;
    if (this.#takenBytes >= BYTES_AT_A_TIME && !this.#awaitsTurn) this.#awaitTurn();
    if (this.#consumer !== null && this.#waiting.length === 0) this.#consumer.data(chunk);
    else this.#waiting.push(chunk);
  }

  end(): void {
    this.#over = { error: null };
    this.#consumer?.end();
  }

  failed(error: Error): void {
    if (this.#over !== null) return;
    const reason = this.#abortReason ?? error;
    this.#over = { error: reason };
    this.#deliver();
    if (this.#headReceived) this.#consumer?.failed(reason);
    else this.#tell(failureOf(reason, this.#isSent, this.#upstreamName));
  }

  forgetHeaders(): void {
    this.headers = NO_HEADERS;
  }

  attach(consumer: AnswerConsumer): void {
    const over = this.#over; // what is over only afterwards tells the consumer itself
    this.#consumer = consumer;
    this.#deliver();
    if (over === null) return;
    if (over.error === null) consumer.end();
    else consumer.failed(over.error);
  }

  pause(): void {
    this.#isPaused = true;
    this.#sending?.pause();
  }

  resume(): void {
    if (this.#isPaused && this.#turns.isBusy && !this.#awaitsTurn) this.#waitForOthers();
    this.#isPaused = false;
    if (!this.#awaitsTurn) this.#sending?.resume();
  }

  abort(reason: Error): void {
    if (this.#over !== null || this.#abortReason !== null) return;
    this.#abortReason = reason;
    this.#sending?.abort(reason);
  }

  #tell(result: UpstreamAnswer | DispatchFailure): void {
    this.#resolve?.(result);
    this.#resolve = null;
  }

  takeTurn(): void {
    this.#awaitsTurn = false;
    if (!this.#isPaused && this.#over === null) this.#sending?.resume();
  }

  #awaitTurn(): void {
    const isFast = performance.now() - this.#takingSinceMs < FAST_MS;
    this.#bytesInHand -= this.#takenBytes;
    this.#takenBytes = 0;
    this.#sending?.pause();
    if (isFast && this.#bytesInHand <= 0) {
      this.#waitForOthers();
    } else {
      this.#awaitsTurn = true;
      this.#turns.goOn(this);
    }
  }

  #waitForOthers(): void {
    this.#awaitsTurn = true;
    this.#bytesInHand = BYTES_IN_A_ROW;
    this.#turns.wait(this);
  }

  #deliver(): void {
    const consumer = this.#consumer;
    if (consumer === null) return;
    // Taken one by one: where a consumer ends the answer meanwhile, what is left comes before its failure.
    for (let chunk = this.#waiting.shift(); chunk !== undefined; chunk = this.#waiting.shift()) consumer.data(chunk);
  }
}

/** Tells a time-out of the answer from another failure of the upstream. */
export function isTimeout(error: Error): boolean {
  return error instanceof ExchangeError && (error.code === 'HEAD_TIMEOUT' || error.code === 'BODY_TIMEOUT');
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
