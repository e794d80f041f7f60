import type { DatabaseSync } from 'node:sqlite';

/**
 * Everything here is frozen with the step itself, its SQL too: what a record adds to a sum may change later, the past
 * was summed as it stands here.
 */
const KNOWN = `(usage_source <> 'missing' AND input_tokens IS NOT NULL)`;
const FAILED = `(NOT ${KNOWN} AND ending IN ('upstream_error', 'upstream_cut', 'timed_out'))`;
const MAX_COUNT = 1e12;

const token = (name: string): readonly [string, string] => [name, `iif(${KNOWN}, ${name}, 0)`];

/** The sums that there were, each with what one record adds to it. */
const OLD_SUMS = [
  ['records', '1'],
  ['requests', `(${KNOWN} OR ending = 'completed')`],
  ['failed', FAILED],
  ['missing_usage', `(NOT ${KNOWN} AND NOT ${FAILED})`],
  ['estimated', `(usage_source = 'estimated')`],
  ['client_retries', '(client_retry > 0)'],
  ['unpriced', `(${KNOWN} AND cost_nano_usd IS NULL)`],
  token('input_tokens'),
  token('cache_read_tokens'),
  token('cache_write_tokens'),
  token('input_audio_tokens'),
  token('cache_audio_read_tokens'),
  token('input_image_tokens'),
  token('output_tokens'),
  token('reasoning_tokens'),
  token('output_audio_tokens'),
  token('accepted_prediction_tokens'),
  token('rejected_prediction_tokens'),
  token('total_tokens'),
  token('tool_calls'),
  ['cost_nano_usd', 'coalesce(cost_nano_usd, 0)'],
] as const satisfies readonly (readonly [string, string])[];

const WEB_SEARCHES = detail('web_search_requests', 'server_tool_use_web_search_requests', 'num_search_queries');

/** What this step adds to every table of sums. */
const NEW_SUMS = [
  ['cache_write_30m_tokens', detail('cache_write_30m_tokens')],
  ['cache_write_12h_tokens', detail('cache_write_12h_tokens')],
  ['cached_image_tokens', detail('cached_image_tokens')],
  ['output_image_tokens', detail('output_image_tokens')],
  ['web_searches', WEB_SEARCHES],
  ['searching_requests', `(${WEB_SEARCHES} > 0)`],
  ['units', `iif(${KNOWN} OR ending = 'completed', coalesce(units, 0), 0)`],
  money('cost_input_nano_usd'),
  money('cost_cache_read_nano_usd'),
  money('cost_cache_write_nano_usd'),
  money('cost_output_nano_usd'),
] as const;

/** Costs of the schemas before were never split. */
function money(name: string): readonly [string, string] {
  return [name, `coalesce(${name}, 0)`];
}

function detail(...spellings: readonly string[]): string {
  const cases = spellings.map((spelling) => {
    const value = `json_extract(details, '$.${spelling}')`;
    const isCount = `json_type(details, '$.${spelling}') = 'integer' AND ${value} BETWEEN 0 AND ${MAX_COUNT}`;
    return `WHEN json_type(details, '$.${spelling}') IS NOT NULL THEN iif(${isCount}, ${value}, 0)`;
  });
  return `iif(${KNOWN} AND details <> '{}', CASE ${cases.join(' ')} ELSE 0 END, 0)`;
}

const DAY_MS = 86_400_000;
const BUCKETED_MS = { usage_minute: 60_000, usage_hour: 3_600_000, usage_day: DAY_MS, activity: DAY_MS } as const;
const USAGE_DIMENSIONS = ['key_id', 'upstream', 'endpoint', 'model', 'service_tier', 'usage_source'] as const;
const ACTIVITY_DIMENSIONS = ['session_id', 'run_id', 'key_id', 'upstream', 'model', 'agent', 'usage_source'] as const;
const ENDED = `ending NOT IN ('in_flight', 'queued')`;

