import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MetertapError } from '../core/errors.ts';
import { COST_FILTERS, COST_GROUPS } from '../reporting/organization-costs.ts';
import {
  FILTER_WORDS,
  ORGANIZATION_KINDS,
  type OrganizationFilter,
  type OrganizationKind,
} from '../reporting/organization-kinds.ts';
import type { OrganizationRange } from '../reporting/organization-page.ts';
import { type PageLimits, pageRequest } from '../reporting/page-request.ts';
import { QueryParameters } from '../reporting/query-parameters.ts';
import { reportPage } from '../reporting/report-question.ts';
import type { BucketWidth } from '../reporting/usage-report.ts';
import type { ManagementRooms } from './management-rooms.ts';
import { readerOf } from './management-scope.ts';
import { sendReport } from './send-report.ts';

const COMMON = ['start_time', 'end_time', 'bucket_width', 'group_by', 'limit', 'page'] as const;

/** Buckets on a page (standards.md 1.2). */
const LIMITS = {
  '1m': { fallback: 60, max: 1_440, parameter: 'page' },
  '1h': { fallback: 24, max: 168, parameter: 'page' },
  '1d': { fallback: 7, max: 31, parameter: 'page' },
} as const satisfies Record<BucketWidth, PageLimits>;
const COST_LIMITS: PageLimits = { fallback: 7, max: 180, parameter: 'page' };

/** `GET /usage/{kind}` and `GET /costs`. */
export function registerOrganizationUsageRoutes(scope: FastifyInstance, rooms: ManagementRooms): void {
  for (const [name, kind] of ORGANIZATION_KINDS) {
    scope.get(`/usage/${name}`, (request, reply) => answerUsage({ request, reply }, { name, kind }, rooms));
  }
  scope.get('/costs', (request, reply) => answerCosts({ request, reply }, rooms));
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function answerUsage(
  { request, reply }: Exchange,
  { name, kind }: { readonly name: string; readonly kind: OrganizationKind },
  rooms: ManagementRooms,
) {
  // Runs are ours: wherever calls are counted, they can be told apart by their runs.
  const filterNames = kind.endpoints.length > 0 ? [...kind.filters, 'run_ids' as const] : kind.filters;
  const groupNames = kind.endpoints.length > 0 ? [...kind.groups, 'run_id' as const] : kind.groups;
  const flags = kind.hasBatch ? ['batch'] : [];
  const parameters = new QueryParameters(request.query, [...COMMON, ...filterNames, ...flags, 'include_estimated']);
  const range = readRange(parameters, ['1m', '1h', '1d']);
  const asked = {
    range,
    groupBy: parameters.choices('group_by', groupNames),
    filters: readFilters(parameters, filterNames, request),
    batch: kind.hasBatch ? readFlag(parameters, 'batch') : null,
    includeEstimated: readFlag(parameters, 'include_estimated') === true,
  };
  const page = pageRequest(parameters, ['organization', name, asked], LIMITS[range.bucket]);
  const question = { report: 'organization_usage', kind: name, asked, page: reportPage(page) } as const;
  return sendReport(reply, rooms.reports, { ...question, nowMs: rooms.clock.nowMs() });
}

async function answerCosts({ request, reply }: Exchange, rooms: ManagementRooms) {
  const parameters = new QueryParameters(request.query, [...COMMON, ...COST_FILTERS, 'line_items']);
  const asked = {
    range: readRange(parameters, ['1d']),
    groupBy: parameters.choices('group_by', COST_GROUPS),
    filters: readFilters(parameters, COST_FILTERS, request),
    lineItems: readLineItems(parameters),
  };
  const page = pageRequest(parameters, ['organization', 'costs', asked], COST_LIMITS);
  const question = { report: 'organization_costs', asked, page: reportPage(page) } as const;
  return sendReport(reply, rooms.reports, { ...question, nowMs: rooms.clock.nowMs() });
}

function readRange(parameters: QueryParameters, widths: readonly BucketWidth[]): OrganizationRange {
  const bucket = parameters.choice('bucket_width', widths) ?? '1d';
  const startMs = parameters.moment('start_time');
  const endMs = parameters.moment('end_time');
  if (startMs === null) {
    const message = 'start_time is required: Unix seconds, inclusive, such as 1730419200.';
    throw new MetertapError('invalid_parameter', message, { param: 'start_time' });
  }
  if (endMs !== null && endMs <= startMs) {
    throw new MetertapError('invalid_parameter', 'end_time must be after start_time.', { param: 'end_time' });
  }
  return { startMs, endMs, bucket };
}

/** Their names have a comma and a blank in them, so a list that is parted by commas is put together again. */
function readLineItems(parameters: QueryParameters): readonly string[] {
  const items: string[] = [];
  for (const part of parameters.list('line_items')) {
    const last = items.at(-1);
    if (part.startsWith(' ') && last !== undefined) items[items.length - 1] = `${last},${part}`;
    else items.push(part);
  }
  return items;
}

function readFlag(parameters: QueryParameters, name: string): boolean | null {
  const word = parameters.choice(name, ['true', 'false']);
  return word === null ? null : word === 'true';
}

/** The key of a team sees its own team's data, whatever it asks for, and is refused another's. */
function readFilters<Name extends OrganizationFilter>(
  parameters: QueryParameters,
  names: readonly Name[],
  request: FastifyRequest,
): Partial<Record<OrganizationFilter, readonly string[]>> {
  const filters: Partial<Record<OrganizationFilter, readonly string[]>> = {};
  for (const name of names) {
    const words = FILTER_WORDS[name];
    const values = words === undefined ? parameters.list(name) : parameters.choices(name, words);
    if (values.length > 0) filters[name] = values;
  }
  const reader = readerOf(request);
  if (reader.kind === 'admin') return filters;
  if (filters.project_ids?.some((team) => team !== reader.team)) {
    throw new MetertapError('permission_denied', 'This key sees the usage of its own team only.', {
      param: 'project_ids',
    });
  }
  return { ...filters, project_ids: [reader.team] };
}
