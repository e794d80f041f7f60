import type { CallRecord } from '../../../src/ledger/record.ts';
import { makeCallRecord, makeUsage } from '../../support/make-call-record.ts';

/** A completed stream of 2.15 s with every kind of token that has a metric, and what is given in its place. */
export function streamedCall(given: Partial<CallRecord> = {}): CallRecord {
  return makeCallRecord(1, {
    duration_ms: 2150,
    ttft_ms: 310,
    stream: true,
    usage: makeUsage({ input_tokens: 1200, cache_read_tokens: 1024, output_tokens: 300, reasoning_tokens: 256 }),
    cost_nano_usd: 2_345_600,
    ...given,
  });
}
