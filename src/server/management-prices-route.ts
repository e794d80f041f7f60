import type { FastifyInstance } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import { checkRange, QueryParameters } from '../reporting/query-parameters.ts';
import { listUnpricedModels } from '../reporting/unpriced-models.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { readerOf, requireAdminReader } from './management-scope.ts';

const DAY_MS = 86_400_000;
const UNPRICED_DAYS = 30;

/** `GET /prices`: the row that would apply to a call made now, and why. `GET /prices/unpriced`: models without one. */
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

  scope.get('/prices/unpriced', async (request) => {
    requireAdminReader(readerOf(request));
    const range = new QueryParameters(request.query, ['start_time', 'end_time']).range();
    const endMs = range.endMs ?? rooms.clock.nowMs();
    const startMs = range.startMs ?? endMs - UNPRICED_DAYS * DAY_MS;
    checkRange(startMs, endMs);
    return { data: await listUnpricedModels(rooms.reader, { startMs, endMs }), next_cursor: null };
  });
}
