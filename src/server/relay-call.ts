import type { CallRecord } from '../ledger/record.ts';
import type { OutputEvidence } from '../metering/estimate-sample.ts';
import { sendsUsageOnlyWhenAsked } from '../metering/stream-usage-hosts.ts';
import { Relay } from '../streaming/relay.ts';
import { pairsOf } from './answer-headers.ts';
import { type CallEnd, endingOf } from './close-call.ts';
import { type DispatchFailure, failureOf, type UpstreamAnswer } from './dispatch.ts';
import type { Exchange } from './exchange.ts';
import { type HeaderField, headerField } from './http1/header-block.ts';
import type { Call } from './open-call.ts';
import { limitHeaders } from './rate-headers.ts';
import { flushHead, headerText, writeError } from './reply-error.ts';
import type { ProxyRooms } from './rooms.ts';
import { relayLimitsOf, type SentCall } from './send-call.ts';
import { errorEvent, StreamGuard, StreamLimitError } from './stream-guard.ts';
import type { Asked } from './stream-question.ts';
import { clientAskedForUsage } from './stream-usage-request.ts';
import { type AnswerWatch, type UsageHiding, watchAnswer } from './watch-answer.ts';

/** An answer that has been relayed up to its last bytes, which wait for the journal. */
export interface RelayedCall {
  readonly end: CallEnd;
  /** What the upstream answered; null where no head of an answer came. */
  readonly answer: AnswerSeen | null;
  /** Monotonic milliseconds at which the upstream's part was over. */
  readonly relayedAtMs: number;
  /** Lets the last bytes go out, with what the head may still tell of the record. */
  release(record: CallRecord): void;
  /** Ends the answer where the record could not be written: with `refusal` if nothing went out yet, else by a cut. */
  refuse(refusal: Parameters<typeof writeError>[1]): void;
}

/** What is known of an answer beside its finding, for an estimate. */
export interface AnswerSeen {
  /** The upstream's own. */
  readonly status: number;
  /** Null where the answer passed by unread, where its usage is known, and at endpoints that are never estimated. */
  readonly evidence: OutputEvidence | null;
  readonly toolCalls: number;
}

/**
 * How long what comes of a stream with its end may wait for the record, where many calls share the process. Most records
 * are written sooner, and a stream that comes all at once is then one write, as a document is.
 */
const END_PATIENCE_MS = 2;
/** With fewer calls there is no need to save, and nothing waits that need not. */
const MANY_CALLS = 8;
/** How long a document may be held back before its bytes pass as they come. */
const DOCUMENT_PATIENCE_MS = 1000;

/**
 * Relays the answer, observed. Resolves when it is over, whichever side ended it, with its last bytes in hand.
 * Never rejects.
 */
