import type { FastifyInstance } from 'fastify';
import type { LimitQuery } from '../limits/limit-desk.ts';
import { pageOf } from '../reporting/list-page.ts';
import { pageRequest } from '../reporting/page-request.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import type { ManagementRooms, Reader } from './management-rooms.ts';
import { findRun, readerOf, visibleTeam } from './management-scope.ts';

const PARAMETERS = ['team', 'key_id', 'run_id', 'session_id', 'user', 'model', 'limit', 'cursor'];
const PAGE = { fallback: 100, max: 500 };

/** `GET /limits`. */
export function registerLimitsRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/limits', async (request) => {
    const parameters = new QueryParameters(request.query, PARAMETERS);
    const query = await readQuery(parameters, readerOf(request), rooms);
    const page = pageRequest(parameters, ['limits', query], PAGE);
    const start = Number(page.position?.[0] ?? 0);
    const counters = (await rooms.limits.find(query)).slice(start, start + page.limit + 1);
    const listed = pageOf(counters, page, () => [String(start + page.limit)]);
    return { ...listed, data: await rooms.limits.show(listed.data) };
  });
}

async function readQuery(parameters: QueryParameters, reader: Reader, rooms: ManagementRooms): Promise<LimitQuery> {
  const runId = parameters.text('run_id');
  const askedTeam = visibleTeam(reader, parameters.text('team'));
  const team = runId === null ? askedTeam : (await findRun(rooms.reader, runId, { reader, askedTeam })).team;
  return {
    team,
    keyId: parameters.text('key_id'),
    runId,
    sessionId: parameters.text('session_id'),
    user: parameters.text('user'),
    model: parameters.text('model'),
  };
}
