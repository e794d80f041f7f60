import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import { type ExportRequest, openExport } from '../reporting/export.ts';
import { type ExportFormat, focusCsv, JSON_LINES, recordCsv } from '../reporting/export-format.ts';
import { FOCUS_VERSIONS } from '../reporting/focus-columns.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { FINAL_ENDINGS, RECORD_FILTERS, recordFilter } from './management-record-filter.ts';
import type { ManagementRooms, Reader } from './management-rooms.ts';
import { readerOf } from './management-scope.ts';

const PARAMETERS = ['format', 'version', ...RECORD_FILTERS, 'formulas', 'header', 'limit', 'cursor'];
const FORMATS = ['csv', 'jsonl', 'focus'] as const;
const MOST_RECORDS = 999_999_999;

/**
 * `GET /export`: records as a file, read from the ledger as fast as the client takes it. The answer is chunked: where
 * the ledger cannot be read on, or Metertap stops, the connection is cut without the last chunk, so that a broken file
 * is an error to every HTTP client and never looks whole.
 */
export function registerExportRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  const open = new Set<Readable>();
  // An export to a slow client would hold up a stop for as long as it likes; it can be gone on with afterwards.
  scope.addHook('preClose', async () => {
    for (const stream of open) stream.destroy();
  });

  // No HEAD beside it: it would read the whole ledger for nothing.
  scope.get('/export', { exposeHeadRoute: false }, async (request, reply) => {
    const asked = exportRequest(new QueryParameters(request.query, PARAMETERS), readerOf(request), rooms);
    const { parts, nextCursor } = await openExport(rooms.reader, asked);
    const stream = Readable.from(parts, { objectMode: false, highWaterMark: 1 });
    open.add(stream);
    stream.once('close', () => open.delete(stream));
    if (nextCursor !== null) reply.header('x-metertap-next-cursor', nextCursor);
    return reply
      .header('content-type', asked.format.contentType)
      .header('content-disposition', `attachment; filename="${asked.format.fileName}"`)
      .header('x-accel-buffering', 'no')
      .send(stream);
  });
}

function exportRequest(parameters: QueryParameters, reader: Reader, rooms: ManagementRooms): ExportRequest {
  return {
    format: formatOf(parameters, rooms),
    filter: { ...recordFilter(parameters, reader, FINAL_ENDINGS), ...parameters.longRange() },
    cursor: parameters.text('cursor'),
    limit: parameters.text('limit') === null ? null : parameters.limit({ fallback: MOST_RECORDS, max: MOST_RECORDS }),
    withHeader: parameters.choice('header', ['true', 'false']) !== 'false',
  };
}

function formatOf(parameters: QueryParameters, rooms: ManagementRooms): ExportFormat {
  const keepsFormulas = parameters.choice('formulas', ['escape', 'keep']) === 'keep';
  const format = parameters.choice('format', FORMATS) ?? 'csv';
  const version = parameters.choice('version', FOCUS_VERSIONS);
  if (format === 'focus') return focusCsv({ version: version ?? '1.2', sources: rooms.prices(), keepsFormulas });
  if (version === null) return format === 'csv' ? recordCsv(keepsFormulas) : JSON_LINES;
  const message = 'version is the version of FOCUS; it goes with format=focus only.';
  throw new MetertapError('invalid_parameter', message, { param: 'version' });
}
