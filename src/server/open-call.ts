import type { Caller, CarriedIds } from '../attribution/attribution.ts';
import { instantText } from '../core/instant-text.ts';
import type { CallRecord } from '../ledger/record.ts';
import type { Reservation } from '../limits/reservation.ts';
import type { ClientAttempts } from './client-attempts.ts';
import { type Exchange, headOf } from './exchange.ts';
import type { CallRequest } from './read-request.ts';
import type { ProxySettings, RequestAllowance } from './rooms.ts';
import type { Upstream } from './upstreams.ts';

/** A call that has been admitted: everything that the stages below the line work with. */
export interface Call {
  readonly exchange: Exchange;
  readonly settings: ProxySettings;
  readonly caller: Caller;
  readonly ids: CarriedIds;
  readonly request: CallRequest;
  readonly upstream: Upstream;
  readonly reservation: Reservation;
  readonly allowance: RequestAllowance | null;
  /** The row that opened the call in the ledger. */
  readonly opened: CallRecord;
}

/** The longest path kept for an endpoint that the table does not know. */
const MAX_ENDPOINT_LENGTH = 200;
const MAX_MODEL_LENGTH = 256;

/** Makes the row `in_flight` of an admitted call (design.md, "The way of a call"). */
export function openedRecord(
  call: Pick<Call, 'exchange' | 'caller' | 'ids' | 'request' | 'upstream'>,
  attempts: ClientAttempts,
): CallRecord {
  const { exchange, caller, ids, request } = call;
  const { retryCount } = headOf(exchange);
  return {
    id: exchange.id,
    schema: 1,
    started_at: instantText(exchange.startedAtMs),
    ended_at: null,
    duration_ms: null,
    ttft_ms: null,
    team: caller.team,
    key_id: caller.keyId,
    run_id: ids.runId,
    parent_run_id: ids.parentRunId,
    session_id: ids.sessionId,
    agent: ids.agent,
    user: ids.user,
    trace_id: ids.traceId,
    labels: caller.labels,
    tags: ids.tags,
    upstream: call.upstream.name,
    endpoint:
      exchange.endpoint.kind === 'metered' ? exchange.endpoint.name : exchange.path.slice(0, MAX_ENDPOINT_LENGTH),
    stream: request.stream,
    request_model: request.model?.slice(0, MAX_MODEL_LENGTH) ?? null,
    response_model: null,
    service_tier: null,
    status: null,
    ending: 'in_flight',
    error_code: null,
    client_retry: retryCount,
    retry_of: attempts.previousOf(call, retryCount),
    upstream_id: null,
    usage_source: 'missing',
    usage: null,
    usage_raw: null,
    cost_nano_usd: null,
    cost_usd: null,
    price_id: null,
    cost_reported_usd: null,
    cost_input_nano_usd: null,
    cost_cache_read_nano_usd: null,
    cost_cache_write_nano_usd: null,
    cost_output_nano_usd: null,
    units: null,
  };
}
