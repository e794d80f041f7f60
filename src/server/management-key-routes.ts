import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isUsableId } from '../core/ids.ts';
import { findKey, findTeam, listKeys } from '../reporting/access-list.ts';
import { type KeyView, viewKey } from '../reporting/access-view.ts';
import { pageRequest } from '../reporting/page-request.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { authorOf, inFile, rowAfter } from './management-changes.ts';
import {
  DEFAULT_KEY_SETTINGS,
  KEY_SETTINGS,
  readKeyId,
  readKeySettings,
  readTeamId,
} from './management-key-settings.ts';
import { invalidMember, readMembers } from './management-members.ts';
import type { AccessRooms, ManagementRooms } from './management-rooms.ts';
import { notFound, pathId, readerOf, requireAdmin, visibleTeam } from './management-scope.ts';

const LIST_LIMIT = { fallback: 100, max: 1_000 };
const LIST_PARAMETERS = ['team', 'include_revoked', 'limit', 'cursor'];
/** A year: longer is no overlap but a second key. */
const MAX_GRACE_SECONDS = 31_536_000;

/** `/keys`: administrators make, change, rotate and revoke them; the key of a team sees those of its team. */
export function registerKeyRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  const { access, clock } = rooms;

  scope.get('/keys', async (request) => {
    const parameters = new QueryParameters(request.query, LIST_PARAMETERS);
    const filter = {
      team: visibleTeam(readerOf(request), parameters.text('team')),
      includeRevoked: parameters.choice('include_revoked', ['true', 'false']) === 'true',
    };
    const asked = { filter, nowMs: clock.nowMs() };
    return listKeys(access, asked, pageRequest(parameters, ['keys', filter], LIST_LIMIT));
  });

  scope.get('/keys/:id', async (request) => {
    const id = keyInPath(request);
    const reader = readerOf(request);
    const key = await findKey(access, id, clock.nowMs());
    if (key === null || (reader.kind === 'team' && reader.team !== key.team)) throw notFound('key', id);
    return key;
  });

  scope.post('/keys', async (request, reply) => {
    requireAdmin(readerOf(request));
    noParameters(request);
    const members = readMembers(request.body, ['id', 'team', ...KEY_SETTINGS]);
    const id = members.has('id') ? readKeyId(members.get('id')) : `key-${randomBytes(6).toString('hex')}`;
    refuseKeyOfFile(access, id);
    const owner = await teamForKey(access, members.get('team'));
    const settings = { ...DEFAULT_KEY_SETTINGS, ...readKeySettings(members, access) };
    refusePastExpiry(settings.expires_at, clock.nowMs());
    const { secret, ...kept } = access.mint(id);
    const change = { action: 'create', id, ...owner, settings, secret: kept } as const;
    const row = rowAfter(await access.book.changeKey(change, authorOf(request)), { kind: 'key', id });
    await access.takeUpChanges();
    return reply.code(201).send({ ...viewKey(row, clock.nowMs()), secret, ...warning(access) });
  });

  scope.patch('/keys/:id', async (request): Promise<KeyView> => {
    requireAdmin(readerOf(request));
    const id = keyInPath(request);
    refuseKeyOfFile(access, id);
    const settings = readKeySettings(readMembers(request.body, KEY_SETTINGS), access);
    const outcome = await access.book.changeKey({ action: 'update', id, settings }, authorOf(request));
    const row = rowAfter(outcome, { kind: 'key', id });
    await access.takeUpChanges();
    return viewKey(row, clock.nowMs());
  });

  scope.post('/keys/:id/rotate', async (request) => {
    requireAdmin(readerOf(request));
    const id = keyInPath(request);
    refuseKeyOfFile(access, id);
    const graceMs = readGraceSeconds(request.body) * 1_000;
    const { secret, ...kept } = access.mint(id);
    const outcome = await access.book.changeKey({ action: 'rotate', id, secret: kept, graceMs }, authorOf(request));
    const row = rowAfter(outcome, { kind: 'key', id });
    await access.takeUpChanges();
    return { ...viewKey(row, clock.nowMs()), secret, ...warning(access) };
  });

  scope.delete('/keys/:id', async (request): Promise<KeyView> => {
    requireAdmin(readerOf(request));
    const id = keyInPath(request);
    refuseKeyOfFile(access, id);
    const outcome = await access.book.changeKey({ action: 'revoke', id }, authorOf(request));
    const row = rowAfter(outcome, { kind: 'key', id });
    await access.takeUpChanges();
    return viewKey(row, clock.nowMs());
  });
}

/** The team of a new key. One that nobody has made is made with it, in the same transaction. */
async function teamForKey(access: AccessRooms, team: unknown): Promise<{ team: string; makeTeam: boolean }> {
  if (typeof team !== 'string' || !isUsableId(team)) {
    throw invalidMember('team', 'team is required: the id of the team that the calls of the key count for.');
  }
  if ((await findTeam(access, team)) !== null)
    return { team, makeTeam: access.file().teams.every(({ id }) => id !== team) };
  return { team: readTeamId('team', team), makeTeam: true };
}

function refusePastExpiry(expiresAt: string | null, nowMs: number): void {
  if (expiresAt === null || Date.parse(expiresAt) > nowMs) return;
  throw invalidMember('expires_at', 'expires_at is in the past; a new key must be valid for some time.');
}

function readGraceSeconds(body: unknown): number {
  const grace = readMembers(body, ['grace_seconds']).get('grace_seconds') ?? 0;
  if (typeof grace === 'number' && Number.isInteger(grace) && grace >= 0 && grace <= MAX_GRACE_SECONDS) return grace;
  throw invalidMember(
    'grace_seconds',
    `grace_seconds must be a whole number from 0 to ${MAX_GRACE_SECONDS}: how long the old secret stays valid.`,
  );
}

function warning(access: AccessRooms): { warning?: string } {
  if (access.areKeysInUse()) return {};
  return {
    warning:
      'auth.mode is passthrough: clients use their own credentials, and this key opens no call. Set auth.mode: keys.',
  };
}

function refuseKeyOfFile(access: AccessRooms, id: string): void {
  if (access.file().keys.some((key) => key.id === id)) throw inFile({ kind: 'key', id });
}

function keyInPath(request: FastifyRequest): string {
  noParameters(request);
  return pathId(request, 'id');
}

function noParameters(request: FastifyRequest): void {
  new QueryParameters(request.query, []);
}
