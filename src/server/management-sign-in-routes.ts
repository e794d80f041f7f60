import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import type { ManagementRooms, Reader } from './management-rooms.ts';
import { findReader, requireSameSite, requireUsageScope } from './management-scope.ts';
import { clearSessionCookie, sessionOf, setSessionCookie } from './session-cookie.ts';

/** What may be asked before one has signed in. */
export const OPEN_PATHS: ReadonlySet<string | undefined> = new Set(['/api/v1/sign-in', '/api/v1/me']);

/** Signing in with a key, for a browser: a cookie takes the key's place (contract.md, "The management API"). */
export function registerSignInRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.post('/sign-in', async (request, reply) => {
    await rooms.signIn.countAttempt(request);
    requireSameSite(request);
    const session = rooms.signIn.sessions.begin(keyOf(request.body));
    if (session === null || !(await isKnown(session.owner, rooms))) throw wrongKey(rooms.signIn.authMode());
    requireUsageScope(session.owner);
    setSessionCookie(request, reply, session);
    return who(session.owner, rooms, session.expiresAtMs);
  });

  scope.post('/sign-out', async (request, reply): Promise<FastifyReply> => {
    new QueryParameters(request.query, []);
    const value = sessionOf(request);
    if (value !== null) rooms.signIn.sessions.end(value);
    clearSessionCookie(request, reply);
    return reply.code(204).send();
  });

  scope.get('/me', async (request) => {
    const reader = findReader(request, rooms);
    if (reader !== null) return who(reader, rooms, expiryOf(request, rooms));
    const nobody = { kind: 'nobody', team: null, key_id: null, read_only: true };
    return { ...nobody, auth_mode: rooms.signIn.authMode(), signed_in_until: null };
  });
}

function keyOf(body: unknown): string {
  const isObject = typeof body === 'object' && body !== null && Object.keys(body).every((name) => name === 'key');
  const key: unknown = isObject ? Reflect.get(body, 'key') : undefined;
  if (typeof key === 'string' && key.trim() !== '') return key.trim();
  const message = 'The body must be {"key": "…"} with an admin key or the key of a team.';
  throw new MetertapError('invalid_parameter', message, { param: 'key' });
}

/** In passthrough mode any text is a credential; a mistyped one must not open the books of a team that has none. */
async function isKnown(reader: Reader, rooms: ManagementRooms): Promise<boolean> {
  if (reader.kind === 'admin' || rooms.signIn.authMode() === 'keys' || reader.team !== reader.keyId) return true;
  const filter = { team: reader.team, sessionId: null, keyId: null, runId: null, model: null, ending: null };
  const [record] = await rooms.reader.records({ ...filter, startMs: null, endMs: null }, { limit: 1, beforeId: null });
  return record !== undefined;
}

function wrongKey(authMode: 'passthrough' | 'keys'): MetertapError {
  const hint =
    authMode === 'keys' ? '' : ' An API key of an upstream opens its usage once a call has been made with it.';
  return new MetertapError('invalid_api_key', `This is neither an admin key nor the key of a team.${hint}`);
}

/** Who asks, and what a page has to know to show the right things to them. */
function who(reader: Reader, rooms: ManagementRooms, expiresAtMs: number | null) {
  return {
    kind: reader.kind,
    team: reader.kind === 'team' ? reader.team : null,
    key_id: reader.keyId ?? null,
    read_only: reader.kind === 'team' || reader.isReadOnly === true,
    auth_mode: rooms.signIn.authMode(),
    signed_in_until: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(),
  };
}

function expiryOf(request: FastifyRequest, rooms: ManagementRooms): number | null {
  const value = sessionOf(request);
  return value === null ? null : (rooms.signIn.sessions.find(value)?.expiresAtMs ?? null);
}
