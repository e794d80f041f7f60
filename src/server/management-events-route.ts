import type { FastifyInstance } from 'fastify';
import { tellOfChanges } from '../reporting/change-events.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { EventStreams } from './event-streams.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { readerOf, visibleTeam } from './management-scope.ts';

/** Such events are small and few; a client that lets this much pile up has stopped reading. */
const MAX_BUFFERED_BYTES = 65_536;

/** `GET /events`: server-sent events that say that calls have landed, so that a page knows when to ask again. */
export function registerEventsRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  const streams = new EventStreams(scope);

  // No HEAD beside it: the answer has no end, so its headers alone would never be complete.
  scope.get('/events', { exposeHeadRoute: false }, async (request, reply) => {
    const parameters = new QueryParameters(request.query, ['team']);
    const team = visibleTeam(readerOf(request), parameters.text('team'));
    return streams.answer(reply, (client) =>
      tellOfChanges(rooms.onCommitted, {
        team,
        send: (text) => (client.bufferedBytes > MAX_BUFFERED_BYTES ? client.cut() : client.send(text)),
      }),
    );
  });
}
