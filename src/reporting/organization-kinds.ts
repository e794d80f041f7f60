import type { SumName, UsageDimension, UsageRow } from '../ledger/ledger-reader.ts';
import { organizationTokens, TOKEN_SUMS } from './organization-tokens.ts';

/** By what results may be grouped; the names are OpenAI's, but for `run_id`, which is ours. */
export type OrganizationGroup =
  | 'project_id'
  | 'user_id'
  | 'api_key_id'
  | 'model'
  | 'batch'
  | 'service_tier'
  | 'api_source'
  | 'size'
  | 'source'
  | 'vector_store_id'
  | 'context_level'
  | 'run_id';

/** Filters whose names are those of their groups in the plural; `batch` is a flag of its own. */
export type OrganizationFilter =
  | 'project_ids'
  | 'user_ids'
  | 'api_key_ids'
  | 'models'
  | 'run_ids'
  | 'sources'
  | 'sizes'
  | 'vector_store_ids'
  | 'context_levels';

/** One of the usage endpoints (standards.md 1.1). */
export interface OrganizationKind {
  /** `object` of its results. */
  readonly object: string;
  /** Names of metered endpoints whose calls it counts; empty where Metertap meters nothing of the kind. */
  readonly endpoints: readonly string[];
  readonly groups: readonly OrganizationGroup[];
  readonly filters: readonly OrganizationFilter[];
  readonly hasBatch: boolean;
  /** The sums that `countsOf` looks at, beside `requests`. */
  readonly sums: readonly SumName[];
  /** The counts of one result; null where these calls used nothing of the kind. */
  readonly countsOf: (row: UsageRow) => Readonly<Record<string, number>> | null;
}

/** Which dimension of the ledger a group is; null where it is told by something else, or not known here. */
export const GROUP_DIMENSIONS: Readonly<Record<OrganizationGroup, UsageDimension | null>> = {
  project_id: 'team',
  user_id: 'user',
  api_key_id: 'key_id',
  model: 'model',
  service_tier: 'service_tier',
  run_id: 'run_id',
  source: 'endpoint',
  batch: null,
  api_source: null,
  size: null,
  vector_store_id: null,
  context_level: null,
};

/** Which dimension a filter narrows; null where the ledger does not know it, so that nothing passes. */
export const FILTER_DIMENSIONS: Readonly<Record<OrganizationFilter, UsageDimension | null>> = {
  project_ids: 'team',
  user_ids: 'user',
  api_key_ids: 'key_id',
  models: 'model',
  run_ids: 'run_id',
  sources: 'endpoint',
  sizes: null,
  vector_store_ids: null,
  context_levels: null,
};

/** What filters of few words may be. */
export const FILTER_WORDS: Readonly<Partial<Record<OrganizationFilter, readonly string[]>>> = {
  sources: ['image.generation', 'image.edit', 'image.variation'],
  sizes: ['256x256', '512x512', '1024x1024', '1792x1792', '1024x1792'],
  context_levels: ['low', 'medium', 'high'],
};

/** The endpoint that each source of images is. Variations are no metered endpoint: OpenAI has retired them. */
export const IMAGE_SOURCES: ReadonlyMap<string, string> = new Map([
  ['image.generation', 'images/generations'],
  ['image.edit', 'images/edits'],
]);

const COMPLETIONS = ['chat/completions', 'completions', 'responses', 'responses/compact'] as const;
const IDENTITY_GROUPS = ['project_id', 'user_id', 'api_key_id', 'model'] as const;
const IDENTITY_FILTERS = ['project_ids', 'user_ids', 'api_key_ids', 'models'] as const;
const BATCHED_GROUPS = [...IDENTITY_GROUPS, 'batch', 'service_tier', 'api_source'] as const;

type Counting = Pick<OrganizationKind, 'sums' | 'countsOf'>;

const ofInput: Counting = {
  sums: ['input_tokens'],
  countsOf: (row) => ({ input_tokens: row.input_tokens, num_model_requests: row.requests }),
};
const ofTokens: Counting = {
  sums: TOKEN_SUMS,
  countsOf: (row) => ({ ...organizationTokens(row), num_model_requests: row.requests }),
};
const ofNothing: Counting = { sums: [], countsOf: () => null };
const ofWebSearches: Counting = {
  sums: ['web_searches', 'searching_requests'],
  countsOf: (row) =>
    row.web_searches === 0 ? null : { num_model_requests: row.searching_requests, num_requests: row.web_searches },
};

function ofUnits(unit: string): Counting {
  return { sums: ['units'], countsOf: (row) => ({ [unit]: row.units, num_model_requests: row.requests }) };
}

/** The usage endpoints by the last part of their path. */
export const ORGANIZATION_KINDS: ReadonlyMap<string, OrganizationKind> = new Map<string, OrganizationKind>([
  ['completions', batched('completions', COMPLETIONS)],
  ['decisions', batched('decisions', ['decisions'])],
  ['embeddings', plain('embeddings', ['embeddings'], ofInput)],
  ['moderations', plain('moderations', [], ofNothing)], // free everywhere, and forwarded without a record
  [
    'images',
    {
      ...plain('images', ['images/generations', 'images/edits'], ofUnits('images')),
      groups: [...IDENTITY_GROUPS, 'size', 'source'],
      filters: [...IDENTITY_FILTERS, 'sources', 'sizes'],
    },
  ],
  ['audio_speeches', plain('audio_speeches', ['audio/speech'], ofUnits('characters'))],
  [
    'audio_transcriptions',
    plain('audio_transcriptions', ['audio/transcriptions', 'audio/translations'], ofUnits('seconds')),
  ],
  ['vector_stores', ofProjects('vector_stores')],
  ['code_interpreter_sessions', ofProjects('code_interpreter_sessions')],
  [
    'file_search_calls',
    {
      ...plain('file_searches', [], ofNothing),
      groups: ['project_id', 'user_id', 'api_key_id', 'vector_store_id'],
      filters: ['project_ids', 'user_ids', 'api_key_ids', 'vector_store_ids'],
    },
  ],
  [
    'web_search_calls',
    {
      ...plain('web_searches', COMPLETIONS, ofWebSearches),
      groups: [...IDENTITY_GROUPS, 'context_level', 'api_source'],
      filters: [...IDENTITY_FILTERS, 'context_levels'],
    },
  ],
]);

function plain(name: string, endpoints: readonly string[], counting: Counting): OrganizationKind {
  return {
    object: `organization.usage.${name}.result`,
    endpoints,
    groups: IDENTITY_GROUPS,
    filters: IDENTITY_FILTERS,
    hasBatch: false,
    ...counting,
  };
}

function batched(name: string, endpoints: readonly string[]): OrganizationKind {
  return { ...plain(name, endpoints, ofTokens), groups: BATCHED_GROUPS, hasBatch: true };
}

function ofProjects(name: string): OrganizationKind {
  return { ...plain(name, [], ofNothing), groups: ['project_id'], filters: ['project_ids'] };
}
