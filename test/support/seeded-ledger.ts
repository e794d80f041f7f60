import { systemClock } from '../../src/core/clock.ts';
import { createIdGenerator } from '../../src/core/ids.ts';
import { formatUsd } from '../../src/core/money.ts';
import { openJournal } from '../../src/ledger/journal.ts';
import type { CallRecord } from '../../src/ledger/record.ts';
import { makeCallRecord, makeFailedRecord, makeUsage } from './make-call-record.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';

export interface Seeding {
  readonly dataDir: string;
  /** The last calls end here. */
  readonly endMs: number;
  readonly days: number;
  /** Runs on a working day, over all teams. */
  readonly runsPerDay: number;
  readonly seed?: number;
}

interface SeedTeam {
  readonly team: string;
  readonly keyId: string;
  readonly agents: readonly string[];
  readonly models: readonly string[];
  readonly turns: readonly [number, number];
  readonly contextStep: number;
  readonly runName: string;
  /** How much of the work it does. */
  readonly weight: number;
}

const TEAMS: readonly SeedTeam[] = [
  {
    team: 'research',
    keyId: 'research-notebooks',
    agents: ['planner', 'researcher', 'critic'],
    models: ['gpt-5-mini-2026-02-01', 'gpt-5-2025-08-07'],
    turns: [5, 14],
    contextStep: 2_600,
    runName: 'survey',
    weight: 4,
  },
  {
    team: 'support',
    keyId: 'support-bot',
    agents: ['triage', 'support'],
    models: ['gpt-5-mini-2026-02-01', 'gpt-4.1-nano-2025-04-14'],
    turns: [2, 6],
    contextStep: 700,
    runName: 'ticket',
    weight: 5,
  },
  {
    team: 'platform',
    keyId: 'code-review',
    agents: ['reviewer'],
    models: ['gpt-5-2025-08-07', 'llama-3.3-70b'],
    turns: [3, 8],
    contextStep: 4_200,
    runName: 'review',
    weight: 2,
  },
];

/** Nano-dollars for a token: input, cached input, output. A model that is not here has no price. */
const NANO_PER_TOKEN: Readonly<Record<string, readonly [number, number, number]>> = {
  'gpt-5-mini-2026-02-01': [250, 25, 2_000],
  'gpt-5-2025-08-07': [1_250, 125, 10_000],
  'gpt-4.1-nano-2025-04-14': [100, 25, 400],
};

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const AT_ONCE = 500;

/**
 * Writes the books of some weeks of three teams and their agents, the same for the same seed, as a Metertap that has
 * been in use would have them: context that grows turn by turn, caches, children, sessions, failures, clients that left,
 * and a model without a price. Gives how many calls there are.
 */
export async function seedLedger(seeding: Seeding): Promise<number> {
  const { dataDir, endMs, days, runsPerDay } = seeding;
  const random = seededRandom(seeding.seed ?? 7);
  const records: CallRecord[] = [];
  for (let day = days - 1; day >= 0; day--) {
    const startMs = endMs - (day + 1) * DAY_MS;
    const isWeekend = [0, 6].includes(new Date(startMs + DAY_MS / 2).getUTCDay());
    const runs = Math.max(1, Math.round(runsPerDay * (isWeekend ? 0.3 : 1)));
    for (let n = 0; n < runs; n++)
      records.push(...runOf(random, pickTeam(random), startMs + momentOfDay(random), `${day}-${n}`));
  }
  records.push(...showcase(endMs - 9 * 60_000));
  const past = records.filter((record) => Date.parse(record.started_at) < endMs - 60_000);
  past.sort((a, b) => a.started_at.localeCompare(b.started_at));
  const nextId = createIdGenerator();
  const journal = await openJournal({ dataDir, synchronous: 'normal', instanceId: 'seeding', clock: systemClock });
  for (let from = 0; from < past.length; from += AT_ONCE) {
    const batch = past.slice(from, from + AT_ONCE);
    await Promise.all(batch.map((record) => journal.finish({ ...record, id: nextId(Date.parse(record.started_at)) })));
  }
  await journal.close();
  return past.length;
}

function pickTeam(random: SeededRandom): SeedTeam {
  return random.pick(TEAMS.flatMap((team) => Array.from({ length: team.weight }, () => team)));
}

/** More in working hours than at night. */
function momentOfDay(random: SeededRandom): number {
  const hour = random.between(1, 10) <= 8 ? random.between(7, 18) : random.between(0, 23);
  return hour * HOUR_MS + random.between(0, HOUR_MS - 1);
}

function runOf(random: SeededRandom, team: SeedTeam, startMs: number, name: string): CallRecord[] {
  const runId = `${team.runName}-${name}`;
  const sessionId = team.team === 'support' ? `shift-${new Date(startMs).toISOString().slice(0, 10)}` : null;
  const turns = random.between(...team.turns);
  const records: CallRecord[] = [];
  let atMs = startMs;
  let context = random.between(400, 1_200);
  for (let turn = 0; turn < turns; turn++) {
    const call = {
      team,
      runId,
      sessionId,
      agent: turn === 0 ? (team.agents[0] ?? 'agent') : random.pick(team.agents),
      model: turn % 4 === 3 ? random.pick(team.models) : (team.models[0] ?? ''),
      startMs: atMs,
      durationMs: random.between(900, 9_000),
      input: context,
      cached: turn === 0 ? 0 : Math.floor((context * random.between(50, 90)) / 100 / 128) * 128,
      output: random.between(60, 900),
      toolCalls: turn < turns - 1 ? random.between(0, 2) : 0,
    };
    const fate = random.between(1, 200);
    records.push(fate <= 3 ? failed(call) : fate <= 5 ? left(call) : completed(call));
    atMs += call.durationMs + random.between(50, 2_500);
    context += random.between(Math.floor(team.contextStep / 2), team.contextStep);
  }
  return records;
}

