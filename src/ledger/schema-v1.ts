/**
 * The first schema. Frozen: what comes later is a migration of its own.
 *
 * - `records` has the members of the record as columns (contract.md, "The record"); `instance_id` says which process
 *   wrote the row first, so that its open calls can be closed when it has died.
 * - Secondary indexes are few, because each costs as much as the row itself (performance.md): the calls of a team, so
 *   that its pages do not cost reads of all others', the calls of a run, the open calls, and Responses objects by their
 *   own id. The last two are partial, and small.
 * - The roll-ups keep '' for "none", because a primary key cannot hold null. Times of buckets are Unix milliseconds.
 * - `team` leads every key, so that the same tables can be distributed by team (design.md, "What outgrows one machine").
 */
const SUMS = `
  records INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  missing_usage INTEGER NOT NULL,
  estimated INTEGER NOT NULL,
  client_retries INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  input_audio_tokens INTEGER NOT NULL,
  cache_audio_read_tokens INTEGER NOT NULL,
  input_image_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  output_audio_tokens INTEGER NOT NULL,
  accepted_prediction_tokens INTEGER NOT NULL,
  rejected_prediction_tokens INTEGER NOT NULL,
  total_tokens INTEGER NOT NULL,
  tool_calls INTEGER NOT NULL,
  cost_nano_usd INTEGER NOT NULL`;

const RECORDS = `
CREATE TABLE records (
  id TEXT PRIMARY KEY NOT NULL,
  schema INTEGER NOT NULL,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  duration_ms INTEGER,
  ttft_ms INTEGER,
  team TEXT NOT NULL,
  key_id TEXT NOT NULL,
  run_id TEXT,
  parent_run_id TEXT,
  session_id TEXT,
  agent TEXT,
  "user" TEXT,
  trace_id TEXT,
  labels TEXT NOT NULL,
  tags TEXT NOT NULL,
  upstream TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  stream INTEGER NOT NULL,
  request_model TEXT,
  response_model TEXT,
  service_tier TEXT,
  status INTEGER,
  ending TEXT NOT NULL,
  error_code TEXT,
  client_retry INTEGER NOT NULL,
  retry_of TEXT,
  upstream_id TEXT,
  usage_source TEXT NOT NULL,
  input_tokens INTEGER,
  cache_read_tokens INTEGER,
  cache_write_tokens INTEGER,
  input_audio_tokens INTEGER,
  cache_audio_read_tokens INTEGER,
  input_image_tokens INTEGER,
  output_tokens INTEGER,
  reasoning_tokens INTEGER,
  output_audio_tokens INTEGER,
  accepted_prediction_tokens INTEGER,
  rejected_prediction_tokens INTEGER,
  total_tokens INTEGER,
  tool_calls INTEGER,
  details TEXT,
  usage_raw TEXT,
  cost_nano_usd INTEGER,
  cost_usd TEXT GENERATED ALWAYS AS (
    iif(cost_nano_usd < 0, '-', '') || printf('%d.%09d', abs(cost_nano_usd) / 1000000000, abs(cost_nano_usd) % 1000000000)
  ) VIRTUAL,
  price_id TEXT,
  cost_reported_usd TEXT,
  instance_id TEXT NOT NULL
) STRICT;
CREATE INDEX records_by_team ON records (team, id);
CREATE INDEX records_by_run ON records (team, run_id, id) WHERE run_id IS NOT NULL;
CREATE INDEX records_open ON records (team, run_id) WHERE ending IN ('in_flight', 'queued');
CREATE INDEX records_by_response ON records (upstream_id)
  WHERE upstream_id IS NOT NULL AND endpoint IN ('responses', 'responses/compact');
`;

const USAGE = ['usage_minute', 'usage_hour', 'usage_day'].map(
  (table) => `
CREATE TABLE ${table} (
  team TEXT NOT NULL,
  bucket_start INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  upstream TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  service_tier TEXT NOT NULL,
  usage_source TEXT NOT NULL,${SUMS},
  PRIMARY KEY (team, bucket_start, key_id, upstream, endpoint, model, service_tier, usage_source)
) STRICT, WITHOUT ROWID;
`,
);

const ACTIVITY = `
CREATE TABLE activity (
  team TEXT NOT NULL,
  bucket_start INTEGER NOT NULL,
  session_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  upstream TEXT NOT NULL,
  model TEXT NOT NULL,
  agent TEXT NOT NULL,
  usage_source TEXT NOT NULL,
  first_at TEXT NOT NULL,
  last_at TEXT NOT NULL,${SUMS},
  PRIMARY KEY (team, bucket_start, session_id, run_id, key_id, upstream, model, agent, usage_source)
) STRICT, WITHOUT ROWID;
CREATE INDEX activity_by_run ON activity (team, run_id) WHERE run_id <> '';
CREATE INDEX activity_by_session ON activity (session_id, team) WHERE session_id <> '';
`;

const RUNS = `
CREATE TABLE runs (
  team TEXT NOT NULL,
  run_id TEXT NOT NULL,
  parent_run_id TEXT,
  session_id TEXT,
  labels TEXT NOT NULL,
  limits TEXT NOT NULL,
  declared_at TEXT,
  started_at TEXT,
  last_activity_at TEXT NOT NULL,
  cost_nano_usd INTEGER NOT NULL,
  PRIMARY KEY (team, run_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_activity ON runs (team, last_activity_at DESC, run_id);
CREATE INDEX runs_by_cost ON runs (team, cost_nano_usd DESC, run_id);
CREATE INDEX runs_by_parent ON runs (team, parent_run_id) WHERE parent_run_id IS NOT NULL;
CREATE INDEX runs_by_session ON runs (session_id, team) WHERE session_id IS NOT NULL;
`;

/** From when on a table has everything: what is older has been deleted, or is about to be. */
const KEPT_FROM = `
CREATE TABLE kept_from (
  table_name TEXT PRIMARY KEY NOT NULL,
  from_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

export const SCHEMA_V1 = [RECORDS, ...USAGE, ACTIVITY, RUNS, KEPT_FROM].join('');