export async function relayCall(call: Call, sent: SentCall, rooms: ProxyRooms): Promise<RelayedCall> {
  const { answer, asked } = sent;
  if (answer.kind === 'failed') return relayedFailure(call, answer, rooms);
  const { exchange } = call;
  const { allowance } = call.reservation;
  const guard = allowance === null ? null : new StreamGuard(allowance, exchange.endpoint);
  const hiding = asked.asked ? hidingOf(call, asked) : null;
  const watch = watchAnswer(answer, exchange.endpoint, { hiding, guard, skimmer: rooms.eventSkimmer });
  guard?.onPassed((reason) => watch.source.abort(reason));
  const head = headOf(call, answer, watch.droppedHeaders);
  answer.forgetHeaders();
  exchange.framed = null;
  exchange.head = null;

  const relay = relayOf(call, answer, { watch, head, rooms });
  const over = relay.run();
  // A document comes soon: what its client has said is kept, to read what it says next. So is a stream that came at once.
  if (!watch.isDocument && relay.outcome === null) exchange.request.forgetHead?.();
  showHead(relay, watch, exchange);
  const outcome = relay.outcome ?? (await over);
  const reading = watch.finish();
  if (reading !== undefined) await reading;
  const finding = watch.meter.finding;
  const named = endingOf({ outcome, status: answer.status, finding, background: call.request.background });
  // Nothing has gone out yet of a document that was still held: its client can be told what happened.
  const failure =
    outcome.kind === 'failed' && !relay.headWritten ? failureOf(outcome.error, true, call.upstream.name) : null;
  const status = failure?.error.kind.status ?? answer.status;
  const { model: requestModel, stream, units } = call.request;
  const times = timesOf(exchange, relay.firstByteAtMs, rooms);
  return {
    end: {
      status,
      ending: named.ending,
      errorCode: named.errorCode,
      finding,
      endedAtMs: times.endedAtMs,
      durationMs: times.durationMs,
      ttftMs: times.ttftMs,
      requestModel,
      stream,
      units,
    },
    answer: {
      status: answer.status,
      evidence: watch.isRead ? watch.meter.evidence : null,
      toolCalls: watch.meter.toolCalls,
    },
    relayedAtMs: rooms.clock.monotonicMs(),
    release: (record) => {
      if (outcome.kind === 'failed') {
        if (failure !== null)
          writeError(exchange.response, failure.error, { requestId: exchange.id, runId: call.ids.runId });
        else if (outcome.error instanceof StreamLimitError)
          relay.endWith(errorEvent(outcome.error.refusal, exchange.endpoint));
        else relay.cutClient();
        return;
      }
      if (watch.isDocument) addCost(head, record);
      relay.release();
    },
    refuse: (refusal) => {
      if (relay.headWritten) {
        relay.cutClient();
        return;
      }
      relay.withdraw();
      writeError(exchange.response, refusal, { requestId: exchange.id, runId: call.ids.runId });
    },
  };
}

function headOf(call: Call, sent: UpstreamAnswer, dropped: readonly string[]): AnswerHead {
  const head = new AnswerHead(call.exchange, sent, dropped);
  head.add('x-metertap-request-id', call.exchange.id);
  if (call.ids.runId !== null) head.addGiven('x-metertap-run-id', headerText(call.ids.runId));
  const told = limitHeaders(call.allowance, call.reservation.readings, sent.headers);
  for (const [name, value] of told) head.set(name, value);
  return head;
}

interface RelayParts {
  readonly watch: AnswerWatch;
  readonly head: AnswerHead;
  readonly rooms: ProxyRooms;
}

function relayOf(call: Call, answer: UpstreamAnswer, { watch, head, rooms }: RelayParts): Relay {
  const { exchange } = call;
  exchange.cancellation.use((reason) => watch.source.abort(reason));
  return new Relay({
    source: watch.source,
    response: exchange.response,
    presence: exchange.presence,
    passage: watch.passage,
    limits: relayLimitsOf(call),
    nowMs: () => rooms.clock.monotonicMs(),
    writeHead: () => head.write(answer.status, answer.statusText),
    endPatienceMs: rooms.openCalls.count < MANY_CALLS ? null : END_PATIENCE_MS,
  });
}

/** The head of a stream goes out ahead of its body, unless all of it came with it. Most documents come so. */
function showHead(relay: Relay, watch: AnswerWatch, exchange: Exchange): void {
  if (watch.spill !== null) {
    if (relay.outcome === null) spillLater(relay, watch);
  } else if (!relay.holdsTail && relay.sendHead()) flushHead(exchange.response);
}

/** A document that takes long passes as it comes: its sender may be keeping the connection alive with white space. */
function spillLater(relay: Relay, watch: AnswerWatch): void {
  const timer = setTimeout(() => relay.send(watch.spill?.() ?? null), DOCUMENT_PATIENCE_MS);
  timer.unref();
  relay.onSettled(() => clearTimeout(timer));
}