interface SeedCall {
  readonly team: SeedTeam;
  readonly runId: string;
  readonly parentRunId?: string;
  readonly sessionId: string | null;
  readonly agent: string;
  readonly model: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly toolCalls: number;
}

function completed(call: SeedCall): CallRecord {
  const price = NANO_PER_TOKEN[call.model];
  const cost =
    price === undefined
      ? null
      : (call.input - call.cached) * price[0] + call.cached * price[1] + call.output * price[2];
  return makeCallRecord(0, {
    ...identityOf(call),
    usage: makeUsage({
      input_tokens: call.input,
      cache_read_tokens: call.cached,
      output_tokens: call.output,
      reasoning_tokens: Math.floor(call.output / 3),
      tool_calls: call.toolCalls,
    }),
    usage_raw: {
      prompt_tokens: call.input,
      completion_tokens: call.output,
      total_tokens: call.input + call.output,
      prompt_tokens_details: { cached_tokens: call.cached },
    },
    cost_nano_usd: cost,
    cost_usd: cost === null ? null : formatUsd(cost),
    price_id: cost === null ? null : `openai/${call.model}`,
  });
}

function left(call: SeedCall): CallRecord {
  return { ...completed(call), ending: 'client_left', usage_source: 'estimated', usage_raw: null };
}

function failed(call: SeedCall): CallRecord {
  return makeFailedRecord(0, {
    ...identityOf(call),
    status: 503,
    error_code: 'overloaded',
    cost_usd: null,
    price_id: null,
  });
}

function identityOf(call: SeedCall): Partial<CallRecord> {
  return {
    started_at: new Date(call.startMs).toISOString(),
    ended_at: new Date(call.startMs + call.durationMs).toISOString(),
    duration_ms: call.durationMs,
    ttft_ms: Math.floor(call.durationMs / 4),
    team: call.team.team,
    key_id: call.team.keyId,
    run_id: call.runId,
    parent_run_id: call.parentRunId ?? null,
    session_id: call.sessionId,
    agent: call.agent,
    upstream: call.model.startsWith('gpt-') ? 'openai' : 'local-vllm',
    stream: true,
    request_model: call.model,
    response_model: call.model,
  };
}

/** A run that shows everything on one page: a planner, two children side by side, a failed call, and the summary. */
function showcase(startMs: number): CallRecord[] {
  const [team] = TEAMS;
  if (team === undefined) throw new Error('there is no team');
  const mini = 'gpt-5-mini-2026-02-01';
  const call = (
    given: Partial<SeedCall> & Pick<SeedCall, 'agent' | 'startMs' | 'durationMs' | 'input' | 'cached'>,
  ): SeedCall => ({
    team,
    runId: 'nightly-42',
    sessionId: 'research-2026-11',
    model: mini,
    output: 420,
    toolCalls: 1,
    ...given,
  });
  const own = [
    { agent: 'planner', at: 0, took: 6_200, input: 1_900, cached: 0 },
    { agent: 'researcher', at: 6_400, took: 4_100, input: 4_800, cached: 1_792 },
    { agent: 'researcher', at: 11_000, took: 5_300, input: 8_900, cached: 4_736 },
    { agent: 'researcher', at: 17_200, took: 7_800, input: 14_200, cached: 8_832 },
    { agent: 'planner', at: 52_000, took: 9_400, input: 19_600, cached: 13_952, model: 'gpt-5-2025-08-07' },
    {
      agent: 'writer',
      at: 62_000,
      took: 21_000,
      input: 24_100,
      cached: 19_584,
      output: 2_600,
      toolCalls: 0,
      model: 'gpt-5-2025-08-07',
    },
  ];
  const children = ['archives', 'press'].flatMap((name, index) =>
    [0, 1, 2, 3].map((turn) =>
      call({
        runId: `nightly-42/${name}`,
        parentRunId: 'nightly-42',
        agent: index === 0 ? 'archivist' : 'press-reader',
        startMs: startMs + 25_400 + index * 700 + turn * 6_300,
        durationMs: 4_200 + 600 * ((turn + index) % 3),
        input: 2_100 + turn * (3_100 + 900 * index),
        cached: turn === 0 ? 0 : 1_920 + (turn - 1) * 3_072,
      }),
    ),
  );
  const failure = call({ agent: 'researcher', startMs: startMs + 16_400, durationMs: 700, input: 0, cached: 0 });
  return [
    ...own.map(({ at, took, ...given }) => completed(call({ ...given, startMs: startMs + at, durationMs: took }))),
    ...children.map(completed),
    failed(failure),
  ];
}
