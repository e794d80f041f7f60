import type { CallRecord } from '../ledger/record.ts';

/** The fields of the one line that a call leaves in the log: ids and numbers, nothing that a user wrote. */
export interface CallLogLine extends Record<string, unknown> {
  readonly id: string;
  readonly team: string;
  readonly key_id: string;
  readonly run_id: string | null;
  readonly upstream: string;
  readonly endpoint: string;
  readonly stream: boolean;
  readonly model: string | null;
  readonly status: number | null;
  readonly ending: CallRecord['ending'];
  readonly error_code: string | null;
  readonly usage_source: CallRecord['usage_source'];
  /** Null where usage is missing, which is not 0. */
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly cost_usd: string | null;
  readonly duration_ms: number | null;
  readonly ttft_ms: number | null;
}

/** Gives the access-log line of a call: a fold over its record. */
export function callLogLine(record: CallRecord): CallLogLine {
  return {
    id: record.id,
    team: record.team,
    key_id: record.key_id,
    run_id: record.run_id,
    upstream: record.upstream,
    endpoint: record.endpoint,
    stream: record.stream,
    model: record.response_model ?? record.request_model,
    status: record.status,
    ending: record.ending,
    error_code: record.error_code,
    usage_source: record.usage_source,
    input_tokens: record.usage?.input_tokens ?? null,
    output_tokens: record.usage?.output_tokens ?? null,
    cost_usd: record.cost_usd,
    duration_ms: record.duration_ms,
    ttft_ms: record.ttft_ms,
  };
}
