import { instantText } from '../core/instant-text.ts';
import { formatUsd } from '../core/money.ts';
import type { CallRecord, Ending } from '../ledger/record.ts';
import type { Finding } from '../metering/answer-meter.ts';
import { unitsOf } from '../metering/units.ts';
import type { Usage, UsageSource } from '../metering/usage.ts';
import type { Price, PricedCall } from '../pricing/pricer.ts';
import { ClientLeftError, type RelayOutcome } from '../streaming/relay.ts';
import { isTimeout, ShutdownError } from './dispatch.ts';
import { StreamLimitError } from './stream-guard.ts';

/** What is known when a call is over, from whichever ending. */
export interface CallEnd {
  readonly status: number | null;
  readonly ending: Ending;
  /** A code of our own for what went wrong; an error that the upstream named stands in the finding. */
  readonly errorCode: string | null;
  readonly finding: Finding | null;
  readonly endedAtMs: number;
  readonly durationMs: number;
  readonly ttftMs: number | null;
  /** As read from the request, where it was known only after the call was opened (a form field). */
  readonly requestModel: string | null;
  readonly stream: boolean;
  /** Images or characters that the request asks for. */
  readonly units: number | null;
}

/** A call that is over. */
export interface EndedCall {
  readonly opened: CallRecord;
  readonly end: CallEnd;
  /** What the usage is thought to have been where none was reported; null where nobody can tell. */
  readonly estimate?: Usage | null;
  /** When it began, where the number is at hand: else it is read from `opened`. */
  readonly startedAtMs?: number;
}

/** Makes the one record of a call out of the row that opened it and its end. */
export function closedRecord(
  { opened, end, estimate = null, startedAtMs }: EndedCall,
  price: (call: PricedCall) => Price | null,
): CallRecord {
  const finding = end.finding;
  const reported = finding?.usage ?? null;
  const usage = reported ?? estimate;
  const requestModel = end.requestModel ?? opened.request_model;
  const responseModel = finding?.responseModel ?? opened.response_model;
  const serviceTier = finding?.serviceTier ?? opened.service_tier;
  const { upstream } = opened;
  const atMs = usage === null ? 0 : (startedAtMs ?? Date.parse(opened.started_at));
  const cost = usage === null ? null : price({ upstream, requestModel, responseModel, serviceTier, usage, atMs });
  // Written out, since a copy that is then written over costs several times as much; in the order of `openedRecord`.
  return {
    id: opened.id,
    schema: opened.schema,
    started_at: opened.started_at,
    ended_at: end.ending === 'queued' ? null : instantText(end.endedAtMs),
    duration_ms: end.ending === 'queued' ? null : end.durationMs,
    ttft_ms: end.ttftMs,
    team: opened.team,
    key_id: opened.key_id,
    run_id: opened.run_id,
    parent_run_id: opened.parent_run_id,
    session_id: opened.session_id,
    agent: opened.agent,
    user: opened.user,
    trace_id: opened.trace_id,
    labels: opened.labels,
    tags: opened.tags,
    upstream,
    endpoint: opened.endpoint,
    stream: end.stream,
    request_model: requestModel,
    response_model: responseModel,
    service_tier: serviceTier,
    status: end.status,
    ending: end.ending,
    error_code: finding?.errorCode ?? end.errorCode,
    client_retry: opened.client_retry,
    retry_of: opened.retry_of,
    upstream_id: finding?.upstreamId ?? opened.upstream_id,
    usage_source: sourceOf(usage, reported),
    usage,
    usage_raw: finding?.usageRaw ?? null,
    cost_nano_usd: cost?.costNanoUsd ?? opened.cost_nano_usd,
    cost_usd: cost === null ? opened.cost_usd : formatUsd(cost.costNanoUsd),
    price_id: cost?.priceId ?? opened.price_id,
    cost_reported_usd: finding?.costReportedUsd ?? null,
    cost_input_nano_usd: cost?.parts.inputNanoUsd ?? opened.cost_input_nano_usd,
    cost_cache_read_nano_usd: cost?.parts.cacheReadNanoUsd ?? opened.cost_cache_read_nano_usd,
    cost_cache_write_nano_usd: cost?.parts.cacheWriteNanoUsd ?? opened.cost_cache_write_nano_usd,
    cost_output_nano_usd: cost?.parts.outputNanoUsd ?? opened.cost_output_nano_usd,
    units: usage === null && end.ending !== 'completed' ? null : unitsOf(opened.endpoint, end.units, usage),
  };
}

function sourceOf(usage: Usage | null, reported: Usage | null): UsageSource {
  if (usage === null) return 'missing';
  return reported === null ? 'estimated' : 'reported';
}

export interface EndingFacts {
  readonly outcome: RelayOutcome;
  readonly status: number;
  readonly finding: Finding;
  /** A Responses request made with `background: true`. */
  readonly background: boolean;
}

/** Names the ending of a call whose answer's head was there (issue 2, point 3; wire.md 3.1, 3.2, 9). */
export function endingOf(facts: EndingFacts): { ending: Ending; errorCode: string | null } {
  const { outcome, finding } = facts;
  if (facts.background && facts.status < 300 && finding.usage === null && !isOver(finding)) {
    // The response lives on at the upstream, whatever became of this connection; it is settled when it is next seen.
    return { ending: 'queued', errorCode: null };
  }
  if (outcome.kind === 'client_left') return { ending: 'client_left', errorCode: null };
  if (outcome.kind === 'failed') return failureEnding(outcome.error);
  if (facts.status >= 400 || finding.failed) return { ending: 'upstream_error', errorCode: 'upstream_error' };
  return { ending: 'completed', errorCode: null };
}

function failureEnding(error: Error): { ending: Ending; errorCode: string | null } {
  if (error instanceof StreamLimitError) return { ending: 'interrupted', errorCode: error.code };
  if (error instanceof ShutdownError) return { ending: 'interrupted', errorCode: 'shutting_down' };
  if (error instanceof ClientLeftError) return { ending: 'client_left', errorCode: null }; // nobody's error
  if (isTimeout(error)) return { ending: 'timed_out', errorCode: 'upstream_timeout' };
  return { ending: 'upstream_cut', errorCode: 'upstream_cut' };
}

const LIVE_STATUSES = new Set(['queued', 'in_progress']);

/** Whether a Responses object has come to its end, or can never be found again because it has no id. */
export function isOver(finding: Finding): boolean {
  if (finding.upstreamId === null) return true;
  return finding.responseStatus !== null && !LIVE_STATUSES.has(finding.responseStatus);
}
