import { formatUsd } from '../../src/core/money.ts';
import type { CallRecord } from '../../src/ledger/record.ts';
import type { Usage } from '../../src/metering/usage.ts';

/** A reported usage: nothing but what the test names. */
export function makeUsage(given: Partial<Usage> = {}): Usage {
  const input = given.input_tokens ?? 0;
  const output = given.output_tokens ?? 0;
  return {
    input_tokens: input,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
    input_audio_tokens: 0,
    cache_audio_read_tokens: 0,
    input_image_tokens: 0,
    output_tokens: output,
    reasoning_tokens: 0,
    output_audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
    total_tokens: input + output,
    tool_calls: 0,
    details: {},
    ...given,
  };
}

/**
 * A completed, reported and priced call of team `research`. Its id and times follow from `n`: the n-th second after
 * noon of 22 November 2026.
 */
export function makeCallRecord(n: number, given: Partial<CallRecord> = {}): CallRecord {
  const startMs = Date.UTC(2026, 10, 22, 12) + n * 1_000;
  const cost = given.cost_nano_usd === undefined ? 1_000_000 : given.cost_nano_usd;
  return {
    id: `01CALL${String(n).padStart(20, '0')}`,
    schema: 1,
    started_at: new Date(startMs).toISOString(),
    ended_at: new Date(startMs + 500).toISOString(),
    duration_ms: 500,
    ttft_ms: 100,
    team: 'research',
    key_id: 'ci',
    run_id: 'nightly-42',
    parent_run_id: null,
    session_id: null,
    agent: null,
    user: null,
    trace_id: null,
    labels: {},
    tags: {},
    upstream: 'openai',
    endpoint: 'chat/completions',
    stream: false,
    request_model: 'gpt-5-mini',
    response_model: 'gpt-5-mini-2026-02-01',
    service_tier: 'default',
    status: 200,
    ending: 'completed',
    error_code: null,
    client_retry: 0,
    retry_of: null,
    upstream_id: null,
    usage_source: 'reported',
    usage: makeUsage({ input_tokens: 100, output_tokens: 10 }),
    usage_raw: null,
    cost_nano_usd: cost,
    cost_usd: cost === null ? null : formatUsd(cost),
    price_id: cost === null ? null : 'openai/gpt-5-mini@2026-02-01',
    cost_reported_usd: null,
    cost_input_nano_usd: null,
    cost_cache_read_nano_usd: null,
    cost_cache_write_nano_usd: null,
    cost_output_nano_usd: null,
    units: null,
    ...given,
  };
}

/** A call that the upstream refused: no usage, no cost. */
export function makeFailedRecord(n: number, given: Partial<CallRecord> = {}): CallRecord {
  return makeCallRecord(n, {
    status: 500,
    ending: 'upstream_error',
    usage_source: 'missing',
    usage: null,
    cost_nano_usd: null,
    ...given,
  });
}

/** A call that is open. */
export function makeOpenRecord(n: number, given: Partial<CallRecord> = {}): CallRecord {
  return makeFailedRecord(n, { status: null, ending: 'in_flight', ended_at: null, duration_ms: null, ...given });
}
