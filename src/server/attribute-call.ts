import type { BodyCarriers, Caller, CarriedIds } from '../attribution/attribution.ts';
import { attribute, checkOwnHeaders } from '../attribution/carriers.ts';
import { MetertapError } from '../core/errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Exchange } from './exchange.ts';

/**
 * Refuses a bad `x-metertap-*` value before anything of the body is read.
 *
 * @throws MetertapError `invalid_attribution`
 */
export function checkAttribution(exchange: Exchange): void {
  checkOwnHeaders(exchange.request.headers, exchange.pathRunId);
}

export interface AttributionSources {
  readonly exchange: Exchange;
  readonly caller: Caller;
  readonly body: BodyCarriers | null;
  readonly ledger: Ledger;
  readonly requireRunId: boolean;
}

/**
 * Run, session, agent, user, trace and tags of a call (contract.md, "Attribution"). A Responses call that names no run
 * is in the run of the response that it continues.
 *
 * @throws MetertapError `run_id_required`
 */
export async function attributeCall(sources: AttributionSources): Promise<CarriedIds> {
  const { exchange, body } = sources;
  const ids = attribute({ headers: exchange.request.headers, pathRunId: exchange.pathRunId, body });
  if (ids.runId !== null) return ids;
  const previous = body?.previousResponseId ?? null;
  const inherited = previous === null ? null : await sources.ledger.findByUpstreamId(previous, sources.caller.team);
  if (inherited?.run_id) {
    return { ...ids, runId: inherited.run_id, parentRunId: ids.parentRunId ?? inherited.parent_run_id };
  }
  if (sources.requireRunId) {
    const message =
      'Calls must name their run here. Send the header x-metertap-run-id, or use the base URL /run/{id}/v1.';
    throw new MetertapError('run_id_required', message, { param: 'x-metertap-run-id' });
  }
  return ids;
}
