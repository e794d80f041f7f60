import { admitEndpoint, admitModel } from './admit-caller.ts';
import { checkAttribution } from './attribute-call.ts';
import { authenticate, refuseStranger } from './authenticate.ts';
import { responseIdOf } from './background-responses.ts';
import type { Exchange } from './exchange.ts';
import { headersForUpstream } from './headers.ts';
import { readRequest } from './read-request.ts';
import { relayFree } from './relay-free.ts';
import { readingOf } from './request-reading.ts';
import { chooseUpstream } from './reserve-call.ts';
import type { ProxyRooms, ProxySettings } from './rooms.ts';
import { relayLimitsOf, send } from './send-call.ts';
import type { Upstream } from './upstreams.ts';

/**
 * The way of a call that repeats usage or has none: forwarded, counted in the metrics, not in the ledger. One that
 * shows a background response settles it on the record of the call that created it (wire.md 3.2).
 *
 * @throws MetertapError a refusal
 */
export async function serveFree(exchange: Exchange, rooms: ProxyRooms): Promise<void> {
  const settings = rooms.settings();
  const caller = authenticate(exchange, settings) ?? (await refuseStranger(exchange, rooms));
  admitEndpoint(exchange, caller);
  checkAttribution(exchange);
  const request = await readRequest(exchange, readingOf(caller, settings, rooms));
  admitModel(exchange, caller, request.model);
  const upstream = (await upstreamOfResponse(exchange, settings, rooms)) ?? chooseUpstream(settings, request.model);
  await rooms.rates.countCall(exchange, caller);
  const headers = headersForUpstream(exchange.request, {
    upstream,
    replaceCredential: settings.replaceCredential,
    dropContentEncoding: request.decoded,
    plainAnswer: false,
    contentLength: request.contentLength,
  });
  const outgoing = {
    upstream,
    method: exchange.request.method ?? 'GET',
    path: exchange.target,
    headers,
    body: request.body,
  };
  const limits = relayLimitsOf({ settings, caller });
  const answer = await send(exchange, outgoing, { limits, observer: rooms.observer });
  await relayFree({ exchange, answer, limits, settings, upstream }, rooms);
}

/** A stored response is asked of the upstream that made it. */
async function upstreamOfResponse(
  exchange: Exchange,
  settings: ProxySettings,
  rooms: ProxyRooms,
): Promise<Upstream | null> {
  if (!settings.upstreams.hasSeveral) return null;
  const responseId = responseIdOf(exchange.path);
  const record = responseId === null ? null : await rooms.ledger.findByUpstreamId(responseId, null);
  return record === null ? null : settings.upstreams.named(record.upstream);
}
