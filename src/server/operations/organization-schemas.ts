import Type, { type TSchema } from 'typebox';
import { count, maybeText, nullable, text, words } from './schema-words.ts';

/** Shapes of OpenAI's organization API; times are Unix seconds there, and 0 where nobody knows when. */

const SECONDS = count('Unix seconds.');
const MAYBE_SECONDS = nullable(Type.Integer());

/** Counts of all kinds of usage: each kind has some of them. */
const COUNTS = [
  'num_model_requests',
  'num_requests',
  'input_tokens',
  'output_tokens',
  'input_cached_tokens',
  'input_cache_write_tokens',
  'input_cache_write_30m_tokens',
  'input_cache_write_12h_tokens',
  'input_uncached_tokens',
  'input_text_tokens',
  'output_text_tokens',
  'input_cached_text_tokens',
  'input_audio_tokens',
  'input_cached_audio_tokens',
  'output_audio_tokens',
  'input_image_tokens',
  'input_cached_image_tokens',
  'output_image_tokens',
  'images',
  'characters',
  'seconds',
];
const GROUPS = [
  'project_id',
  'user_id',
  'api_key_id',
  'model',
  'service_tier',
  'api_source',
  'size',
  'source',
  'vector_store_id',
  'context_level',
  'run_id',
];

const USAGE_RESULT = Type.Object(
  {
    object: text('`organization.usage.` and the kind, `.result`.'),
    ...Object.fromEntries(COUNTS.map((name) => [name, Type.Optional(Type.Number({ minimum: 0 }))])),
    ...Object.fromEntries(GROUPS.map((name) => [name, Type.Optional(maybeText())])),
    batch: Type.Optional(nullable(Type.Boolean())),
  },
  {
    $id: 'OrganizationUsageResult',
    description: 'Counts of its kind; members that were not grouped by are null, and some kinds do not have them.',
  },
);

const COST_RESULT = Type.Object(
  {
    object: Type.Literal('organization.costs.result'),
    amount: Type.Object({ value: Type.Number(), currency: Type.Literal('usd') }),
    line_item: maybeText(),
    quantity: nullable(Type.Number()),
    quantity_unit: nullable(Type.Literal('tokens')),
    project_id: maybeText(),
    user_id: maybeText(),
    api_key_id: maybeText(),
    api_source: maybeText(),
    run_id: Type.Optional(maybeText('There only where it was asked for.')),
  },
  { $id: 'OrganizationCostResult' },
);

const PROJECT = Type.Object(
  {
    id: text('The id of the team.'),
    object: Type.Literal('organization.project'),
    name: text(),
    created_at: SECONDS,
    archived_at: Type.Null(),
    status: Type.Literal('active'),
  },
  { $id: 'OrganizationProject' },
);

const PROJECT_KEY = Type.Object(
  {
    object: Type.Literal('organization.project.api_key'),
    redacted_value: text('What may be shown of its secret.'),
    name: text(),
    created_at: SECONDS,
    last_used_at: MAYBE_SECONDS,
    expires_at: MAYBE_SECONDS,
    id: text(),
    owner: Type.Object({
      type: Type.Literal('service_account'),
      service_account: Type.Object({ id: text(), name: text(), role: Type.Literal('member'), created_at: SECONDS }),
    }),
    owner_project_access: Type.Union([Type.Literal('active'), Type.Literal('inactive')]),
  },
  { $id: 'OrganizationProjectKey' },
);

const USER = Type.Object(
  {
    object: Type.Literal('organization.user'),
    id: text('As calls named it.'),
    name: Type.Null(),
    email: Type.Null(),
    role: Type.Literal('reader'),
    added_at: SECONDS,
  },
  { $id: 'OrganizationUser' },
);

const ADMIN_KEY = Type.Object(
  {
    object: Type.Literal('organization.admin_api_key'),
    id: text(),
    name: text(),
    redacted_value: text(),
    created_at: SECONDS,
    expires_at: Type.Null(),
    last_used_at: Type.Null(),
    owner: Type.Object({
      type: Type.Literal('service_account'),
      object: Type.Literal('organization.service_account'),
      id: text(),
      name: text(),
      created_at: SECONDS,
      role: Type.Literal('owner'),
    }),
  },
  { $id: 'OrganizationAdminKey' },
);

const MONTHLY = {
  threshold_amount: Type.Integer({ description: 'In cents.' }),
  currency: Type.Literal('USD'),
  interval: Type.Literal('month'),
};
const SPEND_LIMIT = Type.Object(
  {
    object: words(['project.spend_limit', 'organization.spend_limit']),
    ...MONTHLY,
    enforcement: Type.Object({ status: words(['inactive', 'enforcing']) }),
  },
  { $id: 'OrganizationSpendLimit' },
);
const SPEND_ALERT = Type.Object(
  {
    object: words(['project.spend_alert', 'organization.spend_alert']),
    id: text(),
    ...MONTHLY,
    notification_channel: Type.Object({
      type: Type.Literal('email'),
      recipients: Type.Array(Type.String(), { description: 'None: alerts go to the sinks.' }),
      subject_prefix: Type.Null(),
    }),
  },
  { $id: 'OrganizationSpendAlert' },
);
const RATE_LIMIT = Type.Object(
  {
    object: Type.Literal('project.rate_limit'),
    id: text(),
    model: text('A name or a glob; `*` is every model.'),
    max_requests_per_1_minute: count('A trillion where there is no limit.'),
    max_tokens_per_1_minute: count('A trillion where there is no limit.'),
    max_requests_per_1_day: Type.Optional(count()),
  },
  { $id: 'OrganizationRateLimit' },
);

export const ORGANIZATION_SCHEMAS = {
  spendLimit: SPEND_LIMIT,
  spendAlert: SPEND_ALERT,
  rateLimit: RATE_LIMIT,
  usageResult: USAGE_RESULT,
  costResult: COST_RESULT,
  project: PROJECT,
  projectKey: PROJECT_KEY,
  user: USER,
  adminKey: ADMIN_KEY,
};

/** A page of buckets. */
export const organizationPage = (result: TSchema) =>
  Type.Object({
    object: Type.Literal('page'),
    data: Type.Array(
      Type.Object({
        object: Type.Literal('bucket'),
        start_time: SECONDS,
        end_time: SECONDS,
        results: Type.Array(result),
      }),
    ),
    has_more: Type.Boolean(),
    next_page: maybeText(),
  });

/** A page of a list. */
export const organizationList = (item: TSchema) =>
  Type.Object({
    object: Type.Literal('list'),
    data: Type.Array(item),
    first_id: maybeText(),
    last_id: maybeText(),
    has_more: Type.Boolean(),
  });
