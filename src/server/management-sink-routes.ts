import type { FastifyInstance } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import type { SinkStanding } from '../ledger/outbox.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import type { ManagedSinks, ManagementRooms } from './management-rooms.ts';
import { notFound, pathId, readerOf, requireAdmin } from './management-scope.ts';

/** `GET /sinks`, `POST /sinks/{name}/retry` and `POST /sinks/{name}/test`: for administrators only. */
export function registerSinkRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  const { sinks, clock } = rooms;
  scope.get('/sinks', async (request) => {
    requireAdmin(readerOf(request));
    new QueryParameters(request.query, []);
    const configured = new Map(sinks.configured().map((sink) => [sink.name, sink]));
    const standings = await sinks.standings();
    const data = standings.map((standing) => viewOf(standing, configured.get(standing.name), clock.nowMs()));
    return { data, next_cursor: null };
  });
  scope.post('/sinks/:name/retry', async (request) => {
    requireAdmin(readerOf(request));
    new QueryParameters(request.query, []);
    const name = pathId(request, 'name');
    const retrying = await sinks.retryParked(name);
    if (retrying === null) throw notFound('sink', name);
    return { name, retrying };
  });
  scope.post('/sinks/:name/test', async (request) => {
    requireAdmin(readerOf(request));
    new QueryParameters(request.query, []);
    const name = pathId(request, 'name');
    const delivery = await sinks.sendTest(name);
    if (delivery === null) throw notFound('sink', name);
    if (delivery === 'not_possible') {
      const message = 'A test event would be billed there. Make a call, and look at GET /api/v1/sinks.';
      throw new MetertapError('invalid_parameter', message, { param: 'name' });
    }
    return { name, taken: delivery.kind === 'taken', error: delivery.kind === 'taken' ? null : delivery.reason };
  });
}

function viewOf(
  standing: SinkStanding,
  configured: ReturnType<ManagedSinks['configured']>[number] | undefined,
  nowMs: number,
) {
  const { lastParked, oldestWaitingAt } = standing;
  return {
    name: standing.name,
    kind: configured?.kind ?? null,
    host: configured?.host ?? null,
    events: standing.streams,
    state: stateOf(standing, configured !== undefined),
    waiting: standing.waiting,
    lag_seconds: oldestWaitingAt === null ? 0 : Math.max(0, (nowMs - Date.parse(oldestWaitingAt)) / 1000),
    parked: standing.parked,
    last_parked:
      lastParked === null ? null : { id: lastParked.id, reason: lastParked.reason, at: isoOf(lastParked.parkedAtMs) },
    last_delivered_at: isoOf(standing.lastDeliveredAtMs),
    last_error: standing.lastError,
    last_error_at: isoOf(standing.lastErrorAtMs),
  };
}

/** `not_configured`: no longer in this process's configuration. `unattended`: no process delivers to it now. */
function stateOf(
  standing: SinkStanding,
  isConfigured: boolean,
): 'idle' | 'delivering' | 'failing' | 'unattended' | 'not_configured' {
  if (!isConfigured) return 'not_configured';
  if (standing.holder === null) return 'unattended';
  if ((standing.lastErrorAtMs ?? -1) > (standing.lastDeliveredAtMs ?? -1) && standing.waiting > 0) return 'failing';
  return standing.waiting > 0 ? 'delivering' : 'idle';
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
