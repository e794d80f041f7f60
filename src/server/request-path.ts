import { admitEndpoint, admitModel } from './admit-caller.ts';
import { attributeCall, checkAttribution } from './attribute-call.ts';
import { authenticate, refuseStranger } from './authenticate.ts';
import { closedRecord } from './close-call.ts';
import { estimateUsage } from './estimate-usage.ts';
import type { Exchange } from './exchange.ts';
import { closeFaultedCall } from './faulted-call.ts';
import { journalCall } from './journal-call.ts';
import { type Call, openedRecord } from './open-call.ts';
import { readRequest } from './read-request.ts';
import { relayCall } from './relay-call.ts';
import { readingOf } from './request-reading.ts';
import { chooseUpstream, reserveCall } from './reserve-call.ts';
import type { ProxyRooms } from './rooms.ts';
import { sendCall } from './send-call.ts';
import { settleCall } from './settle-call.ts';

/**
 * The way of a metered call, one line a stage (design.md, "The way of a call"; docs/life-of-a-request.md).
 *
 * Above the line a throw is a refusal: it is answered in the OpenAI envelope and costs nothing. Below it every ending,
 * good or bad, becomes exactly one ledger record.
 *
 * @throws MetertapError a refusal; only from above the line
 */
export function serveCall(exchange: Exchange, rooms: ProxyRooms): Promise<void> {
  // What has been done on the way to the line does not wait with an open stream for its end.
  return admitCall(exchange, rooms).then((call) => {
    // ══ above this line a throw is a refusal and costs nothing;
    //    below it every ending, good or bad, becomes exactly one ledger record ══
    return carryOut(call, rooms).catch((error: unknown) => closeFaultedCall(call, error, rooms));
  });
}

async function admitCall(exchange: Exchange, rooms: ProxyRooms): Promise<Call> {
  const settings = rooms.settings();
  const { ledger } = rooms;

  const caller = authenticate(exchange, settings) ?? (await refuseStranger(exchange, rooms));
  admitEndpoint(exchange, caller);
  checkAttribution(exchange);
  // Here and below only what is not at hand is waited for: a wait costs as much as one of these stages.
  const reading = readRequest(exchange, readingOf(caller, settings, rooms));
  const request = reading instanceof Promise ? await reading : reading;
  admitModel(exchange, caller, request.model);
  const upstream = chooseUpstream(settings, request.model);
  const body = request.carriers;
  const attributed = attributeCall({ exchange, caller, body, ledger, requireRunId: settings.requireRunId });
  const ids = attributed instanceof Promise ? await attributed : attributed;
  const counted = rooms.rates.countCall(exchange, caller);
  const allowance = counted instanceof Promise ? await counted : counted;
  const reservation = await reserveCall({ exchange, caller, ids, upstream, request }, settings, rooms);
  const opened = openedRecord({ exchange, caller, ids, request, upstream }, rooms.attempts);
  const call: Call = { exchange, settings, caller, ids, request, upstream, reservation, allowance, opened };
  ledger.open(opened);
  return call;
}

async function carryOut(call: Call, rooms: ProxyRooms): Promise<void> {
  rooms.attempts.noteWhenLeft(call, call.opened);
  const sent = await sendCall(call, rooms);
  const relayed = await relayCall(call, sent, rooms);
  const estimating = estimateUsage(call, relayed, rooms);
  const estimate = estimating instanceof Promise ? await estimating : estimating;
  const { startedAtMs } = call.exchange;
  const record = closedRecord({ opened: call.opened, end: relayed.end, estimate, startedAtMs }, call.settings.price);
  rooms.attempts.note(call, record);
  await journalCall(record, relayed, { call, rooms });
  settleCall(call, record);
  rooms.observer.callEnded(record, overheadMs(call, relayed.relayedAtMs - sent.dispatchedAtMs, rooms));
}

/** The part of a call that Metertap took: the whole less the upstream's. */
function overheadMs(call: Call, upstreamMs: number, rooms: ProxyRooms): number {
  return rooms.clock.monotonicMs() - call.exchange.startedMonotonicMs - upstreamMs;
}
