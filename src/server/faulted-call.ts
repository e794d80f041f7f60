import { closedRecord } from './close-call.ts';
import type { Call } from './open-call.ts';
import { visibleError, writeError } from './reply-error.ts';
import type { ProxyRooms } from './rooms.ts';
import { settleCall } from './settle-call.ts';

/**
 * Closes a call that a fault of our own has ended: even then it becomes one record, and the client is told, or cut off
 * where its answer had begun.
 */
export async function closeFaultedCall(call: Call, error: unknown, rooms: ProxyRooms): Promise<void> {
  const { exchange } = call;
  rooms.observer.fault('request path', error, exchange.id);
  exchange.cancellation.cancel(new Error('a fault of the proxy'));
  const refusal = visibleError(error, exchange.id);
  if (exchange.response.headersSent) exchange.presence.cut();
  else writeError(exchange.response, refusal, { requestId: exchange.id, runId: call.ids.runId });
  const durationMs = Math.round(rooms.clock.monotonicMs() - exchange.startedMonotonicMs);
  const end = {
    status: refusal.kind.status,
    ending: 'upstream_error',
    errorCode: refusal.code,
    finding: null,
    endedAtMs: exchange.startedAtMs + durationMs,
    durationMs,
    ttftMs: null,
    requestModel: call.request.model,
    stream: call.request.stream,
    units: null,
  } as const;
  const record = closedRecord({ opened: call.opened, end }, () => null);
  settleCall(call, record);
  rooms.observer.callEnded(record, null);
  await rooms.ledger.finish(record).catch((failure: unknown) => rooms.observer.fault('journal', failure, exchange.id));
}
