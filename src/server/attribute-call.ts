import type { BodyCarriers, Caller, CarriedIds } from '../attribution/attribution.ts';
import { attribute } from '../attribution/carriers.ts';
import { MetertapError } from '../core/errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Exchange, headOf } from './exchange.ts';

/**
 * Refuses a bad `x-metertap-*` value before anything of the body is read.
 *
 * @throws MetertapError `invalid_attribution`
 */
export function checkAttribution(exchange: Exchange): void {
  headOf(exchange).idsIn(exchange.request.headers);
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
export function attributeCall(sources: AttributionSources): CarriedIds | Promise<CarriedIds> {
  const { exchange, body } = sources;
  const ids = attribute(headOf(exchange).idsIn(exchange.request.headers), body);
  if (ids.runId !== null) return ids;
  const previous = body?.previousResponseId ?? null;
  return previous === null ? withoutRun(ids, sources) : inherited(ids, previous, sources);
}

async function inherited(ids: CarriedIds, previous: string, sources: AttributionSources): Promise<CarriedIds> {
  const record = await sources.ledger.findByUpstreamId(previous, sources.caller.team);
  if (!record?.run_id) return withoutRun(ids, sources);
  return { ...ids, runId: record.run_id, parentRunId: ids.parentRunId ?? record.parent_run_id };
}

function withoutRun(ids: CarriedIds, { requireRunId }: AttributionSources): CarriedIds {
  if (!requireRunId) return ids;
  const message =
    'Calls must name their run here. Send the header x-metertap-run-id, or use the base URL /run/{id}/v1.';
  throw new MetertapError('run_id_required', message, { param: 'x-metertap-run-id' });
}
