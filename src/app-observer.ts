import type { CallRecord } from './ledger/record.ts';
import type { CallObserver } from './server/rooms.ts';
import { callLogLine } from './telemetry/call-log.ts';
import { statusClassOf } from './telemetry/label-bounds.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Metrics } from './telemetry/metrics.ts';

/** Tells metrics, logs and alerts what happens to calls. */
export function observerOf(
  metrics: Metrics,
  logger: Logger,
  eventsOut: { callEnded(record: CallRecord): void },
): CallObserver {
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
      metrics.recordCall(record, {
        overheadSeconds: overheadMs === null ? null : overheadMs / 1000,
        timeToFirstTokenSeconds: record.ttft_ms === null ? null : record.ttft_ms / 1000,
      });
      logger.chosen(callLogLine(record), 'call');
      eventsOut.callEnded(record);
    },
    freeCallEnded: ({ endpoint, upstream, status }) => metrics.recordFree(endpoint, upstream, statusClassOf(status)),
    fault: (where, error, id) => logger.error({ err: error, where, id }, 'fault'),
  };
}
