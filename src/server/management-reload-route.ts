import type { FastifyInstance } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { authorOf } from './management-changes.ts';
import type { ManagementRooms, ReloadResult } from './management-rooms.ts';
import { readerOf, requireAdmin } from './management-scope.ts';

/** `POST /reload`: reads the configuration file again and swaps it in, or keeps the old one and says why. */
export function registerReloadRoute(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.post('/reload', async (request) => {
    requireAdmin(readerOf(request));
    new QueryParameters(request.query, []);
    const result = await rooms.reload(authorOf(request));
    if (result.kind === 'kept') throw configurationKept(result);
    return { reloaded: true };
  });
}

function configurationKept({ faults }: Extract<ReloadResult, { kind: 'kept' }>): MetertapError {
  const lines = faults.map(({ path, message, hint }) => {
    const place = path === '' ? '' : `${path}: `;
    return `${place}${message}${hint === undefined ? '' : ` (${hint})`}`;
  });
  return new MetertapError(
    'invalid_parameter',
    `The configuration file was refused and the old configuration kept. ${lines.join('; ')}`,
    { param: 'config' },
  );
}
