/**
 * Calls without an end stand apart from `records`, so that a call is written there once, with its end, and the indexes
 * are written once too. What such a call has is one JSON array in the order of `RECORD_COLUMNS` (`row-lines.ts`); what
 * calls are looked up by has columns. The table is as small as there are calls open. Background responses are no part of
 * it: while they are `queued` they are found by their own id, in `records`.
 *
 * The list is frozen with this step. A call in flight has nothing but null in the columns that come after it.
 */
const COLUMNS_OF_OPEN_CALLS = [
  'id',
  'schema',
  'started_at',
  'ended_at',
  'duration_ms',
  'ttft_ms',
  'team',
  'key_id',
  'run_id',
  'parent_run_id',
  'session_id',
  'agent',
  'user',
  'trace_id',
  'labels',
  'tags',
  'upstream',
  'endpoint',
  'stream',
  'request_model',
  'response_model',
  'service_tier',
  'status',
  'ending',
  'error_code',
  'client_retry',
  'retry_of',
  'upstream_id',
  'usage_source',
].map((name) => `"${name}"`);

const IN_FLIGHT = `records INDEXED BY records_open WHERE ending IN ('in_flight', 'queued') AND ending = 'in_flight'`;

export const SCHEMA_OPEN_CALLS = `
CREATE TABLE open_calls (
  id TEXT PRIMARY KEY NOT NULL,
  team TEXT NOT NULL,
  run_id TEXT,
  instance_id TEXT NOT NULL,
  "values" TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX open_calls_by_run ON open_calls (team, run_id);
INSERT INTO open_calls (id, team, run_id, instance_id, "values")
  SELECT id, team, run_id, instance_id, json_array(${COLUMNS_OF_OPEN_CALLS.join(', ')}) FROM ${IN_FLIGHT};
DELETE FROM ${IN_FLIGHT};
`;
