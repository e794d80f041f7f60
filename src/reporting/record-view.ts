import { formatUsd } from '../core/money.ts';
import type { Correction } from '../ledger/correction.ts';
import type { CallRecord } from '../ledger/record.ts';

/** A record as the management API gives it. */
export interface RecordView extends CallRecord {
  /** What it costs with its corrections; `cost_usd` where there are none. */
  readonly corrected_cost_usd: string | null;
}

/** A correction as the management API gives it. */
export interface CorrectionView {
  readonly id: string;
  readonly created_at: string;
  readonly period: string;
  readonly reason: string;
  readonly actor: string;
  readonly cost_before_usd: string | null;
  readonly cost_after_usd: string;
  readonly delta_usd: string;
  readonly price_id_before: string | null;
  readonly price_id_after: string;
}

/** One record with all of its corrections, in the order in which they were made. */
export function viewCorrectedRecord(
  record: CallRecord,
  corrections: readonly Correction[],
): RecordView & { readonly corrections: readonly CorrectionView[] } {
  return { ...viewRecord(record, corrections.at(-1)), corrections: corrections.map(viewCorrection) };
}

function viewCorrection(correction: Correction): CorrectionView {
  const before = correction.cost_before_nano_usd;
  return {
    id: correction.id,
    created_at: correction.created_at,
    period: correction.period,
    reason: correction.reason,
    actor: correction.actor,
    cost_before_usd: before === null ? null : formatUsd(before),
    cost_after_usd: formatUsd(correction.cost_after_nano_usd),
    delta_usd: formatUsd(correction.delta_nano_usd),
    price_id_before: correction.price_id_before,
    price_id_after: correction.price_id_after,
  };
}

/**
 * Writes a record for the API: every member of contract.md, "The record", in that order, what it costs now, and nothing
 * else that the ledger may keep beside it.
 *
 * @param latest the record's latest correction
 */
export function viewRecord(record: CallRecord, latest?: Correction): RecordView {
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
    corrected_cost_usd: latest === undefined ? record.cost_usd : formatUsd(latest.cost_after_nano_usd),
  };
}
