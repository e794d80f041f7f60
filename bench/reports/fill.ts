import { createIdGenerator } from '../../src/core/ids.ts';
import { formatUsd } from '../../src/core/money.ts';
import { BatchWriter } from '../../src/ledger/batch-writer.ts';
import { emptyWriteAheadLog, makeFolder, openDatabase } from '../../src/ledger/database.ts';
import type { CallRecord } from '../../src/ledger/record.ts';
import { columnsOfRecord } from '../../src/ledger/record-columns.ts';

export interface FillOptions {
  readonly dataDir: string;
  readonly records: number;
  readonly days: number;
  /** The last of the days ends here. */
  readonly endMs: number;
  readonly progress: (written: number) => void;
}

/** What the calls were of. */
export const TEAMS = 20;
const KEYS_OF_TEAM = 3;
const USERS = 2_000;
const CALLS_OF_RUN = 8;
const RUNS_OF_SESSION = 3;
const MODELS = ['gpt-5-mini-2026-02-01', 'gpt-5-2025-08-07', 'gpt-5.2-2025-12-11', 'gpt-4o-2024-08-06'] as const;
const TIERS = ['default', 'default', 'default', 'flex'] as const;
const AGENTS = ['planner', 'coder', 'reviewer', null] as const;
/** As the journal does under load. */
const BATCH_ROWS = 2_000;
const DAY_MS = 86_400_000;

/** The run that the report of one run is asked for. */
export const SAMPLE_RUN = { team: 'team-7', runId: 'run-7' };

/** Fills an empty ledger through the journal's own batch writer, so that its roll-ups are what they would be. */
export function fillLedger({ dataDir, records, days, endMs, progress }: FillOptions): void {
  makeFolder(dataDir);
  const database = openDatabase({ dataDir, synchronous: 'normal', maxDatabaseBytes: null });
  try {
    const writer = new BatchWriter(database, 'bench');
    const nextId = createIdGenerator();
    const next = numbersFrom(20261122);
    const startMs = endMs - days * DAY_MS;
    for (let written = 0; written < records; ) {
      const rows = [];
      for (const end = Math.min(written + BATCH_ROWS, records); written < end; written++) {
        const startedMs = startMs + Math.floor((written / records) * days * DAY_MS);
        const record = recordOf(written, { id: nextId(startedMs), startedMs, next });
        rows.push({ sequence: written, step: 'finish' as const, columns: columnsOfRecord(record) });
      }
      const unwritten = writer.write(rows);
      if (unwritten.length > 0) throw new Error(`${unwritten.length} rows were not written: ${unwritten[0]?.message}`);
      progress(written);
    }
    emptyWriteAheadLog(database);
  } finally {
    database.close();
  }
}

interface Draw {
  readonly id: string;
  readonly startedMs: number;
  readonly next: (below: number) => number;
}

/** Runs overlap: a hundred of them go on at a time, each for `CALLS_OF_RUN` calls. */
function recordOf(n: number, { id, startedMs, next }: Draw): CallRecord {
  const run = Math.floor(n / (100 * CALLS_OF_RUN)) * 100 + (n % 100);
  const team = run % TEAMS;
  const input = 200 + next(4_000);
  const cached = next(3) === 0 ? Math.floor(input / 2) : 0;
  const output = 20 + next(800);
  const parts = { input: (input - cached) * 250, cached: cached * 25, output: output * 2_000 };
  const costNanoUsd = parts.input + parts.cached + parts.output;
  const model = MODELS[run % MODELS.length] ?? null;
  const durationMs = 300 + next(9_000);
  return {
    id,
    schema: 1,
    started_at: new Date(startedMs).toISOString(),
    ended_at: new Date(startedMs + durationMs).toISOString(),
    duration_ms: durationMs,
    ttft_ms: 250,
    team: `team-${team}`,
    key_id: `key-${team}-${run % KEYS_OF_TEAM}`,
    run_id: `run-${run}`,
    parent_run_id: null,
    session_id: `session-${Math.floor(run / (100 * RUNS_OF_SESSION))}-${run % 100}`,
    agent: AGENTS[n % AGENTS.length] ?? null,
    // A run is of one user; every other team names its users.
    user: team % 2 === 0 ? `user-${(run * 7919) % USERS}` : null,
    trace_id: null,
    labels: { cost_center: `${4_700 + team}` },
    tags: {},
    upstream: 'openai',
    endpoint: run % 5 === 0 ? 'responses' : 'chat/completions',
    stream: true,
    request_model: model,
    response_model: model,
    service_tier: TIERS[run % TIERS.length] ?? null,
    status: 200,
    ending: 'completed',
    error_code: null,
    client_retry: 0,
    retry_of: null,
    upstream_id: `chatcmpl-${n}`,
    usage_source: 'reported',
    usage: {
      input_tokens: input,
      cache_read_tokens: cached,
      cache_write_tokens: 0,
      input_audio_tokens: 0,
      cache_audio_read_tokens: 0,
      input_image_tokens: 0,
      output_tokens: output,
      reasoning_tokens: Math.floor(output / 3),
      output_audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
      total_tokens: input + output,
      tool_calls: next(3),
      details: {},
    },
    usage_raw: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
    cost_nano_usd: costNanoUsd,
    cost_usd: formatUsd(costNanoUsd),
    price_id: 'openai/gpt-5-mini@2026-02-01',
    cost_reported_usd: null,
    cost_input_nano_usd: parts.input,
    cost_cache_read_nano_usd: parts.cached,
    cost_cache_write_nano_usd: 0,
    cost_output_nano_usd: parts.output,
    units: null,
  };
}

/** The same numbers each time (a linear congruential generator; its upper bits). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
