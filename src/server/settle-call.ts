import type { CallRecord } from '../ledger/record.ts';
import type { ActualUse, LateCall } from '../limits/reservation.ts';
import type { Call } from './open-call.ts';

/**
 * Turns a call's hold into what its record says. A response that runs on in the background keeps its hold until it is
 * seen to be over.
 */
export function settleCall(call: Pick<Call, 'reservation'>, record: CallRecord): void {
  if (record.ending === 'queued') return;
  call.reservation.settle(actualUseOf(record));
}

/** What a record counts for, in the way in which the ledger sums it: what is missing counts nothing. */
export function actualUseOf(record: CallRecord): ActualUse {
  const usage = record.usage_source === 'missing' ? null : record.usage;
  return {
    requests: usage !== null || record.ending === 'completed' ? 1 : 0,
    inputTokens: usage?.input_tokens ?? 0,
    outputTokens: usage?.output_tokens ?? 0,
    toolCalls: usage?.tool_calls ?? 0,
    costNanoUsd: record.cost_nano_usd ?? 0,
  };
}

/** The call of a record, as far as limits need it. */
export function lateCallOf(record: CallRecord): LateCall {
  return {
    id: record.id,
    startedAtMs: Date.parse(record.started_at),
    caller: { keyId: record.key_id, team: record.team },
    ids: {
      runId: record.run_id,
      parentRunId: record.parent_run_id,
      sessionId: record.session_id,
      agent: record.agent,
      user: record.user,
      traceId: record.trace_id,
      tags: record.tags,
    },
    model: record.request_model,
  };
}