/**
 * What the organization's usage API tells and the schemas before did not sum (standards.md 1.1): cache writes by how
 * long they live, cached and made images, web searches, `units`, what of a cost was for which tokens; and `user_day`,
 * the days of end users.
 *
 * The new columns and `user_day` are filled from the records that are still kept. `user_day` has only calls that name a
 * user; the others' sums are what `usage_day` has beyond it.
 */
export function addUsageDimensions(database: DatabaseSync): void {
  for (const name of ['cost_input', 'cost_cache_read', 'cost_cache_write', 'cost_output']) {
    database.exec(`ALTER TABLE records ADD COLUMN ${name}_nano_usd INTEGER`);
  }
  database.exec('ALTER TABLE records ADD COLUMN units INTEGER');
  database.exec(`UPDATE records SET units = CAST(round(json_extract(details, '$.seconds')) AS INTEGER)
    WHERE endpoint IN ('audio/transcriptions', 'audio/translations')
      AND json_extract(details, '$.seconds') BETWEEN 0 AND 1e9`);
  for (const table of ['usage_minute', 'usage_hour', 'usage_day', 'activity'] as const) {
    for (const [name] of NEW_SUMS) database.exec(`ALTER TABLE ${table} ADD COLUMN ${name} INTEGER NOT NULL DEFAULT 0`);
    fillSums(database, table);
  }
  createUserDays(database);
  fillUserDays(database);
}

/** Most records have no details: only the others can add anything to the new sums. */
function fillSums(database: DatabaseSync, table: keyof typeof BUCKETED_MS): void {
  const dimensions = ['team', ...(table === 'activity' ? ACTIVITY_DIMENSIONS : USAGE_DIMENSIONS)];
  const columns = [...dimensions.map(dimensionSql), ...NEW_SUMS.map(([name, sql]) => `sum(${sql}) AS ${name}`)];
  const key = ['bucket_start', ...dimensions];
  database.exec(`UPDATE ${table} SET ${NEW_SUMS.map(([name]) => `${name} = found.${name}`).join(', ')}
    FROM (SELECT ${startSql(BUCKETED_MS[table])} AS bucket_start, ${columns.join(', ')} FROM records
      WHERE ${ENDED} AND (details <> '{}' OR units IS NOT NULL)
      GROUP BY ${key.map((_, at) => at + 1).join(', ')}) AS found
    WHERE ${key.map((name) => `${table}.${name} = found.${name}`).join(' AND ')}`);
}

function createUserDays(database: DatabaseSync): void {
  database.exec(`CREATE TABLE user_day (
    team TEXT NOT NULL,
    bucket_start INTEGER NOT NULL,
    user TEXT NOT NULL,
    ${USAGE_DIMENSIONS.map((name) => `${name} TEXT NOT NULL`).join(', ')},
    ${[...OLD_SUMS, ...NEW_SUMS].map(([name]) => `${name} INTEGER NOT NULL`).join(', ')},
    PRIMARY KEY (team, bucket_start, user, ${USAGE_DIMENSIONS.join(', ')})
  ) STRICT, WITHOUT ROWID`);
}

function fillUserDays(database: DatabaseSync): void {
  const key = ['team', 'user', ...USAGE_DIMENSIONS];
  const sums = [...OLD_SUMS, ...NEW_SUMS];
  database.exec(`INSERT INTO user_day (bucket_start, ${[...key, ...sums.map(([name]) => name)].join(', ')})
    SELECT ${startSql(DAY_MS)}, ${key.map(dimensionSql).join(', ')}, ${sums.map(([, sql]) => `sum(${sql})`).join(', ')}
    FROM records WHERE ${ENDED} AND user <> ''
    GROUP BY ${['', ...key].map((_, at) => at + 1).join(', ')}`);
}

function startSql(bucketMs: number): string {
  return `unixepoch(started_at) * 1000 / ${bucketMs} * ${bucketMs}`;
}

function dimensionSql(name: string): string {
  return name === 'model'
    ? `coalesce(nullif(response_model, ''), request_model, '') AS model`
    : `coalesce("${name}", '') AS "${name}"`;
}
