import type { FastifyInstance } from 'fastify';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { reportSession } from '../reporting/session-report.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { ambiguous, notFound, pathId, readerOf, visibleTeam } from './management-scope.ts';

/** `GET /sessions/{session_id}`. */
export function registerSessionRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/sessions/:session_id', async (request) => {
    const parameters = new QueryParameters(request.query, ['team']);
    const sessionId = pathId(request, 'session_id');
    const team = visibleTeam(readerOf(request), parameters.text('team'));
    const answer = await reportSession(rooms.reader, team, sessionId);
    if (answer.kind === 'unknown') throw notFound('session', sessionId);
    if (answer.kind === 'ambiguous') throw ambiguous('session', answer.teams);
    return answer.report;
  });
}
