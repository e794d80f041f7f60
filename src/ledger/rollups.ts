import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EndedCall } from './ended-call.ts';
import { RecentRows } from './recent-rows.ts';
import type { ColumnValue } from './record-columns.ts';
import { MONEY_SUM_NAMES, MOST_NANO_USD, WRITTEN_SUM_NAMES } from './sums.ts';
import { Tally } from './tally.ts';

/**
 * The roll-ups of one batch: calls are added up in memory first, so that a batch of hundreds of calls writes a handful
 * of roll-up rows, and then added to the tables in the transaction that writes the calls themselves.
 *
 * A call is summed under the time at which it began.
 */
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** The tables by time bucket, and how long a bucket is. */
export const BUCKET_MS = {
  usage_minute: MINUTE_MS,
  usage_hour: HOUR_MS,
  usage_day: DAY_MS,
  user_day: DAY_MS,
  agent_day: DAY_MS,
  activity: DAY_MS,
} as const;

export const USAGE_KEY = [
  'team',
  'bucket_start',
  'key_id',
  'upstream',
  'endpoint',
  'model',
  'service_tier',
  'usage_source',
] as const;

/**
 * The days of end users stand apart: with the user in its key, `usage_day` would have a row for every one of them, and
 * each report would read them all. `activity` would not do either: it has a row for every run, which are more still.
 * Only calls that name a user are in it, so that it costs the others nothing; what they used is what `usage_day` has
 * beyond it.
 */
export const USER_KEY = [
  'team',
  'bucket_start',
  'user',
  'key_id',
  'upstream',
  'endpoint',
  'model',
  'service_tier',
  'usage_source',
] as const;

/** The days of agents stand apart for the same reasons, and in the same way. */
export const AGENT_KEY = ['team', 'bucket_start', 'agent', 'key_id', 'upstream', 'model', 'usage_source'] as const;

export const ACTIVITY_KEY = [
  'team',
  'bucket_start',
  'session_id',
  'run_id',
  'key_id',
  'upstream',
  'model',
  'agent',
  'usage_source',
] as const;

const ACTIVITY_SPAN = ['first_at', 'last_at'] as const;

interface Entry {
  readonly key: ColumnValue[];
  readonly tally: Tally;
}
interface ActivityEntry extends Entry {
  firstAt: string;
  lastAt: string;
}

/** The rows that one call is added to. */
interface Places {
  readonly call: EndedCall;
  readonly minute: Entry;
  /** Null where the call names no user. */
  readonly user: Entry | null;
  readonly activity: ActivityEntry;
}

/** What a call has that adds nothing. */
const NOTHING: readonly number[] = WRITTEN_SUM_NAMES.map(() => 0);

/** Adds up calls, for one batch. */
export class RollupBatch {
  readonly minutes = new Map<string, Entry>();
  readonly users = new Map<string, Entry>();
  readonly activity = new Map<string, ActivityEntry>();
  /** Those of the last call of each run: most calls of a run are alike, and comparing costs less than a key of all that. */
  readonly #byRun = new Map<string, Places>();

  add(call: EndedCall): void {
    let places = this.#byRun.get(call.runId);
    if (places === undefined || !areAlike(places.call, call)) {
      places = this.#placesOf(call);
      this.#byRun.set(call.runId, places);
    }
    const { minute, user, activity } = places;
    minute.tally.add(call.addends);
    user?.tally.add(call.addends);
    activity.tally.add(call.addends);
    if (call.firstAt < activity.firstAt) activity.firstAt = call.firstAt;
    if (call.lastAt > activity.lastAt) activity.lastAt = call.lastAt;
  }

  #placesOf(call: EndedCall): Places {
    const { team, keyId, upstream, endpoint, model, serviceTier, usageSource } = call;
    const dayMs = floorTo(call.startedMs, DAY_MS);
    const usage = [keyId, upstream, endpoint, model, serviceTier, usageSource];
    return {
      call,
      minute: entryOf(this.minutes, [team, floorTo(call.startedMs, MINUTE_MS), ...usage]),
      user: call.user === '' ? null : entryOf(this.users, [team, dayMs, call.user, ...usage]),
      activity: this.#activityOf(call, dayMs),
    };
  }

  #activityOf(call: EndedCall, dayMs: number): ActivityEntry {
    const { team, sessionId, runId, keyId, upstream, model, agent, usageSource } = call;
    const key = [team, dayMs, sessionId, runId, keyId, upstream, model, agent, usageSource];
    const text = key.join('\0');
    const known = this.activity.get(text);
    if (known !== undefined) return known;
    const entry = { key, tally: new Tally(NOTHING), firstAt: call.firstAt, lastAt: call.lastAt };
    this.activity.set(text, entry);
    return entry;
  }
}

