import type { Caller, CarriedIds } from '../attribution/attribution.ts';
import { MetertapError } from '../core/errors.ts';
import type { Reservation } from '../limits/reservation.ts';
import { RUN_LIMITS_HEADER } from '../limits/run-limits-header.ts';
import { callSizeOf } from './call-size.ts';
import type { Exchange } from './exchange.ts';
import type { CallRequest } from './read-request.ts';
import type { ProxyRooms, ProxySettings } from './rooms.ts';
import type { Upstream } from './upstreams.ts';

/**
 * The upstream that has the model.
 *
 * @throws MetertapError `model_not_found`
 */
export function chooseUpstream(settings: ProxySettings, model: string | null): Upstream {
  const upstream = settings.upstreams.choose(model);
  if (upstream !== null) return upstream;
  const message = `No upstream here has the model '${model}'. Check the name, or add it to the models of an upstream.`;
  throw new MetertapError('model_not_found', message, { param: 'model' });
}

export interface CallToReserve {
  readonly exchange: Exchange;
  readonly caller: Caller;
  readonly ids: CarriedIds;
  readonly upstream: Upstream;
  readonly request: CallRequest;
}

/**
 * Whether the call may go out: the ledger can be written, its model has a price where one is required, and the rules of
 * its key, team and run admit it.
 *
 * @throws MetertapError `client_closed_request`, `ledger_unavailable`, `unpriced_model`, and the refusals of the limits
 */
export function reserveCall(call: CallToReserve, settings: ProxySettings, rooms: ProxyRooms): Promise<Reservation> {
  const { exchange, request, upstream } = call;
  if (exchange.presence.left) {
    throw new MetertapError('client_closed_request', 'The client left before its call went out.');
  }
  checkLedger(settings, rooms);
  const unpricedModels = call.caller.settings.unpricedModels ?? settings.unpricedModels;
  if (unpricedModels === 'refuse' && !settings.hasPrice(upstream.name, request.model)) {
    const message = `The model '${request.model}' has no price here, and unpriced models are refused. Add a row to prices:.`;
    throw new MetertapError('unpriced_model', message, { param: 'model' });
  }
  const { id, endpoint, startedAtMs } = exchange;
  return rooms.limits.reserve({
    id,
    startedAtMs,
    caller: call.caller,
    ids: call.ids,
    endpoint: endpoint.name,
    upstream: upstream.name,
    model: request.model,
    size: callSizeOf({ endpoint, request, upstream, startedAtMs }, settings),
    background: request.background,
    runLimits: runLimitsOf(exchange),
  });
}

/** The client's own limits for its run, as they are written; several headers are one list. */
function runLimitsOf(exchange: Exchange): string | null {
  const header = exchange.request.headers[RUN_LIMITS_HEADER];
  if (header === undefined) return null;
  return typeof header === 'string' ? header : header.join(',');
}

function checkLedger(settings: ProxySettings, rooms: ProxyRooms): void {
  const state = rooms.ledger.state;
  if (state.kind === 'ready' || settings.onLedgerFailure === 'serve_unmetered') return;
  throw new MetertapError(
    'ledger_unavailable',
    'Metertap cannot write its ledger now, and calls that cannot be recorded are not served. Try again later.',
  );
}
