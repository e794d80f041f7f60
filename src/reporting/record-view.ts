import type { CallRecord } from '../ledger/record.ts';

/** A record as the management API gives it. */
export type RecordView = CallRecord;

/**
 * Writes a record for the API: every member of contract.md, "The record", in that order, and nothing else that the
 * ledger may keep beside it.
 */
export function viewRecord(record: CallRecord): RecordView {
  return {
    id: record.id,
    schema: record.schema,
    started_at: record.started_at,
    ended_at: record.ended_at,
    duration_ms: record.duration_ms,
    ttft_ms: record.ttft_ms,
    team: record.team,
    key_id: record.key_id,
    run_id: record.run_id,
    parent_run_id: record.parent_run_id,
    session_id: record.session_id,
    agent: record.agent,
    user: record.user,
    trace_id: record.trace_id,
    labels: record.labels,
    tags: record.tags,
    upstream: record.upstream,
    endpoint: record.endpoint,
    stream: record.stream,
    request_model: record.request_model,
    response_model: record.response_model,
    service_tier: record.service_tier,
    status: record.status,
    ending: record.ending,
    error_code: record.error_code,
    client_retry: record.client_retry,
    retry_of: record.retry_of,
    upstream_id: record.upstream_id,
    usage_source: record.usage_source,
    usage: record.usage,
    usage_raw: record.usage_raw,
    cost_nano_usd: record.cost_nano_usd,
    cost_usd: record.cost_usd,
    price_id: record.price_id,
    cost_reported_usd: record.cost_reported_usd,
    cost_input_nano_usd: record.cost_input_nano_usd,
    cost_cache_read_nano_usd: record.cost_cache_read_nano_usd,
    cost_cache_write_nano_usd: record.cost_cache_write_nano_usd,
    cost_output_nano_usd: record.cost_output_nano_usd,
    units: record.units,
  };
}
