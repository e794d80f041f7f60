import type { FastifyInstance } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import type { ManagementRooms } from './management-rooms.ts';

/** `GET /prices`: the price row that would apply to a call made now, and why. */
export function registerPricesRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/prices', async (request) => {
    const parameters = new QueryParameters(request.query, ['model', 'upstream']);
    const model = parameters.text('model');
    if (model === null) throw new MetertapError('invalid_parameter', 'model is required.', { param: 'model' });
    const upstream = parameters.text('upstream');
    const { upstreams, explain } = rooms.prices();
    if (upstream !== null && !upstreams.includes(upstream)) {
      const message = `There is no upstream of this name. There are: ${upstreams.join(', ')}.`;
      throw new MetertapError('invalid_parameter', message, { param: 'upstream' });
    }
    return explain({ model, upstream, atMs: rooms.clock.nowMs() });
  });
}
