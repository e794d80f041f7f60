import type { FastifyInstance } from 'fastify';
import { AUDIT_TARGETS, type AuditFilter, type AuditRow } from '../ledger/access-book.ts';
import { badCursor, pageOf } from '../reporting/list-page.ts';
import { pageRequest } from '../reporting/page-request.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { readerOf, requireAdminReader } from './management-scope.ts';

const LIST_LIMIT = { fallback: 100, max: 1_000 };
const PARAMETERS = ['target_type', 'target_id', 'actor', 'action', 'start_time', 'end_time', 'limit', 'cursor'];

/** `GET /audit`: every change of teams and keys, the newest first. */
export function registerAuditRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/audit', async (request) => {
    requireAdminReader(readerOf(request));
    const parameters = new QueryParameters(request.query, PARAMETERS);
    const filter: AuditFilter = {
      targetType: parameters.choice('target_type', AUDIT_TARGETS),
      targetId: parameters.text('target_id'),
      actor: parameters.text('actor'),
      action: parameters.text('action'),
      ...parameters.range(),
    };
    const page = pageRequest(parameters, ['audit', filter], LIST_LIMIT);
    const beforeId = page.position === null ? null : Number(page.position[0]);
    if (beforeId !== null && !Number.isSafeInteger(beforeId)) throw badCursor();
    const rows = await rooms.access.book.audit(filter, { limit: page.limit + 1, beforeId });
    return pageOf<AuditRow>(rows, page, ({ id }) => [String(id)]);
  });
}
