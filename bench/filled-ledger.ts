import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Fills the ledger of a Metertap that does not run, with the records of completed calls and every table that follows
 * from them: roll-ups by minute, hour and day, activity, runs. All in SQL, since a million calls over HTTP take minutes.
 * What comes out is what Metertap itself would have written; `npm run bench:growth` asks it for its sums to see.
 */
export interface Filling {
  /** The file of a ledger that Metertap has made, and that has no records yet. */
  readonly file: string;
  readonly records: number;
  /** How many records each run has, one after the other. `run-0000000000000000` is the first run. */
  readonly recordsPerRun: number;
  readonly teams: number;
  readonly keysPerTeam: number;
  /** All records lie in between, evenly. Minute roll-ups are kept for 8 days: older ones would be deleted at the start. */
  readonly fromMs: number;
  readonly toMs: number;
  /** The team of the first of the teams; the others are called after their number. */
  readonly firstTeam: string;
}

/** What the ledger holds then. */
export interface Filled {
  readonly calls: number;
  readonly inputTokens: number;
}

const RECORDS_AT_ONCE = 250_000;
const INPUT_TOKENS = 1200;
const CACHE_KIB = 512 * 1024;
/** Crockford's base 32 (https://github.com/ulid/spec). */
const ID_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** What every record says alike, as SQL. */
const CONSTANTS: Readonly<Record<string, string>> = {
  schema: '1',
  duration_ms: '800',
  ttft_ms: '200',
  agent: `'planner'`,
  labels: `'{"cost_center":"4711"}'`,
  tags: `'{}'`,
  upstream: `'openai'`,
  endpoint: `'chat/completions'`,
  stream: '0',
  request_model: `'gpt-5-mini'`,
  response_model: `'gpt-5-mini-2026-02-01'`,
  service_tier: `'default'`,
  status: '200',
  ending: `'completed'`,
  client_retry: '0',
  usage_source: `'reported'`,
  input_tokens: String(INPUT_TOKENS),
  cache_read_tokens: '1024',
  cache_write_tokens: '0',
  input_audio_tokens: '0',
  cache_audio_read_tokens: '0',
  input_image_tokens: '0',
  output_tokens: '300',
  reasoning_tokens: '256',
  output_audio_tokens: '0',
  accepted_prediction_tokens: '0',
  rejected_prediction_tokens: '0',
  total_tokens: '1500',
  tool_calls: '0',
  details: `'{}'`,
  usage_raw: `'{"prompt_tokens":1200,"completion_tokens":300,"total_tokens":1500}'`,
  cost_nano_usd: '669600',
  instance_id: `'bench-filling'`,
};

const COUNTS = [
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
] as const;

