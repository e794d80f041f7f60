import Type, { type TSchema } from 'typebox';
import { COST_FILTERS, COST_GROUPS } from '../../reporting/organization-costs.ts';
import { FILTER_WORDS, ORGANIZATION_KINDS, type OrganizationKind } from '../../reporting/organization-kinds.ts';
import type { Operation, OperationTable } from './operation.ts';
import { json } from './operation.ts';
import { ORGANIZATION_SCHEMAS, organizationList, organizationPage } from './organization-schemas.ts';
import { text, textList, wordList, words } from './schema-words.ts';

/** OpenAI's organization API as far as Metertap answers it (docs/usage-api.md): shapes and names are OpenAI's. */

const START = text('Inclusive: Unix seconds, or ISO 8601.');
const END = text('Exclusive; until now by default.');
const PAGE = text('The `next_page` of the page before.');
const LIST_QUERY = {
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20, description: 'How many on a page.' }),
  after: text('The `last_id` of the page before.'),
};

const LIMIT_QUERY = {
  ...LIST_QUERY,
  before: text('Taken, and without effect.'),
  order: text('Taken, and without effect.'),
};

function usageOperation(name: string, kind: OrganizationKind): Operation {
  const counted = kind.endpoints.length > 0;
  const groups = counted ? [...kind.groups, 'run_id'] : kind.groups;
  const filters = counted ? [...kind.filters, 'run_ids' as const] : kind.filters;
  return {
    id: `organizationUsage${nameOf(name)}`,
    tag: 'Organization',
    summary: `Usage of ${name.replaceAll('_', ' ')}, in OpenAI's shape`,
    access: 'reader',
    query: {
      start_time: START,
      end_time: END,
      bucket_width: words(['1m', '1h', '1d'], 'A day by default.'),
      group_by: wordList(groups, 'One result for each combination of these.'),
      limit: Type.Integer({
        minimum: 1,
        maximum: 1_440,
        description: 'Buckets on a page: `1d` 7, at most 31; `1h` 24, at most 168; `1m` 60, at most 1,440.',
      }),
      page: PAGE,
      ...Object.fromEntries(filters.map((filter) => [filter, filterSchema(FILTER_WORDS[filter])])),
      ...(kind.hasBatch
        ? { batch: Type.Boolean({ description: 'Only batch jobs, which Metertap does not meter, or none.' }) }
        : {}),
      include_estimated: Type.Boolean({ description: 'Takes estimated tokens into the sums.', default: false }),
    },
    requiredQuery: ['start_time'],
    answers: { 200: json('Buckets.', organizationPage(ORGANIZATION_SCHEMAS.usageResult)) },
  };
}

function filterSchema(known: readonly string[] | undefined): TSchema {
  return known === undefined ? textList('Only these.') : wordList(known, 'Only these.');
}

/** `audio_speeches` as `AudioSpeeches`. */
function nameOf(kind: string): string {
  return kind.replaceAll(/(?:^|_)(\w)/g, (_match, letter: string) => letter.toUpperCase());
}

const USAGE = Object.fromEntries(
  [...ORGANIZATION_KINDS].map(([name, kind]) => [`GET /v1/organization/usage/${name}`, usageOperation(name, kind)]),
);

export const ORGANIZATION_OPERATIONS: OperationTable = {
  ...USAGE,
  'GET /v1/organization/costs': {
    id: 'organizationCosts',
    tag: 'Organization',
    summary: "Costs by day, in OpenAI's shape",
    access: 'reader',
    query: {
      start_time: START,
      end_time: END,
      bucket_width: words(['1d']),
      group_by: wordList(COST_GROUPS, 'One result for each combination of these.'),
      limit: Type.Integer({ minimum: 1, maximum: 180, default: 7, description: 'Buckets on a page.' }),
      page: PAGE,
      ...Object.fromEntries(COST_FILTERS.map((filter) => [filter, textList('Only these.')])),
      line_items: textList('Only these; names as `group_by=line_item` gives them.'),
    },
    requiredQuery: ['start_time'],
    answers: { 200: json('Buckets.', organizationPage(ORGANIZATION_SCHEMAS.costResult)) },
  },
  'GET /v1/organization/projects': {
    id: 'organizationProjects',
    tag: 'Organization',
    summary: 'Teams as projects',
    access: 'reader',
    query: { ...LIST_QUERY, include_archived: text('Taken, and without effect: no team is archived.') },
    answers: { 200: json('Projects.', organizationList(ORGANIZATION_SCHEMAS.project)) },
  },
  'GET /v1/organization/projects/{project_id}': {
    id: 'organizationProject',
    tag: 'Organization',
    summary: 'A team as a project',
    access: 'reader',
    query: {},
    answers: { 200: json('The project.', ORGANIZATION_SCHEMAS.project) },
  },
  'GET /v1/organization/projects/{project_id}/spend_limit': {
    id: 'organizationProjectSpendLimit',
    tag: 'Organization',
    summary: 'The monthly budget of a team',
    access: 'reader',
    query: {},
    answers: { 200: json('The budget in cents.', ORGANIZATION_SCHEMAS.spendLimit) },
  },
  'GET /v1/organization/projects/{project_id}/spend_alerts': {
    id: 'organizationProjectSpendAlerts',
    tag: 'Organization',
    summary: 'The shares of the monthly budget of a team at which there is an alert',
    access: 'reader',
    query: LIMIT_QUERY,
    answers: { 200: json('Alerts.', organizationList(ORGANIZATION_SCHEMAS.spendAlert)) },
  },
  'GET /v1/organization/projects/{project_id}/rate_limits': {
    id: 'organizationProjectRateLimits',
    tag: 'Organization',
    summary: 'Requests and tokens a minute of a team',
    access: 'reader',
    query: LIMIT_QUERY,
    answers: { 200: json('One for each model of the rules.', organizationList(ORGANIZATION_SCHEMAS.rateLimit)) },
  },
  'GET /v1/organization/spend_limit': {
    id: 'organizationSpendLimit',
    tag: 'Organization',
    summary: 'The budget of the organization, which has none: 404',
    access: 'admin_reader',
    query: {},
    answers: {},
    errors: ['not_found'],
  },
  'GET /v1/organization/spend_alerts': {
    id: 'organizationSpendAlerts',
    tag: 'Organization',
    summary: 'Alerts of the organization, which has none',
    access: 'admin_reader',
    query: LIMIT_QUERY,
    answers: { 200: json('An empty list.', organizationList(ORGANIZATION_SCHEMAS.spendAlert)) },
  },
  'GET /v1/organization/projects/{project_id}/api_keys': {
    id: 'organizationProjectKeys',
    tag: 'Organization',
    summary: 'Keys of a team as those of a project',
    access: 'reader',
    query: { ...LIST_QUERY, owner_project_access: text('Taken, and without effect.') },
    answers: { 200: json('Keys, never with a secret.', organizationList(ORGANIZATION_SCHEMAS.projectKey)) },
  },
  'GET /v1/organization/users': {
    id: 'organizationUsers',
    tag: 'Organization',
    summary: 'End users that calls of the last 31 days named',
    access: 'reader',
    query: LIST_QUERY,
    answers: { 200: json('Users.', organizationList(ORGANIZATION_SCHEMAS.user)) },
  },
  'GET /v1/organization/admin_api_keys': {
    id: 'organizationAdminKeys',
    tag: 'Organization',
    summary: 'The admin key, without its value',
    access: 'admin_reader',
    query: { ...LIST_QUERY, order: text('Taken, and without effect.') },
    answers: { 200: json('The key.', organizationList(ORGANIZATION_SCHEMAS.adminKey)) },
  },
};
