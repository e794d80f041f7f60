import type { CallRecord } from './ledger/record.ts';
import type { CallObserver } from './server/rooms.ts';
import type { CallTiming } from './telemetry/call-fold.ts';
import { callLogLine } from './telemetry/call-log.ts';
import { statusClassOf } from './telemetry/label-bounds.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Metrics } from './telemetry/metrics.ts';

/** A call that is over and has not been told of yet. */
interface EndedCall {
  readonly record: CallRecord;
  readonly overheadMs: number | null;
}

/**
 * Tells metrics, logs and alerts what happens to calls. Of ended calls they are told once per turn of the event loop,
 * all together: nobody can ask in between, and the same work costs less when it is done several times in a row.
 */
export function observerOf(
  metrics: Metrics,
  logger: Logger,
  eventsOut: { callEnded(record: CallRecord): void },
): CallObserver {
  let ended: EndedCall[] = [];
  const tellOfEnded = () => {
    const calls = ended;
    ended = [];
    try {
      for (const { record, overheadMs } of calls) metrics.recordCall(record, timingOf(record, overheadMs));
      const lines = calls.map(({ record }) => callLogLine(record));
      logger.chosen(lines, 'call');
      for (const { record } of calls) eventsOut.callEnded(record);
    } catch (error) {
      logger.error({ err: error, where: 'telling of calls that ended' }, 'fault'); // their records are written
    }
  };
  return {
    refused: (code, id) => {
      metrics.refused(code);
      logger.info({ id, code }, 'refused');
    },
    callStarted: () => metrics.callStarted(),
    callOver: () => metrics.callEnded(),
    connectionRetried: (upstream) => {
      metrics.connectionRetried(upstream);
      logger.warn({ upstream }, 'no connection to the upstream; trying once more');
    },
    callEnded: (record, overheadMs) => {
      if (ended.length === 0) setImmediate(tellOfEnded);
      ended.push({ record, overheadMs });
    },
    freeCallEnded: ({ endpoint, upstream, status }) => metrics.recordFree(endpoint, upstream, statusClassOf(status)),
    fault: (where, error, id) => logger.error({ err: error, where, id }, 'fault'),
  };
}

function timingOf(record: CallRecord, overheadMs: number | null): CallTiming {
  return {
    overheadSeconds: overheadMs === null ? null : overheadMs / 1000,
    timeToFirstTokenSeconds: record.ttft_ms === null ? null : record.ttft_ms / 1000,
  };
}
