import cookie from '@fastify/cookie';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import { registerHealthRoutes } from './health-routes.ts';
import { registerAuditRoute } from './management-audit-route.ts';
import { acceptJsonBodies, managementError } from './management-body.ts';
import { registerEventsRoute } from './management-events-route.ts';
import { registerExportRoute } from './management-export-route.ts';
import { registerKeyRoutes } from './management-key-routes.ts';
import { registerLimitsRoute } from './management-limits-route.ts';
import { registerMetricsRoute } from './management-metrics-route.ts';
import { registerPricesRoute } from './management-prices-route.ts';
import { registerRecordRoutes } from './management-record-routes.ts';
import { registerReloadRoute } from './management-reload-route.ts';
import { registerRepriceRoute } from './management-reprice-route.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { registerRunEventsRoute } from './management-run-events-route.ts';
import { registerRunRoutes } from './management-run-routes.ts';
import { holdReader, keepReader } from './management-scope.ts';
import { registerSessionRoute } from './management-session-route.ts';
import { OPEN_PATHS, registerSignInRoutes } from './management-sign-in-routes.ts';
import { registerSinkRoutes } from './management-sink-routes.ts';
import { registerStatementRoutes } from './management-statement-routes.ts';
import { registerStatusRoute } from './management-status-route.ts';
import { registerTeamRoutes } from './management-team-routes.ts';
import { registerUsageRoute } from './management-usage-route.ts';
import { registerOpenApiRoute } from './openapi-route.ts';
import { registerOrganizationRoutes } from './organization-routes.ts';

/**
 * Registers everything that an operator or the owner of a key asks of Metertap: `/api/v1/*`, `/v1/organization/*`,
 * `/metrics`, `/healthz` and `/readyz` (contract.md, "The management API"). Errors are thrown as `MetertapError` for the one error writer.
 */
export function registerManagementRoutes(app: FastifyInstance, rooms: ManagementRooms): void {
  registerHealthRoutes(app, rooms);
  registerMetricsRoute(app, rooms);
  registerOrganizationRoutes(app, rooms);
  registerOpenApiRoute(app, rooms);
  void app.register(
    (scope, _options, done) => {
      acceptJsonBodies(scope);
      scope.setErrorHandler((error) => {
        throw managementError(error);
      });
      scope.setNotFoundHandler(refuseUnknownUrl);
      holdReader(scope);
      void scope.register(cookie);
      scope.after(() => registerGuardedRoutes(scope, rooms));
      done();
    },
    { prefix: '/api/v1' },
  );
}

/** Comes after the plugin that reads cookies, so that they are there when the hook asks who it is. */
function registerGuardedRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    if (!OPEN_PATHS.has(request.routeOptions.url)) keepReader(request, rooms);
  });
  registerSignInRoutes(scope, rooms);
  registerRunRoutes(scope, rooms);
  registerRunEventsRoute(scope, rooms);
  registerSessionRoute(scope, rooms);
  registerUsageRoute(scope, rooms);
  registerRecordRoutes(scope, rooms);
  registerTeamRoutes(scope, rooms);
  registerKeyRoutes(scope, rooms);
  registerAuditRoute(scope, rooms);
  registerExportRoute(scope, rooms);
  registerPricesRoute(scope, rooms);
  registerReloadRoute(scope, rooms);
  registerSinkRoutes(scope, rooms);
  registerLimitsRoute(scope, rooms);
  registerRepriceRoute(scope, rooms);
  registerStatementRoutes(scope, rooms);
  registerEventsRoute(scope, rooms);
  registerStatusRoute(scope, rooms);
}

async function refuseUnknownUrl(request: FastifyRequest): Promise<never> {
  const path = request.url.split('?', 1)[0] ?? '';
  throw new MetertapError('unknown_url', `The management API has no ${request.method} ${path}.`);
}
