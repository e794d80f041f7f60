import fc from 'fast-check';
import type { CallRecord } from '../../src/ledger/record.ts';
import { COUNT_NAMES } from '../../src/metering/usage.ts';
import { CALL_STARTED_MS, callRecord, callUsage } from './call-record.ts';

const DAY_MS = 86_400_000;

const ENDS = ['completed', 'client_left', 'upstream_cut', 'upstream_error', 'timed_out', 'interrupted'] as const;

const usage = fc.record(Object.fromEntries(COUNT_NAMES.map((name) => [name, fc.nat({ max: 5_000 })])));
const details = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.dictionary(
      fc.constantFrom('cache_write_30m_tokens', 'cached_image_tokens', 'web_search_requests', 'num_search_queries'),
      fc.oneof(fc.nat({ max: 900 }), fc.constant(0.5)),
    ),
  },
);
const orNull = (...values: string[]): fc.Arbitrary<string | null> => fc.constantFrom(null, ...values);

/** Ended calls of a few teams, keys, runs and models, that began within three days. */
export const endedRecord: fc.Arbitrary<CallRecord> = fc
  .record({
    startedMs: fc.integer({ min: CALL_STARTED_MS, max: CALL_STARTED_MS + 3 * DAY_MS }),
    durationMs: fc.nat({ max: 90_000 }),
    team: fc.constantFrom('research', 'sales'),
    key_id: fc.constantFrom('ci', 'laptop'),
    run_id: orNull('run-1', 'run-2'),
    session_id: orNull('session-1', 'session-2'),
    agent: orNull('planner', 'writer'),
    user: orNull('user-1'),
    endpoint: fc.constantFrom('chat/completions', 'responses'),
    request_model: orNull('gpt-5-mini', 'gpt-5'),
    response_model: orNull('gpt-5-2026-02-01'),
    service_tier: orNull('default', 'flex'),
    ending: fc.constantFrom(...ENDS),
    client_retry: fc.nat({ max: 2 }),
    source: fc.constantFrom('reported' as const, 'estimated' as const, 'missing' as const),
    counts: usage,
    details,
    cost_input_nano_usd: fc.option(fc.nat({ max: 1_000_000 })),
    cost_output_nano_usd: fc.option(fc.nat({ max: 1_000_000 })),
    units: fc.option(fc.nat({ max: 90 })),
    cost: fc.option(fc.nat({ max: 2_000_000_000 })),
  })
  .map(({ startedMs, durationMs, source, counts, details, cost, ...rest }) =>
    callRecord({
      ...rest,
      started_at: new Date(startedMs).toISOString(),
      ended_at: new Date(startedMs + durationMs).toISOString(),
      duration_ms: durationMs,
      usage_source: source,
      usage: source === 'missing' ? null : callUsage({ ...counts, details }),
      cost_nano_usd: source === 'missing' ? null : cost,
    }),
  );
