import type { Usage, UsageSource } from '../metering/usage.ts';

/** How a call ended (contract.md, "The record"). `in_flight` and `queued` are the two that are not an end yet. */
export type Ending =
  | 'completed'
  | 'client_left'
  | 'upstream_cut'
  | 'upstream_error'
  | 'timed_out'
  | 'interrupted'
  | 'in_flight'
  | 'queued';

/**
 * The one record of a call that reached an upstream: what the API gives as JSON, and what the ledger's columns are
 * named after. Metrics, runs, reports and exports are folds over it. Times are ISO 8601 in UTC with milliseconds.
 */
export interface CallRecord {
  /** ULID; also the `x-metertap-request-id` of the answer. */
  readonly id: string;
  readonly schema: 1;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly duration_ms: number | null;
  /** From the request to the first byte of the answer's body. */
  readonly ttft_ms: number | null;

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
  /** The path below `/v1/`, as in the table of endpoints. */
  readonly endpoint: string;
  readonly stream: boolean;
  readonly request_model: string | null;
  readonly response_model: string | null;
  readonly service_tier: string | null;

  /** The HTTP status that the client was given, or would have been; null while in flight. */
  readonly status: number | null;
  readonly ending: Ending;
  readonly error_code: string | null;
  /** `x-stainless-retry-count`: which attempt of the client's own retries this is, 0 for the first. */
  readonly client_retry: number;
  /** The record of the attempt that this one repeats, where it is known: no id links the attempts (wire.md 4.1). */
  readonly retry_of: string | null;
  /** The answer's own id (`chatcmpl-…`, `resp_…`). Not unique at every upstream (wire.md 0.5). */
  readonly upstream_id: string | null;

  readonly usage_source: UsageSource;
  readonly usage: Usage | null;
  /** The upstream's usage object as it stood. */
  readonly usage_raw: Readonly<Record<string, unknown>> | null;

  /** Nano-USD; null where no price is known, which is not the same as 0. A safe integer. */
  readonly cost_nano_usd: number | null;
  /** The same as a decimal string with nine places. */
  readonly cost_usd: string | null;
  readonly price_id: string | null;
  /** What the upstream itself said the call cost, a decimal string in USD. */
  readonly cost_reported_usd: string | null;

  /**
   * What of the cost was for which tokens, in nano-USD; the rest of it was for none. Null where there is no cost, and
   * where nobody split it.
   */
  readonly cost_input_nano_usd: number | null;
  readonly cost_cache_read_nano_usd: number | null;
  readonly cost_cache_write_nano_usd: number | null;
  readonly cost_output_nano_usd: number | null;

  /** What is counted beside tokens: images made, characters spoken, seconds of audio heard; null where unknown. */
  readonly units: number | null;
}