/** RFC 9110 5.5. */
const ONE_LINE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The head of the answer to the client; it may be added to until it is written. */
class AnswerHead {
  readonly #exchange: Exchange;
  #fields: HeaderField[];
  /** Whether nothing in it can break out of its line: what upstreams said was read strictly, the rest is made here. */
  #isStrict: boolean;

  constructor(exchange: Exchange, answer: UpstreamAnswer, dropped: readonly string[]) {
    this.#exchange = exchange;
    this.#fields = answer.headers.forClient(dropped);
    this.#isStrict = answer.headers.isStrict;
  }

  /** @param name in lower case */
  add(name: string, value: string): void {
    this.#fields.push(headerField(name, value, name));
  }

  /** Adds a text that was not made here. */
  addGiven(name: string, value: string): void {
    this.#isStrict &&= ONE_LINE.test(value);
    this.add(name, value);
  }

  /** Sets the header, in the place of the upstream's own of that name if there is one. */
  set(name: string, value: string): void {
    for (let i = 0; i < this.#fields.length; i++) {
      const other = this.#fields[i];
      if (other?.lowerName !== name) continue;
      this.#fields[i] = headerField(other.name, value, name);
      return;
    }
    this.add(name, value);
  }

  write(status: number, statusText: string): void {
    const { response } = this.#exchange;
    response.sendDate = false; // the upstream's own Date is among the headers, or there was none
    if (this.#isStrict && response.writeStrictHead !== undefined) {
      response.writeStrictHead(status, statusText, this.#fields);
    } else response.writeHead(status, statusText, pairsOf(this.#fields));
    this.#fields = []; // an open stream need not keep them
  }
}

function relayedFailure(call: Call, failure: DispatchFailure, rooms: ProxyRooms): RelayedCall {
  const { exchange } = call;
  const ids = { requestId: exchange.id, runId: call.ids.runId };
  return {
    end: {
      status: exchange.presence.left ? null : failure.error.kind.status,
      ending: failure.ending,
      errorCode: failure.ending === 'client_left' ? null : failure.error.code,
      finding: null,
      ...timesOf(exchange, null, rooms),
      requestModel: call.request.model,
      stream: call.request.stream,
      units: null,
    },
    answer: null,
    relayedAtMs: rooms.clock.monotonicMs(),
    release: () => writeError(exchange.response, failure.error, ids),
    refuse: (refusal) => writeError(exchange.response, refusal, ids),
  };
}

function timesOf(
  exchange: Exchange,
  firstByteAtMs: number | null,
  rooms: ProxyRooms,
): Pick<CallEnd, 'endedAtMs' | 'durationMs' | 'ttftMs'> {
  const durationMs = Math.round(rooms.clock.monotonicMs() - exchange.startedMonotonicMs);
  return {
    endedAtMs: exchange.startedAtMs + durationMs,
    durationMs,
    ttftMs: firstByteAtMs === null ? null : Math.round(firstByteAtMs - exchange.startedMonotonicMs),
  };
}

/** What is hidden of the usage that was asked for on the client's behalf; null where its key wants to see it. */
function hidingOf(call: Call, { askedRunning }: Asked): UsageHiding | null {
  const usageEvent = call.caller.settings.usageEvent ?? call.settings.usageEvent;
  if (askedRunning) {
    const runningOnly = usageEvent === 'pass' || clientAskedForUsage(call.request.streamOptions);
    return { usageOnlyWhenAsked: true, runningOnly };
  }
  return usageEvent === 'pass' ? null : { usageOnlyWhenAsked: sendsUsageOnlyWhenAsked(call.upstream.host) };
}

/** What the head of a JSON answer tells of its record (contract.md, "Response headers"). The upstream's own has none such. */
function addCost(head: AnswerHead, record: CallRecord): void {
  head.add('x-metertap-usage-source', record.usage_source);
  if (record.cost_usd !== null) head.add('x-metertap-cost-usd', record.cost_usd);
}
