import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import type { RuleCounter } from '../limits/rule-counter.ts';
import { organizationList } from '../reporting/organization-list.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { rateLimitsOf, spendAlertsOf, spendLimitOf, type TeamLimit } from '../reporting/spend-limit-view.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { pathId, readerOf, requireAdminReader, visibleTeam } from './management-scope.ts';

const LIST_LIMIT = { fallback: 20, max: 100 };

/**
 * Registers the limits of teams in the shapes of OpenAI's organization API: `spend_limit`, `spend_alerts` and
 * `rate_limits` (standards.md 1.4). They are read here; what a team may use is set in the configuration or with
 * `PATCH /api/v1/teams/{id}`. The organization as a whole has no limits.
 */
export function registerOrganizationLimitRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  scope.get('/spend_limit', async (request) => {
    requireAdminReader(readerOf(request));
    new QueryParameters(request.query, []);
    throw noSpendLimit('The organization');
  });
  scope.get('/spend_alerts', async (request) => {
    requireAdminReader(readerOf(request));
    return listOf([], request);
  });
  scope.get('/projects/:project_id/spend_limit', async (request) => {
    new QueryParameters(request.query, []);
    const limit = spendLimitOf(await limitsOfProject(request, rooms));
    if (limit === null) throw noSpendLimit(`The project ${JSON.stringify(pathId(request, 'project_id'))}`);
    return limit;
  });
  scope.get('/projects/:project_id/spend_alerts', async (request) =>
    listOf(spendAlertsOf(await limitsOfProject(request, rooms)), request),
  );
  scope.get('/projects/:project_id/rate_limits', async (request) =>
    listOf(rateLimitsOf(await limitsOfProject(request, rooms)), request),
  );
}

async function limitsOfProject(request: FastifyRequest, rooms: ManagementRooms): Promise<TeamLimit[]> {
  const team = visibleTeam(readerOf(request), pathId(request, 'project_id'));
  const query = { team, keyId: null, runId: null, sessionId: null, user: null, model: null };
  return (await rooms.limits.find(query)).filter(isOfTeam).map(({ rule, course, limit }) => ({
    measure: rule.measure,
    per: rule.per,
    isCalendar: course.kind === 'sum',
    limit,
    model: rule.model,
    alertAt: rule.alertAt,
  }));
}

function isOfTeam({ subject, rule }: RuleCounter): boolean {
  return subject.keyId === null && rule.each === null;
}

function listOf<Item extends { readonly id: string }>(items: readonly Item[], request: FastifyRequest) {
  const parameters = new QueryParameters(request.query, ['limit', 'after', 'before', 'order']);
  return organizationList(items, { limit: parameters.limit(LIST_LIMIT), after: parameters.text('after') });
}

function noSpendLimit(whose: string): MetertapError {
  return new MetertapError('not_found', `${whose} has no monthly spend limit here.`);
}
