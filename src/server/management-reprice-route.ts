import type { FastifyInstance } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import type { RepriceQuestion } from '../ledger/correction.ts';
import { Cursors } from '../reporting/list-page.ts';
import { readMoment } from '../reporting/moment.ts';
import { checkRange, QueryParameters } from '../reporting/query-parameters.ts';
import { reprice } from '../reporting/reprice.ts';
import { authorOf } from './management-changes.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { readerOf, requireAdmin } from './management-scope.ts';

const MEMBERS = ['start_time', 'end_time', 'team', 'model', 'upstream', 'reason', 'dry_run', 'limit', 'cursor'];
/** A page is worked out within some tens of milliseconds. */
const LIMIT = { fallback: 1_000, max: 5_000 };
const MAX_REASON_LENGTH = 500;
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/** `POST /reprice`: corrects the costs of one page of records; `next_cursor` names the next page. */
export function registerRepriceRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.post('/reprice', async (request) => {
    requireAdmin(readerOf(request));
    new QueryParameters(request.query, []);
    const { order, limit, cursor } = readOrder(request.body);
    const cursors = new Cursors(['reprice', order]);
    const { result, lastId } = await reprice(
      {
        corrections: rooms.corrections,
        priceCall: (call) => rooms.prices().priceCall(call),
        nextId: rooms.nextId,
        onCorrected: rooms.onCorrected,
        nowMs: () => rooms.clock.nowMs(),
      },
      { ...order, author: authorOf(request) },
      { afterId: cursor === null ? null : (cursors.read(cursor)[0] ?? null), limit },
    );
    return { ...result, next_cursor: lastId === null ? null : cursors.write([lastId]) };
  });
}

function readOrder(body: unknown) {
  const members = membersOf(body);
  for (const name of members.keys()) {
    if (MEMBERS.includes(name)) continue;
    throw invalid(name, `Unknown member ${JSON.stringify(name)}. Allowed: ${MEMBERS.join(', ')}.`);
  }
  const filter: RepriceQuestion = {
    startMs: readTime(members, 'start_time'),
    endMs: readTime(members, 'end_time'),
    team: readText(members, 'team'),
    model: readText(members, 'model'),
    upstream: readText(members, 'upstream'),
  };
  checkRange(filter.startMs, filter.endMs);
  const order = { filter, reason: readReason(members), dryRun: readFlag(members, 'dry_run') };
  return { order, limit: readLimit(members), cursor: readText(members, 'cursor') };
}

type Members = ReadonlyMap<string, unknown>;

function membersOf(body: unknown): Members {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new MetertapError(
      'invalid_parameter',
      'The body must be a JSON object with start_time, end_time and reason.',
    );
  }
  return new Map(Object.entries(body));
}

function readTime(members: Members, name: string): number {
  const value = members.get(name);
  const moment = typeof value === 'string' || typeof value === 'number' ? readMoment(String(value)) : null;
  if (moment !== null) return moment;
  throw invalid(name, `${name} is required: an ISO 8601 time such as 2026-11-01, or Unix seconds.`);
}

function readText(members: Members, name: string): string | null {
  const value = members.get(name) ?? null;
  if (value === null || (typeof value === 'string' && value !== '')) return value;
  throw invalid(name, `${name} must be a text that is not empty, or be left out.`);
}

function readReason(members: Members): string {
  const reason = readText(members, 'reason')?.trim() ?? '';
  if (reason !== '' && reason.length <= MAX_REASON_LENGTH && !UNPRINTABLE.test(reason)) return reason;
  throw invalid('reason', `reason is required: why costs change, one line of 1 to ${MAX_REASON_LENGTH} characters.`);
}

function readFlag(members: Members, name: string): boolean {
  const value = members.get(name) ?? false;
  if (typeof value === 'boolean') return value;
  throw invalid(name, `${name} must be true or false.`);
}

function readLimit(members: Members): number {
  const value = members.get('limit') ?? LIMIT.fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= LIMIT.max) return value;
  throw invalid('limit', `limit must be a whole number from 1 to ${LIMIT.max}: how many records are looked at.`);
}

function invalid(param: string, message: string): MetertapError {
  return new MetertapError('invalid_parameter', message, { param });
}
