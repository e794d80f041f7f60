import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ManagementRooms } from './management-rooms.ts';
import { hasScope, requireAdminReader, unknownCredential } from './management-scope.ts';

/** Says that a request was passed on by a proxy, so that the peer is not where it came from. */
const FORWARDING_HEADERS = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

/**
 * `GET /metrics` in the Prometheus text format: open to this machine, else by `metrics.token` or an admin key
 * (contract.md, "The management API").
 */
export function registerMetricsRoute(app: FastifyInstance, rooms: ManagementRooms): void {
  app.get('/metrics', async (request, reply) => {
    if (!isFromThisMachine(request)) requireScraper(request, rooms);
    const { contentType, body } = await rooms.metrics.text();
    return reply.header('content-type', contentType).header('cache-control', 'no-store').send(body);
  });
}

/** By the address of the connection itself, never by a header, which anybody could send. */
function isFromThisMachine(request: FastifyRequest): boolean {
  const address = request.socket.remoteAddress ?? '';
  const isLoopback = address === '::1' || /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address);
  return isLoopback && FORWARDING_HEADERS.every((name) => request.headers[name] === undefined);
}

function requireScraper(request: FastifyRequest, rooms: ManagementRooms): void {
  const token = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  const expected = rooms.metricsToken();
  if (token !== undefined && expected !== null && isSameSecret(token, expected)) return;
  const reader = rooms.authorize(request.headers);
  if (reader === null) throw unknownCredential();
  if (!hasScope(reader, 'metrics:read')) requireAdminReader(reader);
}

/** Compares in a time that tells nothing of either text. */
function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
