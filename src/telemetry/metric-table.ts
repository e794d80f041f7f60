/**
 * Every metric of the product (contract.md, "Metrics"). The names here are without the prefix `metertap_`.
 *
 * Labels are bounded: never a run, user, call or raw path; `model` only as the configuration and the price book know
 * it; teams and keys up to a cap (`label-bounds.ts`). docs/metrics.md lists the same table; a test compares the two.
 */
export interface MetricRow {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[];
  /** `key_id` is a further label where `metrics.label_api_key` is set. */
  readonly byKey?: true;
}

export const METRIC_PREFIX = 'metertap_';

/** The sets of the OpenTelemetry GenAI conventions (standards.md 2.2), made longer for models that reason for minutes. */
const DURATION_BUCKETS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68,
];
const FIRST_TOKEN_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60,
];
const PER_TOKEN_BUCKETS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const OVERHEAD_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];
const COMMIT_BUCKETS = [0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1];

const BY_MODEL = ['team', 'upstream', 'model'] as const;

export const METRICS = {
  requests_total: {
    type: 'counter',
    labels: ['team', 'upstream', 'endpoint', 'model', 'status_class'],
    byKey: true,
    help: 'Calls that reached an upstream and have ended, each once.',
  },
  input_tokens_total: {
    type: 'counter',
    labels: BY_MODEL,
    byKey: true,
    help: 'Input tokens as reported by upstreams, cached ones included.',
  },
  output_tokens_total: {
    type: 'counter',
    labels: BY_MODEL,
    byKey: true,
    help: 'Output tokens as reported by upstreams, reasoning included.',
  },
  cache_read_tokens_total: {
    type: 'counter',
    labels: BY_MODEL,
    byKey: true,
    help: 'Reported input tokens that were read from a cache; a part of input_tokens_total.',
  },
  cache_write_tokens_total: {
    type: 'counter',
    labels: BY_MODEL,
    byKey: true,
    help: 'Reported input tokens that were written to a cache; a part of input_tokens_total.',
  },
  reasoning_tokens_total: {
    type: 'counter',
    labels: BY_MODEL,
    byKey: true,
    help: 'Reported output tokens spent on reasoning; a part of output_tokens_total.',
  },
  estimated_input_tokens_total: {
    type: 'counter',
    labels: BY_MODEL,
    byKey: true,
    help: 'Input tokens of calls whose usage had to be estimated; not in input_tokens_total.',
  },
  estimated_output_tokens_total: {
    type: 'counter',
    labels: BY_MODEL,
    byKey: true,
    help: 'Output tokens of calls whose usage had to be estimated; not in output_tokens_total.',
  },
  cost_usd_total: {
    type: 'counter',
    labels: BY_MODEL,
    byKey: true,
    help: 'Cost of priced calls in US dollars, estimated ones included. A float of exact integers: the ledger is the bill.',
  },
  estimated_cost_usd_total: {
    type: 'counter',
    labels: BY_MODEL,
    byKey: true,
    help: 'The part of cost_usd_total that rests on estimated usage.',
  },
  cost_corrections_usd_total: {
    type: 'counter',
    labels: ['direction'],
    help: 'US dollars that corrections through this process have added to costs (up) or taken from them (down); not in cost_usd_total.',
  },
  request_duration_seconds: {
    type: 'histogram',
    labels: ['upstream', 'endpoint'],
    buckets: DURATION_BUCKETS,
    help: 'From the request to the end of the call.',
  },
  time_to_first_token_seconds: {
    type: 'histogram',
    labels: ['upstream', 'model'],
    buckets: FIRST_TOKEN_BUCKETS,
    help: "Streams: from the request to the first byte of the answer's body.",
  },
  time_per_output_token_seconds: {
    type: 'histogram',
    labels: ['upstream', 'model'],
    buckets: PER_TOKEN_BUCKETS,
    help: 'Completed streams with reported usage: time after the first token, by output tokens after the first.',
  },
  overhead_seconds: {
    type: 'histogram',
    labels: [],
    buckets: OVERHEAD_BUCKETS,
    help: "Time that Metertap itself adds before a request goes out and before the answer's first byte.",
  },
  in_flight_requests: { type: 'gauge', labels: [], help: 'Calls that are open now.' },
  free_requests_total: {
    type: 'counter',
    labels: ['endpoint', 'upstream', 'status_class'],
    help: 'Forwarded requests that have no usage or repeat it; they are not in the ledger.',
  },
  usage_missing_total: {
    type: 'counter',
    labels: ['reason'],
    help: 'Calls to metered endpoints that ended without known usage.',
  },
  usage_estimated_total: { type: 'counter', labels: [], help: 'Calls whose usage had to be estimated.' },
  unpriced_requests_total: { type: 'counter', labels: [], help: 'Calls with known usage and no known price.' },
  unmetered_requests_total: {
    type: 'counter',
    labels: [],
    help: 'Calls to endpoints that Metertap does not know; recorded without usage.',
  },
  refused_total: {
    type: 'counter',
    labels: ['code'],
    help: 'Requests that were refused before they reached an upstream.',
  },
  limit_used_ratio: {
    type: 'gauge',
    labels: ['scope', 'limit'],
    help: 'How much of a limit of a team or key is used, when calls last counted for it; above 1 it is passed. At most 500.',
  },
  limit_store_unavailable: {
    type: 'gauge',
    labels: [],
    help: '1 while Redis is away and limits are counted in each process alone, else 0.',
  },
  upstream_connection_retries_total: {
    type: 'counter',
    labels: ['upstream'],
    help: 'Requests tried once more because no connection could be opened; nothing of them had been sent.',
  },
  journal_queue_length: { type: 'gauge', labels: [], help: 'Records on their way to the journal.' },
  journal_unavailable: { type: 'gauge', labels: [], help: '1 while the journal cannot be written, else 0.' },
  journal_commits_total: { type: 'counter', labels: [], help: 'Groups of records that the journal has written.' },
  journal_records_total: { type: 'counter', labels: [], help: 'Records that the journal has written.' },
  journal_refused_rows_total: {
    type: 'counter',
    labels: [],
    help: 'Rows that could not be entered in the books; they are kept in the table refused_rows. Always 0 but for faults.',
  },
  journal_commit_wait_seconds: {
    type: 'histogram',
    labels: [],
    buckets: COMMIT_BUCKETS,
    help: "Time that a finished call's record waited for its commit.",
  },
  sink_lag_seconds: {
    type: 'gauge',
    labels: ['sink'],
    help: 'Age of the oldest event that waits for this sink; 0 where none does, and in processes that do not deliver to it.',
  },
  sink_delivered_total: { type: 'counter', labels: ['sink'], help: 'Events that a sink has taken.' },
  sink_failures_total: {
    type: 'counter',
    labels: ['sink'],
    help: 'Deliveries that failed and are tried again.',
  },
  sink_parked_total: {
    type: 'counter',
    labels: ['sink'],
    help: 'Events that a sink refused for good; they wait for an operator.',
  },
  sink_lost_records_total: {
    type: 'counter',
    labels: [],
    help: 'Records that were deleted, at the end of their longer retention, before every sink had them.',
  },
  alerts_total: { type: 'counter', labels: ['type'], help: 'Alerts that were published, each once.' },
  config_last_reload_successful: {
    type: 'gauge',
    labels: [],
    help: '1 if the last load of the configuration succeeded, 0 if the one before is still in force.',
  },
  config_last_reload_success_timestamp_seconds: {
    type: 'gauge',
    labels: [],
    help: 'When the configuration in force was loaded, in Unix seconds.',
  },
  build_info: { type: 'gauge', labels: ['version', 'node_version'], help: 'Always 1; the labels say what runs.' },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;
type NamesOf<Type extends MetricRow['type']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never;
}[MetricName];
export type CounterName = NamesOf<'counter'>;
export type GaugeName = NamesOf<'gauge'>;
export type HistogramName = NamesOf<'histogram'>;

/** Why a call to a metered endpoint has no usage, as `usage_missing_total` counts it. */
export const MISSING_REASONS = [
  'upstream_error',
  'upstream_cut',
  'client_left',
  'timed_out',
  'interrupted',
  'not_in_answer',
] as const;
export type MissingReason = (typeof MISSING_REASONS)[number];
