import type { FastifyInstance } from 'fastify';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { followRun } from '../reporting/run-events.ts';
import { EventStreams } from './event-streams.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { findRun, notFound, pathId, readerOf } from './management-scope.ts';

/** `GET /runs/{run_id}/events`: server-sent events for as long as the client stays. */
export function registerRunEventsRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  const streams = new EventStreams(scope);

  // No HEAD beside it: the answer has no end, so its headers alone would never be complete.
  scope.get('/runs/:run_id/events', { exposeHeadRoute: false }, async (request, reply) => {
    const parameters = new QueryParameters(request.query, ['team']);
    const runId = pathId(request, 'run_id');
    const who = { reader: readerOf(request), askedTeam: parameters.text('team') };
    const run = await findRun(rooms.reader, runId, who);
    if ((await rooms.reader.run(run)) === null) throw notFound('run', runId);
    return streams.answer(reply, (client) => followRun(rooms, { run, client }, rooms.eventBounds));
  });
}
