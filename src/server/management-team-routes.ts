import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { TeamSettings } from '../ledger/access-book.ts';
import { findTeam, listTeams } from '../reporting/access-list.ts';
import { type TeamView, viewTeam } from '../reporting/access-view.ts';
import type { ListPage } from '../reporting/list-page.ts';
import { pageRequest } from '../reporting/page-request.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { authorOf, inFile, rowAfter } from './management-changes.ts';
import { readRules, readTeamId } from './management-key-settings.ts';
import { type Members, readMembers, readName } from './management-members.ts';
import type { AccessRooms, ManagementRooms } from './management-rooms.ts';
import { notFound, pathId, readerOf, requireAdmin } from './management-scope.ts';

const LIST_LIMIT = { fallback: 100, max: 1_000 };
const SETTINGS = ['name', 'limits'];

/** `/teams`: administrators make, change and delete them; the key of a team sees its own. */
export function registerTeamRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  const { access } = rooms;

  scope.get('/teams', async (request): Promise<ListPage<TeamView>> => {
    const parameters = new QueryParameters(request.query, ['limit', 'cursor']);
    const reader = readerOf(request);
    const page = pageRequest(parameters, ['teams', reader.kind === 'team' ? reader.team : null], LIST_LIMIT);
    if (reader.kind === 'admin') return listTeams(access, page);
    const own = await findTeam(access, reader.team);
    return { data: own === null ? [] : [own], next_cursor: null };
  });

  scope.get('/teams/:id', async (request) => {
    const id = teamInPath(request);
    const reader = readerOf(request);
    const team = reader.kind === 'admin' || reader.team === id ? await findTeam(access, id) : null;
    if (team === null) throw notFound('team', id);
    return team;
  });

  scope.post('/teams', async (request, reply) => {
    requireAdmin(readerOf(request));
    noParameters(request);
    const members = readMembers(request.body, ['id', ...SETTINGS]);
    const id = members.has('id') ? readTeamId('id', members.get('id')) : `team-${randomBytes(6).toString('hex')}`;
    refuseTeamOfFile(access, id);
    const settings = { name: null, limits: [], ...readTeamSettings(members, access) };
    const outcome = await access.book.changeTeam({ action: 'create', id, settings }, authorOf(request));
    const row = rowAfter(outcome, { kind: 'team', id });
    await access.takeUpChanges();
    return reply.code(201).send(viewTeam(row));
  });

  scope.patch('/teams/:id', async (request) => {
    requireAdmin(readerOf(request));
    const id = teamInPath(request);
    refuseTeamOfFile(access, id);
    const settings = readTeamSettings(readMembers(request.body, SETTINGS), access);
    const outcome = await access.book.changeTeam({ action: 'update', id, settings }, authorOf(request));
    const row = rowAfter(outcome, { kind: 'team', id });
    await access.takeUpChanges();
    return viewTeam(row);
  });

  scope.delete('/teams/:id', async (request) => {
    requireAdmin(readerOf(request));
    const id = teamInPath(request);
    refuseTeamOfFile(access, id);
    const outcome = await access.book.changeTeam({ action: 'delete', id }, authorOf(request));
    const row = rowAfter(outcome, { kind: 'team', id });
    await access.takeUpChanges();
    return { ...viewTeam(row), deleted_at: row.deleted_at };
  });
}

function readTeamSettings(members: Members, access: AccessRooms): Partial<TeamSettings> {
  return {
    ...(members.has('name') ? { name: readName(members.get('name')) } : {}),
    ...(members.has('limits') ? { limits: readRules(members.get('limits'), access) } : {}),
  };
}

function refuseTeamOfFile(access: AccessRooms, id: string): void {
  if (access.file().teams.some((team) => team.id === id)) throw inFile({ kind: 'team', id });
}

function teamInPath(request: FastifyRequest): string {
  noParameters(request);
  return pathId(request, 'id');
}

function noParameters(request: FastifyRequest): void {
  new QueryParameters(request.query, []);
}