/** Whether two calls of runs of one name are added to the same rows. */
function areAlike(a: EndedCall, b: EndedCall): boolean {
  return (
    a.team === b.team &&
    a.model === b.model &&
    a.agent === b.agent &&
    a.keyId === b.keyId &&
    a.user === b.user &&
    a.sessionId === b.sessionId &&
    a.upstream === b.upstream &&
    a.endpoint === b.endpoint &&
    a.serviceTier === b.serviceTier &&
    a.usageSource === b.usageSource &&
    floorTo(a.startedMs, MINUTE_MS) === floorTo(b.startedMs, MINUTE_MS)
  );
}

/** The activity of agents without its runs and sessions: made once for a batch, so that calls cost nothing more. */
function agentDays(activity: ReadonlyMap<string, ActivityEntry>): Map<string, Entry> {
  const days = new Map<string, Entry>();
  for (const { key, tally } of activity.values()) {
    const [team = '', bucketStart = 0, , , keyId = '', upstream = '', model = '', agent = '', usageSource = ''] = key;
    if (agent === '') continue;
    entryOf(days, [team, bucketStart, agent, keyId, upstream, model, usageSource]).tally.addTally(tally);
  }
  return days;
}

/** The roll-ups that `usage_recent` stands before. */
const BY_TIME = ['usage_minute', 'usage_hour', 'usage_day'] as const;

/**
 * Writes batches of roll-ups through prepared statements.
 *
 * They are written in two steps: a batch adds rows at the end of `usage_recent`, `user_recent`, `agent_recent` and
 * `activity_recent`, and what many batches have put there is moved to where it belongs. Calls with thousands of keys,
 * users or runs would otherwise write rows all over those tables.
 */
export class RollupWriter {
  readonly #usage: RecentMove;
  readonly #users: RecentMove;
  readonly #agents: RecentMove;
  readonly #activity: RecentMove;

  constructor(database: DatabaseSync) {
    this.#usage = new RecentMove(database, 'usage_recent');
    this.#users = new RecentMove(database, 'user_recent');
    this.#agents = new RecentMove(database, 'agent_recent');
    this.#activity = new RecentMove(database, 'activity_recent');
  }

  /** What was added and is not in the roll-ups yet. */
  get recent(): readonly RecentMove[] {
    return [this.#usage, this.#users, this.#agents, this.#activity];
  }

  /** Adds the batch to the tables. Must be called inside the batch's transaction. */
  write(batch: RollupBatch): void {
    for (const { key, tally } of batch.minutes.values()) this.#usage.add(...key, ...tally.values());
    for (const { key, tally } of batch.users.values()) this.#users.add(...key, ...tally.values());
    for (const { key, tally } of agentDays(batch.activity).values()) this.#agents.add(...key, ...tally.values());
    for (const { key, firstAt, lastAt, tally } of batch.activity.values()) {
      this.#activity.add(...key, firstAt, lastAt, ...tally.values());
    }
  }
}

const RECENT = {
  usage_recent: { tables: BY_TIME, key: USAGE_KEY, span: [] },
  user_recent: { tables: ['user_day'], key: USER_KEY, span: [] },
  agent_recent: { tables: ['agent_day'], key: AGENT_KEY, span: [] },
  activity_recent: { tables: ['activity'], key: ACTIVITY_KEY, span: ACTIVITY_SPAN },
} as const;

/** What most calls add to. The other sums, two thirds of all, are only moved where there is any. */
const USUAL_SUMS: ReadonlySet<string> = new Set([
  'records',
  'requests',
  'input_tokens',
  'cache_read_tokens',
  'output_tokens',
  'reasoning_tokens',
  'total_tokens',
  'tool_calls',
  'cost_nano_usd',
  'cost_input_nano_usd',
  'cost_cache_read_nano_usd',
  'cost_output_nano_usd',
] satisfies (typeof WRITTEN_SUM_NAMES)[number][]);
const OTHER_SUMS = WRITTEN_SUM_NAMES.filter((name) => !USUAL_SUMS.has(name));
const MONEY_SUMS: ReadonlySet<string> = new Set(MONEY_SUM_NAMES);
/** As many rows of so much as are ever moved together, and far more, add up within 64 bits. */
const VAST_NANO_USD = 100_000_000_000_000n;
/** What is vast is added up in two parts. */
const PART_NANO_USD = 1_000_000_000n;

/** What is moved of the sums: those that most calls add to, all, or all where the sum of some may be beyond 64 bits. */
type MoveKind = 'usual' | 'all' | 'vast';

/** What was added of late to some roll-ups, on its way there. */
class RecentMove {
  readonly #rows: RecentRows;
  readonly #insert: StatementSync;
  readonly #findUnusual: StatementSync;
  readonly #findVast: StatementSync;
  readonly #moves: Readonly<Record<MoveKind, readonly StatementSync[]>>;

