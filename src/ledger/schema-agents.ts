/**
 * `agent_day`: the days of agents, by all that `activity` knows but the runs and sessions, of which it has a row for
 * each. Made from `activity`, which is kept for ever. As in `user_day`, only calls that name an agent are in it: what
 * the others used is what `usage_day` has beyond it.
 */
const KEY = ['team', 'bucket_start', 'agent', 'key_id', 'upstream', 'model', 'usage_source'] as const;

/** What writing a call adds to. Frozen with this step, as all of it. */
export const SUMS_OF_AGENTS = [
  'records',
  'requests',
  'failed',
  'missing_usage',
  'estimated',
  'client_retries',
  'unpriced',
  'input_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'input_audio_tokens',
  'cache_audio_read_tokens',
  'input_image_tokens',
  'output_tokens',
  'reasoning_tokens',
  'output_audio_tokens',
  'accepted_prediction_tokens',
  'rejected_prediction_tokens',
  'total_tokens',
  'tool_calls',
  'cost_nano_usd',
  'cache_write_30m_tokens',
  'cache_write_12h_tokens',
  'cached_image_tokens',
  'output_image_tokens',
  'web_searches',
  'searching_requests',
  'units',
  'cost_input_nano_usd',
  'cost_cache_read_nano_usd',
  'cost_cache_write_nano_usd',
  'cost_output_nano_usd',
] as const;

/** Only corrections add to these. */
const CORRECTION_SUMS = ['corrections', 'priced_later', 'corrections_nano_usd'] as const;

const COLUMNS = [...KEY, ...SUMS_OF_AGENTS, ...CORRECTION_SUMS].join(', ');

export const SCHEMA_AGENTS = `
CREATE TABLE agent_day (
  team TEXT NOT NULL,
  bucket_start INTEGER NOT NULL,
  agent TEXT NOT NULL,
  key_id TEXT NOT NULL,
  upstream TEXT NOT NULL,
  model TEXT NOT NULL,
  usage_source TEXT NOT NULL,
  ${SUMS_OF_AGENTS.map((name) => `${name} INTEGER NOT NULL`).join(',\n  ')},
  ${CORRECTION_SUMS.map((name) => `${name} INTEGER NOT NULL DEFAULT 0`).join(',\n  ')},
  PRIMARY KEY (${KEY.join(', ')})
) STRICT, WITHOUT ROWID;
INSERT INTO agent_day (${COLUMNS})
  SELECT ${[...KEY, ...[...SUMS_OF_AGENTS, ...CORRECTION_SUMS].map((name) => `sum(${name})`)].join(', ')}
  FROM activity WHERE agent <> '' GROUP BY ${KEY.join(', ')};
`;
