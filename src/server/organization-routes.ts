import type { FastifyInstance } from 'fastify';
import type { ManagementRooms } from './management-rooms.ts';
import { holdReader, keepReader } from './management-scope.ts';
import { registerOrganizationDirectoryRoutes } from './organization-directory-routes.ts';
import { registerOrganizationLimitRoutes } from './organization-limit-routes.ts';
import { registerOrganizationUsageRoutes } from './organization-usage-routes.ts';

/**
 * Registers what Metertap answers of OpenAI's organization API (standards.md 1): usage, costs, and lists of projects,
 * keys and users, and the limits of projects. Shapes, parameters and paths are OpenAI's; a project is a team. Every other path and method below
 * `/v1/organization/` is refused by the proxied routes, which never forward it.
 */
export function registerOrganizationRoutes(app: FastifyInstance, rooms: ManagementRooms): void {
  void app.register(
    (scope, _options, done) => {
      holdReader(scope);
      scope.addHook('onRequest', async (request, reply) => {
        reply.header('cache-control', 'no-store');
        keepReader(request, rooms);
      });
      registerOrganizationUsageRoutes(scope, rooms);
      registerOrganizationDirectoryRoutes(scope, rooms);
      registerOrganizationLimitRoutes(scope, rooms);
      done();
    },
    { prefix: '/v1/organization' },
  );
}
