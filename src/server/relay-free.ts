import type { CallRecord } from '../ledger/record.ts';
import { OpenPassage } from '../streaming/passage.ts';
import { Relay, type RelayLimits } from '../streaming/relay.ts';
import { pairsOf } from './answer-headers.ts';
import { responseIdOf } from './background-responses.ts';
import { closedRecord, isOver } from './close-call.ts';
import type { DispatchFailure, UpstreamAnswer } from './dispatch.ts';
import type { Exchange } from './exchange.ts';
import { flushHead, headerText, writeError } from './reply-error.ts';
import type { ProxyRooms, ProxySettings } from './rooms.ts';
import { actualUseOf, lateCallOf } from './settle-call.ts';
import type { Upstream } from './upstreams.ts';
import { type AnswerWatch, watchAnswer } from './watch-answer.ts';

export interface FreeCall {
  readonly exchange: Exchange;
  readonly answer: UpstreamAnswer | DispatchFailure;
  readonly limits: RelayLimits;
  readonly settings: ProxySettings;
  readonly upstream: Upstream;
}

/** Relays the answer of a call that is not recorded itself, and settles the background response that it may show. */
export async function relayFree(call: FreeCall, rooms: ProxyRooms): Promise<void> {
  const { exchange, answer } = call;
  if (answer.kind === 'failed') {
    writeError(exchange.response, answer.error, { requestId: exchange.id, runId: exchange.pathRunId });
    countFree(call, exchange.presence.left ? null : answer.error.kind.status, rooms);
    return;
  }
  const responseId = responseIdOf(exchange.path);
  const waiting = responseId === null ? null : rooms.background.waitingFor(responseId);
  const watching = { hiding: null, guard: null, skimmer: rooms.eventSkimmer };
  const watch = waiting === null ? null : watchAnswer(answer, exchange.endpoint, watching);
  const relay = startRelay(call, answer, watch, rooms);
  const outcome = await relay.run();
  if (watch !== null && waiting !== null) await settleBackground({ call, watch, waiting }, rooms);
  if (outcome.kind === 'failed') relay.cutClient();
  else relay.release();
  countFree(call, answer.status, rooms);
}

function startRelay(call: FreeCall, answer: UpstreamAnswer, watch: AnswerWatch | null, rooms: ProxyRooms): Relay {
  const { exchange } = call;
  exchange.cancellation.use((reason) => answer.abort(reason));
  const relay = new Relay({
    source: watch?.source ?? answer,
    response: exchange.response,
    presence: exchange.presence,
    passage: watch?.passage ?? new OpenPassage(null),
    limits: watch === null ? { ...call.limits, clientLeaves: 'abort' } : call.limits,
    nowMs: () => rooms.clock.monotonicMs(),
    writeHead: () => writeHead(exchange, answer),
  });
  if (watch?.isDocument !== true && relay.sendHead()) flushHead(exchange.response);
  return relay;
}

function writeHead(exchange: Exchange, answer: UpstreamAnswer): void {
  const headers = pairsOf(answer.headers.forClient([]));
  headers.push('x-metertap-request-id', exchange.id);
  if (exchange.pathRunId !== null) headers.push('x-metertap-run-id', headerText(exchange.pathRunId));
  exchange.response.sendDate = false;
  exchange.response.writeHead(answer.status, answer.statusText, headers);
}

interface Sighting {
  readonly call: FreeCall;
  readonly watch: AnswerWatch;
  readonly waiting: CallRecord;
}

/** The response has been seen again: where it is over, its record gets its usage, once, before this answer ends. */
async function settleBackground({ call, watch, waiting }: Sighting, rooms: ProxyRooms): Promise<void> {
  await watch.finish();
  const finding = watch.meter.finding;
  const { answer, settings, exchange } = call;
  if (answer.kind === 'failed' || answer.status >= 300) return;
  if (finding.usage === null && !isOver(finding)) return;
  const responseId = waiting.upstream_id ?? '';
  if (rooms.background.waitingFor(responseId) !== waiting) return; // another call settled it meanwhile
  const hold = rooms.background.remove(responseId);
  const endedAtMs = rooms.clock.nowMs();
  const end = {
    status: waiting.status,
    ending: finding.failed || finding.responseStatus === 'failed' ? 'upstream_error' : 'completed',
    errorCode: finding.responseStatus === 'cancelled' ? 'cancelled' : null,
    finding,
    endedAtMs,
    durationMs: Math.max(0, endedAtMs - Date.parse(waiting.started_at)),
    ttftMs: waiting.ttft_ms,
    requestModel: waiting.request_model,
    stream: waiting.stream,
    units: null,
  } as const;
  const record = closedRecord({ opened: waiting, end }, settings.price);
  try {
    await rooms.ledger.finish(record);
  } catch (error) {
    rooms.observer.fault('journal', error, exchange.id);
  }
  const actual = actualUseOf(record);
  if (hold !== null) hold.settle(actual);
  else rooms.limits.settleLate(lateCallOf(record), actual);
  rooms.observer.callEnded(record, null);
}

function countFree(call: FreeCall, status: number | null, rooms: ProxyRooms): void {
  rooms.observer.freeCallEnded({ endpoint: call.exchange.endpoint.name, upstream: call.upstream.name, status });
}
