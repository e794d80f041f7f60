import type { AlertEvent } from '../core/alert-events.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import type { CallRecord } from '../ledger/record.ts';

const HOUR_MS = 3_600_000;
/** Calls that began in an hour may end hours later; it is looked at this often before it is left. */
const HOURS_LOOKED_AT = 6;

/** `model.unpriced`: a call has usage and no price. Once for each upstream, model and day (UTC). */
export function unpricedAlert(record: CallRecord): AlertEvent | null {
  if (record.usage === null || record.cost_nano_usd !== null) return null;
  const model = record.response_model ?? record.request_model;
  const occurredAt = record.ended_at ?? record.started_at;
  const day = occurredAt.slice(0, 10);
  return {
    type: 'model.unpriced',
    dedupeKey: JSON.stringify(['model.unpriced', record.upstream, model, day]),
    team: null,
    occurredAtMs: Date.parse(occurredAt),
    data: { upstream: record.upstream, model, day, first_record_id: record.id },
  };
}

/**
 * `usage.missing`: calls of an hour that is over did not fail and have no usage. Once for each upstream, endpoint and
 * hour, with how many they were; read from the roll-ups, so that it counts the calls of all processes, each once.
 */
export async function missingUsageAlerts(reader: Pick<LedgerReader, 'usage'>, nowMs: number): Promise<AlertEvent[]> {
  const endMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  const rows = await reader.usage({
    startMs: endMs - HOURS_LOOKED_AT * HOUR_MS,
    endMs,
    bucket: '1h',
    groupBy: ['upstream', 'endpoint'],
    filters: {},
    includeEstimated: true,
    sums: ['missing_usage', 'records'],
  });
  return rows
    .filter((row) => row.missing_usage > 0)
    .map((row) => {
      const hour = new Date(row.bucketStartMs).toISOString();
      const { upstream = null, endpoint = null } = row.dimensions;
      return {
        type: 'usage.missing',
        dedupeKey: JSON.stringify(['usage.missing', upstream, endpoint, hour]),
        team: null,
        occurredAtMs: nowMs,
        data: { upstream, endpoint, hour, calls_without_usage: row.missing_usage, calls: row.records },
      };
    });
}
