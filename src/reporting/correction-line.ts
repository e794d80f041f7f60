import { formatUsd } from '../core/money.ts';
import type { SettledCorrection } from '../ledger/correction.ts';

/** A correction as a line of an export, in the words of the record. */
export interface CorrectionLine {
  /** The correction's own. */
  readonly id: string;
  readonly record_type: 'correction';
  /** The call that it corrects. */
  readonly record_id: string;
  readonly created_at: string;
  /** The month whose statement it stands in. */
  readonly period: string;
  readonly reason: string;
  readonly actor: string;
  /** When the call began. */
  readonly started_at: string;
  readonly team: string;
  readonly key_id: string;
  readonly run_id: string | null;
  readonly parent_run_id: string | null;
  readonly session_id: string | null;
  readonly agent: string | null;
  readonly user: string | null;
  readonly trace_id: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly upstream: string;
  readonly endpoint: string | null;
  readonly request_model: string | null;
  readonly response_model: string | null;
  readonly service_tier: string | null;
  /** What it adds, below 0 where the call became cheaper: summed over all lines, costs are what holds. */
  readonly cost_nano_usd: number;
  readonly cost_usd: string;
  /** The row that the call is priced with now. */
  readonly price_id: string;
  readonly cost_before_nano_usd: number | null;
  readonly cost_after_nano_usd: number;
  readonly price_id_before: string | null;
}

/**
 * Writes a correction as a line of an export. It has no counts: nothing was used. Of a call that retention has removed
 * it says what the correction itself has kept.
 */
export function correctionLine(correction: SettledCorrection): CorrectionLine {
  const { record } = correction;
  return {
    id: correction.id,
    record_type: 'correction',
    record_id: correction.record_id,
    created_at: correction.created_at,
    period: correction.period,
    reason: correction.reason,
    actor: correction.actor,
    started_at: correction.record_started_at,
    team: correction.team,
    key_id: correction.key_id,
    run_id: correction.run_id,
    parent_run_id: record?.parent_run_id ?? null,
    session_id: record?.session_id ?? null,
    agent: record?.agent ?? null,
    user: record?.user ?? null,
    trace_id: record?.trace_id ?? null,
    labels: record?.labels ?? {},
    tags: record?.tags ?? {},
    upstream: correction.upstream,
    endpoint: record?.endpoint ?? null,
    request_model: record?.request_model ?? null,
    response_model: record === null ? correction.model || null : record.response_model,
    service_tier: record?.service_tier ?? null,
    cost_nano_usd: correction.delta_nano_usd,
    cost_usd: formatUsd(correction.delta_nano_usd),
    price_id: correction.price_id_after,
    cost_before_nano_usd: correction.cost_before_nano_usd,
    cost_after_nano_usd: correction.cost_after_nano_usd,
    price_id_before: correction.price_id_before,
  };
}
