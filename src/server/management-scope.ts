import type { FastifyInstance, FastifyRequest } from 'fastify';
import { credentialOf } from '../attribution/credential.ts';
import { DEFAULT_SCOPES, type Scope } from '../attribution/permissions.ts';
import { MetertapError } from '../core/errors.ts';
import { isUsableId } from '../core/ids.ts';
import type { LedgerReader, RunKey } from '../ledger/ledger-reader.ts';
import type { ManagementRooms, Reader } from './management-rooms.ts';
import { sessionOf } from './session-cookie.ts';

const READER = 'managementReader';
const SAME_SITE_HEADER = 'x-metertap-csrf';
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** Makes room on the requests of this scope for who asks. */
export function holdReader(scope: FastifyInstance): void {
  scope.decorateRequest(READER, null);
}

/**
 * Finds out who asks and keeps it with the request. Throws `invalid_api_key` where nobody known does, and
 * `permission_denied` for a change that another site may have caused.
 */
export function keepReader(request: FastifyRequest, rooms: Pick<ManagementRooms, 'authorize' | 'signIn'>): void {
  const reader = findReader(request, rooms);
  if (reader === null) throw unknownCredential();
  requireUsageScope(reader);
  if (shownSession(request) !== null && !SAFE_METHODS.has(request.method)) requireSameSite(request);
  request.setDecorator<Reader>(READER, reader);
}

/** Who asks: by the credential, else by the session of a browser; null for nobody known. */
export function findReader(
  request: FastifyRequest,
  rooms: Pick<ManagementRooms, 'authorize' | 'signIn'>,
): Reader | null {
  const session = shownSession(request);
  if (session === null) return rooms.authorize(request.headers);
  return rooms.signIn.sessions.find(session)?.owner ?? null;
}

/** A credential stands before a session, so that a script in a browser is who it says it is. */
function shownSession(request: FastifyRequest): string | null {
  return credentialOf(request.headers) === null ? sessionOf(request) : null;
}

/**
 * A browser adds the session to every request to us, whoever wrote the page. It lets no other site add a header of its
 * own, so this one shows that the page is ours (OWASP, "Cross-Site Request Forgery Prevention", custom headers).
 */
export function requireSameSite(request: FastifyRequest): void {
  if (request.headers[SAME_SITE_HEADER] !== undefined) return;
  const message = `A change asked for with a session needs the header ${SAME_SITE_HEADER}: 1.`;
  throw new MetertapError('permission_denied', message, { param: SAME_SITE_HEADER });
}

/** Who asks, once `keepReader` has let the request in. */
export function readerOf(request: FastifyRequest): Reader {
  return request.getDecorator<Reader>(READER);
}

/** One message for a credential that is missing, unknown, revoked or expired, so that none of them can be told apart. */
export function unknownCredential(): MetertapError {
  return new MetertapError(
    'invalid_api_key',
    'A valid credential is needed: send "Authorization: Bearer" with an admin key or a Metertap key.',
  );
}

/** Refuses keys that are made for calls alone, with `permission_denied`. */
export function requireUsageScope(reader: Reader): void {
  if (hasScope(reader, 'usage:read')) return;
  throw new MetertapError('permission_denied', 'This key has no scope "usage:read", which the management API needs.');
}

/** Whether a reader may do what a scope opens. */
export function hasScope(reader: Reader, scope: Scope): boolean {
  return reader.kind === 'admin' || (reader.scopes ?? DEFAULT_SCOPES).includes(scope);
}

/** Refuses everyone who does not see all, with `permission_denied`. */
export function requireAdminReader(reader: Reader): void {
  if (reader.kind === 'admin') return;
  throw new MetertapError('permission_denied', 'This needs an admin key, or a key with the scope "admin:read".');
}

/** Refuses everyone but administrators who may change things, with `permission_denied`. */
export function requireAdmin(reader: Reader): void {
  if (reader.kind === 'admin' && !reader.isReadOnly) return;
  throw new MetertapError('permission_denied', 'This needs an admin key, or a key with the scope "admin:write".');
}

/**
 * The team whose rows a reader is shown; null for all teams. Throws `permission_denied` where it is another's.
 *
 * @param asked the team that the query names
 */
export function visibleTeam(reader: Reader, asked: string | null): string | null {
  if (reader.kind === 'admin') return asked;
  if (asked !== null && asked !== reader.team) {
    throw new MetertapError('permission_denied', 'This key sees the usage of its own team only.', { param: 'team' });
  }
  return reader.team;
}

/**
 * The run that an id in a path means for this reader. Throws `not_found` where no team has it, and `invalid_parameter`
 * where several teams have and the query does not say which.
 */
export async function findRun(
  ledger: LedgerReader,
  runId: string,
  scope: { readonly reader: Reader; readonly askedTeam: string | null },
): Promise<RunKey> {
  const team = visibleTeam(scope.reader, scope.askedTeam);
  if (team !== null) return { team, runId };
  const teams = await ledger.teamsOfRun(runId);
  const [onlyTeam] = teams;
  if (onlyTeam === undefined) throw notFound('run', runId);
  if (teams.length > 1) throw ambiguous('run', teams);
  return { team: onlyTeam, runId };
}

export function notFound(kind: 'run' | 'session' | 'record' | 'team' | 'key' | 'sink', id: string): MetertapError {
  return new MetertapError('not_found', `There is no ${kind} ${JSON.stringify(id)}.`);
}

export function ambiguous(kind: 'run' | 'session', teams: readonly string[]): MetertapError {
  return new MetertapError(
    'invalid_parameter',
    `Several teams have a ${kind} of this id. Say which with ?team=, one of: ${teams.join(', ')}.`,
    { param: 'team' },
  );
}

/** An id out of the path, percent-decoded once by the router. */
export function pathId(request: FastifyRequest, name: string): string {
  const { params } = request;
  const id: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, name) : undefined;
  if (typeof id === 'string' && isUsableId(id)) return id;
  throw new MetertapError('invalid_parameter', `${name} must be 1 to 256 printable characters.`, { param: name });
}
