import type { FastifyInstance } from 'fastify';
import type { RecordFilter } from '../ledger/ledger-reader.ts';
import type { Ending } from '../ledger/record.ts';
import { pageRequest } from '../reporting/page-request.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { listRecords } from '../reporting/record-list.ts';
import { viewRecord } from '../reporting/record-view.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { notFound, pathId, readerOf, visibleTeam } from './management-scope.ts';

const LIST_LIMIT = { fallback: 100, max: 1_000 };
const LIST_PARAMETERS = [
  'team',
  'key_id',
  'run_id',
  'session_id',
  'model',
  'ending',
  'start_time',
  'end_time',
  'limit',
  'cursor',
];
const ENDINGS = [
  'completed',
  'client_left',
  'upstream_cut',
  'upstream_error',
  'timed_out',
  'interrupted',
  'in_flight',
  'queued',
] as const satisfies readonly Ending[];

/** `GET /records` and `GET /records/{id}`. */
export function registerRecordRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/records', async (request) => {
    const parameters = new QueryParameters(request.query, LIST_PARAMETERS);
    const filter: RecordFilter = {
      team: visibleTeam(readerOf(request), parameters.text('team')),
      keyId: parameters.text('key_id'),
      runId: parameters.text('run_id'),
      sessionId: parameters.text('session_id'),
      model: parameters.text('model'),
      ending: parameters.choice('ending', ENDINGS),
      ...parameters.range(),
    };
    return listRecords(rooms.reader, filter, pageRequest(parameters, ['records', filter], LIST_LIMIT));
  });

  scope.get('/records/:id', async (request) => {
    const parameters = new QueryParameters(request.query, ['team']);
    const id = pathId(request, 'id');
    const record = await rooms.reader.record(id, visibleTeam(readerOf(request), parameters.text('team')));
    if (record === null) throw notFound('record', id);
    return viewRecord(record);
  });
}
