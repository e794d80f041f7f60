import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import { findTeam, listKeys, listTeams } from '../reporting/access-list.ts';
import type { KeyView, TeamView } from '../reporting/access-view.ts';
import { Cursors } from '../reporting/list-page.ts';
import { type OrganizationListRequest, organizationList, organizationPageOf } from '../reporting/organization-list.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { pathId, readerOf, requireAdminReader } from './management-scope.ts';
import { sendReport } from './send-report.ts';

const LIST_LIMIT = { fallback: 20, max: 100 };

/** `GET /projects`, `/projects/{id}`, `/projects/{id}/api_keys`, `/users` and `/admin_api_keys` (standards.md 1.4). */
export function registerOrganizationDirectoryRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/projects', async (request) => {
    const asked = readList(request, ['include_archived']);
    const reader = readerOf(request);
    if (reader.kind === 'team') return organizationList([projectOf(await ownTeam(reader.team, rooms))], asked);
    return organizationPageOf(await listTeams(rooms.access, pageAfter(asked)), projectOf);
  });

  scope.get('/projects/:project_id', async (request) => {
    new QueryParameters(request.query, []);
    return projectOf(await visibleTeam(request, rooms));
  });

  scope.get('/projects/:project_id/api_keys', async (request) => {
    const asked = readList(request, ['owner_project_access']);
    const { id: team } = await visibleTeam(request, rooms);
    const which = { filter: { team, includeRevoked: false }, nowMs: rooms.clock.nowMs() };
    return organizationPageOf(await listKeys(rooms.access, which, pageAfter(asked)), projectKeyOf);
  });

  scope.get('/users', async (request, reply) => {
    const list = readList(request, []);
    const reader = readerOf(request);
    const team = reader.kind === 'team' ? reader.team : null;
    return sendReport(reply, rooms.reports, { report: 'organization_users', team, list, nowMs: rooms.clock.nowMs() });
  });

  scope.get('/admin_api_keys', async (request) => {
    requireAdminReader(readerOf(request));
    return organizationList([ADMIN_KEY], readList(request, ['order']));
  });
}

function readList(request: FastifyRequest, ignored: readonly string[]): OrganizationListRequest {
  const parameters = new QueryParameters(request.query, ['limit', 'after', ...ignored]);
  return { limit: parameters.limit(LIST_LIMIT), after: parameters.text('after') };
}

/** The lists of teams and keys are in the order of their ids, so that any id is a place in them. */
function pageAfter({ limit, after }: OrganizationListRequest) {
  return { limit, position: after === null ? null : [after], cursors: new Cursors('organization') };
}

async function visibleTeam(request: FastifyRequest, rooms: ManagementRooms): Promise<TeamView> {
  const id = pathId(request, 'project_id');
  const reader = readerOf(request);
  if (reader.kind === 'team' && reader.team === id) return ownTeam(id, rooms);
  const team = reader.kind === 'admin' ? await findTeam(rooms.access, id) : null;
  if (team !== null) return team;
  throw new MetertapError('not_found', `There is no project ${JSON.stringify(id)} that this key may see.`);
}

/** In passthrough mode a credential's own team is in no book. */
async function ownTeam(id: string, rooms: ManagementRooms): Promise<TeamView> {
  const team = await findTeam(rooms.access, id);
  return team ?? { id, name: null, limits: [], source: 'file', created_at: null, updated_at: null };
}

function projectOf(team: TeamView) {
  return {
    id: team.id,
    object: 'organization.project',
    name: team.name ?? team.id,
    created_at: seconds(team.created_at),
    archived_at: null,
    status: 'active',
  } as const;
}

function projectKeyOf(key: KeyView) {
  const name = key.name ?? key.id;
  const createdAt = seconds(key.created_at);
  return {
    object: 'organization.project.api_key',
    redacted_value: key.redacted_value,
    name,
    created_at: createdAt,
    last_used_at: key.last_used_at === null ? null : seconds(key.last_used_at),
    expires_at: key.expires_at === null ? null : seconds(key.expires_at),
    id: key.id,
    owner: { type: 'service_account', service_account: { id: key.id, name, role: 'member', created_at: createdAt } },
    owner_project_access: key.status === 'active' ? 'active' : 'inactive',
  } as const;
}

/** The admin key of the installation. Keys with administrators' scopes are keys of their teams. */
const ADMIN_KEY = {
  object: 'organization.admin_api_key',
  id: 'admin',
  name: 'admin key',
  redacted_value: '…',
  created_at: 0,
  expires_at: null,
  last_used_at: null,
  owner: {
    type: 'service_account',
    object: 'organization.service_account',
    id: 'admin',
    name: 'admin key',
    created_at: 0,
    role: 'owner',
  },
} as const;

/** Unix seconds of an ISO 8601 time. The shapes want a number: 0 where nobody knows when. */
function seconds(time: string | null): number {
  return time === null ? 0 : Math.floor(Date.parse(time) / 1_000);
}
