import type { FastifyInstance } from 'fastify';
import { QueryParameters } from '../reporting/query-parameters.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { readerOf } from './management-scope.ts';

/** `GET /status`: what runs and how it is. Where calls go, and what waits, is for administrators. */
export function registerStatusRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/status', async (request) => {
    new QueryParameters(request.query, []);
    const { reasons } = rooms.health();
    const status = rooms.status();
    return {
      status: reasons.length === 0 ? 'ready' : 'not_ready',
      reasons,
      version: status.version,
      node_version: status.nodeVersion,
      started_at: new Date(status.startedAtMs).toISOString(),
      now: new Date(rooms.clock.nowMs()).toISOString(),
      auth_mode: status.authMode,
      ...(readerOf(request).kind === 'admin' ? forAdministrators(status) : {}),
    };
  });
}

function forAdministrators(status: ReturnType<ManagementRooms['status']>) {
  return {
    open_calls: status.openCalls,
    journal: { state: status.journal.state, waiting_records: status.journal.waitingRecords },
    upstreams: status.upstreams,
    configuration: {
      loaded_at: new Date(status.configuration.loadedAtMs).toISOString(),
      last_load: status.configuration.isLastLoadInForce ? 'in_force' : 'refused',
    },
  };
}