/** What such records have none of. */
const NONE = [
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

/** What each record, completed and reported, adds to every roll-up. */
const SUMS: Readonly<Record<string, string>> = {
  records: 'count(*)',
  requests: 'count(*)',
  failed: '0',
  missing_usage: '0',
  estimated: '0',
  client_retries: '0',
  unpriced: '0',
  ...Object.fromEntries(COUNTS.map((name) => [name, `sum(${name})`])),
  ...Object.fromEntries(NONE.map((name) => [name, '0'])),
};

const BUCKETS = {
  usage_minute: 60_000,
  usage_hour: 3_600_000,
  usage_day: 86_400_000,
  agent_day: 86_400_000,
  activity: 86_400_000,
} as const;

/**
 * Fills the ledger.
 *
 * @param progress told what goes on, a line at a time
 * @throws Error where the ledger is not empty, or SQLite refuses what this file writes
 */
export async function fillLedger(filling: Filling, progress: (text: string) => void): Promise<Filled> {
  const database = new DatabaseSync(filling.file);
  try {
    database.exec(`PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -${CACHE_KIB}`);
    if (countOf(database) > 0) throw new Error(`${filling.file} has records already.`);
    const indexes = dropIndexes(database);
    const insert = database.prepare(insertRecords(filling));
    for (let first = 0; first < filling.records; first += RECORDS_AT_ONCE) {
      const count = Math.min(RECORDS_AT_ONCE, filling.records - first);
      insert.run({ first, count });
      progress(`${first + count} of ${filling.records} records`);
      await nextTurn(); // so that the signals that end the benchmark are heard
    }
    for (const [what, sql] of follow()) {
      progress(what);
      database.exec(sql);
      await nextTurn();
    }
    for (const sql of indexes) {
      progress(sql.split('\n', 1)[0] ?? '');
      database.exec(sql);
      await nextTurn();
    }
    database.exec('PRAGMA journal_mode = WAL');
    return { calls: filling.records, inputTokens: filling.records * INPUT_TOKENS };
  } finally {
    database.close();
  }
}

function countOf(database: DatabaseSync): number {
  const row = database.prepare('SELECT count(*) AS records FROM (SELECT 1 FROM records LIMIT 1)').get();
  return Number(row?.['records'] ?? 0);
}

/** Indexes are made faster at the end than kept up to date. Gives the SQL that makes them again. */
function dropIndexes(database: DatabaseSync): string[] {
  const tables = ['records', ...Object.keys(BUCKETS), 'runs'];
  const rows = database.prepare(
    `SELECT name, sql, tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL`,
  );
  return rows.all().flatMap((row) => {
    if (!tables.includes(String(row['tbl_name']))) return [];
    database.exec(`DROP INDEX ${String(row['name'])}`);
    return [String(row['sql'])];
  });
}

/** Ids say their time, as those of Metertap: retention goes by it, and would delete what seems to be older. */
function insertRecords({ records, recordsPerRun, teams, keysPerTeam, fromMs, toMs, firstTeam }: Filling): string {
  const stepMs = (toMs - fromMs) / records;
  const own: Readonly<Record<string, string>> = {
    id: `${timeOfId('started_ms')} || printf('%016d', n)`,
    started_at: isoTime('started_ms'),
    ended_at: isoTime('started_ms + 800'),
    team: `iif(run % ${teams} = 0, '${firstTeam}', 'team-' || (run % ${teams}))`,
    key_id: `'key-' || (run % ${teams}) || '-' || (run / ${teams} % ${keysPerTeam})`,
    run_id: `printf('run-%016d', run)`,
    upstream_id: `printf('chatcmpl-%020d', n)`,
    settlement: 'n + 1', // the order in which they ended
  };
  const columns = { ...CONSTANTS, ...own };
  return `
    WITH RECURSIVE numbers (n) AS (
      SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :first + :count
    ), calls AS (SELECT n, n / ${recordsPerRun} AS run, CAST(${fromMs} + n * ${stepMs} AS INTEGER) AS started_ms FROM numbers)
    INSERT INTO records (${Object.keys(columns).join(', ')}) SELECT ${Object.values(columns).join(', ')} FROM calls`;
}

/** The first ten characters of a ULID, as SQL. */
function timeOfId(ms: string): string {
  const digits = Array.from(
    { length: 10 },
    (_, at) => `substr('${ID_ALPHABET}', ((${ms} >> ${5 * (9 - at)}) & 31) + 1, 1)`,
  );
  return digits.join(' || ');
}

function isoTime(ms: string): string {
  return `strftime('%Y-%m-%dT%H:%M:%fZ', (${ms}) / 1000.0, 'unixepoch')`;
}

/** The tables that follow from the records: what is made, and how. */
function follow(): [string, string][] {
  const usage = (['usage_minute', 'usage_hour', 'usage_day'] as const).map((table): [string, string] => {
    const key = {
      team: 'team',
      bucket_start: bucketOf(table),
      key_id: 'key_id',
      upstream: 'upstream',
      endpoint: 'endpoint',
      model: 'response_model',
      service_tier: 'service_tier',
      usage_source: 'usage_source',
    };
    return [table, grouped(table, key, {})];
  });
  const activityKey = {
    team: 'team',
    bucket_start: bucketOf('activity'),
    session_id: `''`,
    run_id: 'run_id',
    key_id: 'key_id',
    upstream: 'upstream',
    model: 'response_model',
    agent: 'agent',
    usage_source: 'usage_source',
  };
  const agentKey = {
    team: 'team',
    bucket_start: bucketOf('agent_day'),
    agent: 'agent',
    key_id: 'key_id',
    upstream: 'upstream',
    model: 'response_model',
    usage_source: 'usage_source',
  };
  const runs = `
    INSERT INTO runs (team, run_id, labels, limits, started_at, last_activity_at, cost_nano_usd)
    SELECT team, run_id, '{}', '[]', min(started_at), max(ended_at), sum(cost_nano_usd) FROM records GROUP BY team, run_id`;
  return [
    ...usage,
    ['agent_day', grouped('agent_day', agentKey, {})],
    ['activity', grouped('activity', activityKey, { first_at: 'min(started_at)', last_at: 'max(ended_at)' })],
    ['runs', runs],
    ['run_calls', 'INSERT INTO run_calls (team, run_id, id) SELECT team, run_id, id FROM records ORDER BY 1, 2, 3'],
    ['run_calls_through', 'UPDATE run_calls_through SET settlement = (SELECT count(*) FROM records)'],
    ['settlement_counter', 'UPDATE settlement_counter SET last = (SELECT count(*) FROM records)'],
  ];
}

function bucketOf(table: keyof typeof BUCKETS): string {
  const seconds = BUCKETS[table] / 1000;
  return `unixepoch(started_at) / ${seconds} * ${BUCKETS[table]}`;
}

function grouped(table: string, key: Readonly<Record<string, string>>, span: Readonly<Record<string, string>>): string {
  const columns = { ...key, ...span, ...SUMS };
  return `INSERT INTO ${table} (${Object.keys(columns).join(', ')})
    SELECT ${Object.values(columns).join(', ')} FROM records
    GROUP BY ${Object.keys(key)
      .map((_, position) => position + 1)
      .join(', ')}`;
}
