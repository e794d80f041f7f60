import type { FastifyInstance } from 'fastify';
import type { ManagementRooms } from './management-rooms.ts';

/**
 * `/healthz`: the process is up. `/readyz`: calls can be served now, else 503 with the reasons, so that a load balancer
 * goes elsewhere. Both are open: they say nothing of anybody's usage.
 */
export function registerHealthRoutes(app: FastifyInstance, rooms: Pick<ManagementRooms, 'health'>): void {
  app.get('/healthz', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
    return { status: 'ok' };
  });

  app.get('/readyz', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
    const { reasons } = rooms.health();
    if (reasons.length === 0) return { status: 'ready' };
    return reply.code(503).send({ status: 'not_ready', reasons });
  });
}
