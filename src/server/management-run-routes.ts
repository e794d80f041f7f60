import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RunFilter, RunKey } from '../ledger/ledger-reader.ts';
import { pageRequest } from '../reporting/page-request.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { listRuns } from '../reporting/run-list.ts';
import { authorOf } from './management-changes.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { type RunSettings, readRunSettings, refuseParentCycle } from './management-run-settings.ts';
import { findRun, pathId, readerOf, requireAdmin, visibleTeam } from './management-scope.ts';
import { sendReport } from './send-report.ts';

const ORDERS = ['-last_activity_at', '-cost'] as const;
const LIST_PARAMETERS = ['team', 'session_id', 'start_time', 'end_time', 'order', 'limit', 'cursor'];

/** `GET /runs`, `GET /runs/{run_id}` and `PUT /runs/{run_id}`. */
export function registerRunRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/runs', async (request) => {
    const parameters = new QueryParameters(request.query, LIST_PARAMETERS);
    const filter: RunFilter = {
      team: visibleTeam(readerOf(request), parameters.text('team')),
      sessionId: parameters.text('session_id'),
      ...parameters.range(),
      order: parameters.choice('order', ORDERS) ?? '-last_activity_at',
    };
    return listRuns(rooms.reader, filter, pageRequest(parameters, ['runs', filter]));
  });

  scope.get('/runs/:run_id', async (request, reply) => {
    const parameters = new QueryParameters(request.query, ['team', 'include']);
    const includeChildren = parameters.choices('include', ['children']).length > 0;
    const runId = pathId(request, 'run_id');
    const who = { reader: readerOf(request), askedTeam: parameters.text('team') };
    return sendRun(reply, rooms, { run: await findRun(rooms.reader, runId, who), includeChildren });
  });

  scope.put('/runs/:run_id', async (request, reply) => {
    requireAdmin(readerOf(request));
    const { run, settings } = readDeclaration(request);
    await refuseParentCycle(rooms.reader, run, settings.declaration.parentRunId ?? null);
    const { limits } = await rooms.reader.declareRun(run, settings.declaration, authorOf(request));
    await rooms.runDeclared(run, limits);
    return sendRun(reply, rooms, { run, includeChildren: false });
  });
}

async function sendRun(
  reply: FastifyReply,
  rooms: ManagementRooms,
  asked: { readonly run: RunKey; readonly includeChildren: boolean },
): Promise<FastifyReply> {
  const limits = await rooms.limits.showRun(asked.run.team, asked.run.runId);
  return sendReport(reply, rooms.reports, { report: 'run', ...asked, limits, nowMs: rooms.clock.nowMs() });
}

function readDeclaration(request: FastifyRequest): { run: RunKey; settings: RunSettings } {
  const runId = pathId(request, 'run_id');
  const parameters = new QueryParameters(request.query, ['team']);
  const settings = readRunSettings(request.body, parameters.text('team'));
  return { run: { team: settings.team, runId }, settings };
}