  constructor(database: DatabaseSync, table: keyof typeof RECENT) {
    const { tables, key, span } = RECENT[table];
    this.#rows = new RecentRows(database, table);
    this.#insert = database.prepare(insertion(table, [...key, ...span, ...WRITTEN_SUM_NAMES]));
    this.#findUnusual = database.prepare(`SELECT 1 FROM ${table} WHERE (${OTHER_SUMS.join(' | ')}) <> 0 LIMIT 1`);
    this.#findVast = database.prepare(`SELECT 1 FROM ${table} WHERE cost_nano_usd > ${VAST_NANO_USD} LIMIT 1`);
    const moves = (kind: MoveKind): StatementSync[] =>
      tables.map((into) => database.prepare(moveOfRecent({ from: table, into, kind })));
    this.#moves = { usual: moves('usual'), all: moves('all'), vast: moves('vast') };
  }

  /** As many as are to be written. */
  get rows(): number {
    return this.#rows.count * this.#moves.usual.length;
  }

  add(...values: readonly (ColumnValue | bigint)[]): void {
    this.#insert.run(...values);
  }

  /** Moves all to where it belongs. Must be called inside a transaction. */
  move(): 'all' {
    for (const move of this.#moves[this.#kind()]) move.run();
    this.#rows.clear();
    return 'all';
  }

  #kind(): MoveKind {
    if (this.#findVast.get() !== undefined) return 'vast';
    return this.#findUnusual.get() === undefined ? 'usual' : 'all';
  }
}

/** Start of the bucket that a moment is in; both in Unix milliseconds. */
export function floorTo(ms: number, bucketMs: number): number {
  return Math.floor(ms / bucketMs) * bucketMs;
}

function entryOf(entries: Map<string, Entry>, key: ColumnValue[]): Entry {
  const text = key.join('\0');
  const known = entries.get(text);
  if (known !== undefined) return known;
  const entry = { key, tally: new Tally(NOTHING) };
  entries.set(text, entry);
  return entry;
}

function insertion(table: string, columns: readonly string[]): string {
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
}

interface MoveOfRecent {
  readonly from: keyof typeof RECENT;
  readonly into: keyof typeof BUCKET_MS;
  /** Sums that are not moved are nothing in all rows. */
  readonly kind: MoveKind;
}

/** In the order of the table, so that neighbours are written one after the other. */
function moveOfRecent({ from, into, kind }: MoveOfRecent): string {
  const { key, span } = RECENT[from];
  const bucketMs = BUCKET_MS[into];
  const columns = key.map((name) => (name === 'bucket_start' ? `bucket_start / ${bucketMs} * ${bucketMs}` : name));
  const spanColumns = span.length === 0 ? [] : ['min(first_at)', 'max(last_at)'];
  const isMoved = (name: string): boolean => kind !== 'usual' || USUAL_SUMS.has(name);
  const sumOf = (name: string): string => (kind === 'vast' && MONEY_SUMS.has(name) ? vastSum(name) : `sum(${name})`);
  const sums = WRITTEN_SUM_NAMES.map((name) => (isMoved(name) ? sumOf(name) : '0'));
  return `INSERT INTO ${into} (${[...key, ...span, ...WRITTEN_SUM_NAMES].join(', ')})
    SELECT ${[...columns, ...spanColumns, ...sums].join(', ')} FROM ${from}
    GROUP BY ${key.map((_, at) => at + 1).join(', ')} ${addingConflict(key, span.length > 0, isMoved)}`;
}

function vastSum(name: string): string {
  const high = `sum(${name} / ${PART_NANO_USD})`;
  const low = `sum(${name} % ${PART_NANO_USD})`;
  return `iif(${high} >= ${MOST_NANO_USD / PART_NANO_USD}, ${MOST_NANO_USD}, ${high} * ${PART_NANO_USD} + ${low})`;
}

function addingConflict(key: readonly string[], hasSpan: boolean, isAdded: (name: string) => boolean): string {
  const widen = hasSpan
    ? ['first_at = min(first_at, excluded.first_at)', 'last_at = max(last_at, excluded.last_at)']
    : [];
  const sum = (name: string): string => `${name} + excluded.${name}`;
  const add = WRITTEN_SUM_NAMES.filter(isAdded).map((name) =>
    MONEY_SUMS.has(name) ? `${name} = min(${MOST_NANO_USD}, ${sum(name)})` : `${name} = ${sum(name)}`,
  );
  return `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${[...widen, ...add].join(', ')}`;
}
