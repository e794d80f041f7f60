import type { FastifyInstance } from 'fastify';
import { pageRequest } from '../reporting/page-request.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { listRecords } from '../reporting/record-list.ts';
import { viewCorrectedRecord } from '../reporting/record-view.ts';
import { RECORD_FILTERS, recordFilter } from './management-record-filter.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { notFound, pathId, readerOf, visibleTeam } from './management-scope.ts';

const LIST_LIMIT = { fallback: 100, max: 1_000 };
const LIST_PARAMETERS = [...RECORD_FILTERS, 'limit', 'cursor'];
/** `GET /records` and `GET /records/{id}`. */
export function registerRecordRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/records', async (request) => {
    const parameters = new QueryParameters(request.query, LIST_PARAMETERS);
    const filter = { ...recordFilter(parameters, readerOf(request)), ...parameters.range() };
    return listRecords(rooms, filter, pageRequest(parameters, ['records', filter], LIST_LIMIT));
  });

  scope.get('/records/:id', async (request) => {
    const parameters = new QueryParameters(request.query, ['team']);
    const id = pathId(request, 'id');
    const record = await rooms.reader.record(id, visibleTeam(readerOf(request), parameters.text('team')));
    if (record === null) throw notFound('record', id);
    return viewCorrectedRecord(record, await rooms.corrections.correctionsOf([record.id]));
  });
}
