import { createIdGenerator } from '../../src/core/ids.ts';
import { formatUsd } from '../../src/core/money.ts';
import type { CallRecord } from '../../src/ledger/record.ts';
import type { Usage } from '../../src/metering/usage.ts';

/** One for each moment: a generator never goes back in time, but tests do. */
const generators = new Map<number, (nowMs: number) => string>();

/** An id of a call that begins then; ids of one moment rise. */
export function callId(startedMs: number): string {
  const generator = generators.get(startedMs) ?? createIdGenerator();
  generators.set(startedMs, generator);
  return generator(startedMs);
}

/** 2026-11-22T03:46:32.973Z, when calls of tests begin unless they say otherwise. */
export const CALL_STARTED_MS = Date.parse('2026-11-22T03:46:32.973Z');

/**
 * Makes a completed chat call with reported usage. The id is made for `started_at`, `cost_usd` for `cost_nano_usd`;
 * where `usage` is overridden by null, the source is `missing` and there is no cost, unless told otherwise.
 */
export function callRecord(overrides: Partial<CallRecord> = {}): CallRecord {
  const startedAt = overrides.started_at ?? new Date(CALL_STARTED_MS).toISOString();
  const hasUsage = overrides.usage !== null;
  const costNanoUsd = overrides.cost_nano_usd === undefined ? (hasUsage ? 2_345_600 : null) : overrides.cost_nano_usd;
  return {
    id: callId(Date.parse(startedAt)),
    schema: 1,
    started_at: startedAt,
    ended_at: new Date(Date.parse(startedAt) + 2_150).toISOString(),
    duration_ms: 2_150,
    ttft_ms: 310,
    team: 'research',
    key_id: 'ci',
    run_id: 'nightly-42',
    parent_run_id: null,
    session_id: null,
    agent: 'planner',
    user: null,
    trace_id: null,
    labels: { cost_center: '4711' },
    tags: {},
    upstream: 'openai',
    endpoint: 'chat/completions',
    stream: true,
    request_model: 'gpt-5-mini',
    response_model: 'gpt-5-mini-2026-02-01',
    service_tier: 'default',
    status: 200,
    ending: 'completed',
    error_code: null,
    client_retry: 0,
    retry_of: null,
    upstream_id: 'chatcmpl-1',
    usage_source: hasUsage ? 'reported' : 'missing',
    usage: callUsage(),
    usage_raw: hasUsage ? { prompt_tokens: 1200, completion_tokens: 300, total_tokens: 1500 } : null,
    cost_usd: costNanoUsd === null ? null : formatUsd(costNanoUsd),
    price_id: hasUsage ? 'openai/gpt-5-mini@2026-02-01' : null,
    cost_reported_usd: null,
    cost_input_nano_usd: null,
    cost_cache_read_nano_usd: null,
    cost_cache_write_nano_usd: null,
    cost_output_nano_usd: null,
    units: null,
    ...overrides,
    cost_nano_usd: costNanoUsd,
  };
}

/** The same call while it is open. */
export function openCallRecord(overrides: Partial<CallRecord> = {}): CallRecord {
  return callRecord({
    ended_at: null,
    duration_ms: null,
    ttft_ms: null,
    response_model: null,
    service_tier: null,
    status: null,
    ending: 'in_flight',
    upstream_id: null,
    usage: null,
    ...overrides,
  });
}

export function callUsage(overrides: Partial<Usage> = {}): Usage {
  return {
    input_tokens: 1200,
    cache_read_tokens: 1024,
    cache_write_tokens: 0,
    input_audio_tokens: 0,
    cache_audio_read_tokens: 0,
    input_image_tokens: 0,
    output_tokens: 300,
    reasoning_tokens: 256,
    output_audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
    total_tokens: 1500,
    tool_calls: 1,
    details: {},
    ...overrides,
  };
}
