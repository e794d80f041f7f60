import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { EndedCall } from './ended-call.ts';
import type { ColumnValue } from './record-columns.ts';
import { addSums, emptySums, MONEY_SUM_NAMES, type MutableSums, NUMBER_SUM_NAMES } from './sums.ts';

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
  readonly sums: MutableSums;
}
interface ActivityEntry extends Entry {
  firstAt: string;
  lastAt: string;
}

/** Adds up calls, for one batch. */
export class RollupBatch {
  readonly minutes = new Map<string, Entry>();
  readonly users = new Map<string, Entry>();
  readonly activity = new Map<string, ActivityEntry>();

  add(call: EndedCall): void {
    const minute = [
      call.team,
      floorTo(call.startedMs, MINUTE_MS),
      call.keyId,
      call.upstream,
      call.endpoint,
      call.model,
      call.serviceTier,
      call.usageSource,
    ];
    addSums(entryOf(this.minutes, minute).sums, call.sums);
    if (call.user !== '') this.#addUser(call);
    this.#addActivity(call);
  }

  #addUser(call: EndedCall): void {
    const key = [
      call.team,
      floorTo(call.startedMs, DAY_MS),
      call.user,
      call.keyId,
      call.upstream,
      call.endpoint,
      call.model,
      call.serviceTier,
      call.usageSource,
    ];
    addSums(entryOf(this.users, key).sums, call.sums);
  }

  #addActivity(call: EndedCall): void {
    const key = [
      call.team,
      floorTo(call.startedMs, DAY_MS),
      call.sessionId,
      call.runId,
      call.keyId,
      call.upstream,
      call.model,
      call.agent,
      call.usageSource,
    ];
    const text = key.join('\0');
    const entry = this.activity.get(text);
    if (entry === undefined) {
      this.activity.set(text, { key, sums: { ...call.sums }, firstAt: call.firstAt, lastAt: call.lastAt });
      return;
    }
    addSums(entry.sums, call.sums);
    if (call.firstAt < entry.firstAt) entry.firstAt = call.firstAt;
    if (call.lastAt > entry.lastAt) entry.lastAt = call.lastAt;
  }
}

/** Writes batches of roll-ups through prepared statements. */
export class RollupWriter {
  readonly #minute: StatementSync;
  readonly #hour: StatementSync;
  readonly #day: StatementSync;
  readonly #user: StatementSync;
  readonly #activity: StatementSync;

  constructor(database: DatabaseSync) {
    this.#minute = database.prepare(addingUpsert('usage_minute', USAGE_KEY, []));
    this.#hour = database.prepare(addingUpsert('usage_hour', USAGE_KEY, []));
    this.#day = database.prepare(addingUpsert('usage_day', USAGE_KEY, []));
    this.#user = database.prepare(addingUpsert('user_day', USER_KEY, []));
    this.#activity = database.prepare(addingUpsert('activity', ACTIVITY_KEY, ACTIVITY_SPAN));
  }

  /** Adds the batch to the tables. Must be called inside the batch's transaction. */
  write(batch: RollupBatch): void {
    const hours = coarsen(batch.minutes, HOUR_MS);
    for (const entry of batch.minutes.values()) this.#minute.run(...entry.key, ...sumValues(entry.sums));
    for (const entry of hours.values()) this.#hour.run(...entry.key, ...sumValues(entry.sums));
    for (const entry of coarsen(hours, DAY_MS).values()) this.#day.run(...entry.key, ...sumValues(entry.sums));
    for (const entry of batch.users.values()) this.#user.run(...entry.key, ...sumValues(entry.sums));
    for (const entry of batch.activity.values()) {
      this.#activity.run(...entry.key, entry.firstAt, entry.lastAt, ...sumValues(entry.sums));
    }
  }
}

/** Start of the bucket that a moment is in; both in Unix milliseconds. */
export function floorTo(ms: number, bucketMs: number): number {
  return Math.floor(ms / bucketMs) * bucketMs;
}

/** The same entries by longer buckets. */
function coarsen(entries: ReadonlyMap<string, Entry>, bucketMs: number): Map<string, Entry> {
  const coarser = new Map<string, Entry>();
  for (const entry of entries.values()) {
    const [team = '', bucketStart, ...rest] = entry.key;
    addSums(entryOf(coarser, [team, floorTo(Number(bucketStart), bucketMs), ...rest]).sums, entry.sums);
  }
  return coarser;
}

function entryOf(entries: Map<string, Entry>, key: ColumnValue[]): Entry {
  const text = key.join('\0');
  const known = entries.get(text);
  if (known !== undefined) return known;
  const entry = { key, sums: emptySums() };
  entries.set(text, entry);
  return entry;
}

/** Every sum, in the order in which it is bound. */
const SUM_NAMES = [...NUMBER_SUM_NAMES, ...MONEY_SUM_NAMES] as const;

function sumValues(sums: MutableSums): (number | bigint)[] {
  return SUM_NAMES.map((name) => sums[name]);
}

function addingUpsert(table: string, key: readonly string[], span: readonly string[]): string {
  const columns = [...key, ...span, ...SUM_NAMES];
  const widen =
    span.length === 0
      ? []
      : ['first_at = min(first_at, excluded.first_at)', 'last_at = max(last_at, excluded.last_at)'];
  const add = SUM_NAMES.map((name) => `${name} = ${name} + excluded.${name}`);
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})
    ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${[...widen, ...add].join(', ')}`;
}
