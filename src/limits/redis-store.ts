import type { Redis } from 'ioredis';
import { withinDeadline } from './deadline.ts';
import {
  type Counted,
  type Counter,
  type CounterState,
  type Demand,
  type Hold,
  type LimitStore,
  type ReserveOutcome,
  type Seed,
  type Settled,
  type Settlement,
  StoreUnavailable,
} from './limit-store.ts';
import { levelOf, rollingFreeAtMs, slotOf } from './memory-counter.ts';
import { waitFor, wholeLevel } from './rate-bucket.ts';
import { COUNTER_ARGUMENTS, REDIS_SCRIPTS, type RedisScript } from './redis-scripts.ts';
import { DAY_MS } from './time-window.ts';

export interface RedisStoreOptions {
  readonly client: Pick<Redis, 'evalsha' | 'eval'>;
  /** Names the ledger that seeds counters: the same for all processes that share it. */
  readonly ledgerId: string;
  /** Sets the time; without it that of Redis holds. */
  readonly nowMs?: () => number;
}

/** A call waits no longer than this for a Redis that does not answer. */
const DEADLINE_MS = 250;
/** Keys outlive what they count by the longest hold, so that what settles late still finds its counter. */
const KEPT_AFTER_MS = 2 * DAY_MS;
/** Counters without an end that nobody asked for in so long are seeded anew when somebody does. */
const KEPT_IDLE_MS = 14 * DAY_MS;

/** Counters that several processes share. Every method is one script and one round trip; seeding is one for each counter. */
export class RedisLimitStore implements LimitStore {
  readonly #options: RedisStoreOptions;

  constructor(options: RedisStoreOptions) {
    this.#options = options;
  }

  async reserve(hold: Hold, demands: readonly Demand[]): Promise<ReserveOutcome> {
    const nowMs = this.#givenNow();
    const head = [nowMs, this.#options.ledgerId, hold.id, String(hold.maxMs), String(demands.length)];
    const counters = demands.map((demand) => argumentsOf(demand, demand.amount));
    const [kind, now, indexes, views] = listOf(
      await this.#run(REDIS_SCRIPTS.reserve, demands, [...head, ...counters.flat()]),
    );
    const places = listOf(indexes).map(Number);
    if (kind === 'unseeded') return { kind, counters: places };
    const states = listOf(views).map((view, i) => stateOf(demands[i], view, { amount: demands[i]?.amount ?? 0, now }));
    return kind === 'held' ? { kind, states } : { kind: 'refused', by: places, states };
  }

  async settle(settlement: Settlement): Promise<readonly (Counted | null)[]> {
    const { id, demands, startedAtMs, onlyIfHeld } = settlement;
    const head = [this.#givenNow(), this.#options.ledgerId, id, String(startedAtMs), onlyIfHeld ? '1' : '0'];
    const counters = demands.map((demand) => argumentsOf(demand, demand.amount, demand.actual));
    const all = [...head, String(demands.length), ...counters.flat()];
    const before = listOf(await this.#run(REDIS_SCRIPTS.settle, demands, all));
    return demands.map((demand, i) => countedOf(demand, before[i]));
  }

  async read(counters: readonly Counter[]): Promise<readonly (CounterState | null)[]> {
    if (counters.length === 0) return [];
    const states = new Map<Counter, CounterState | null>();
    for (const group of byGroup(counters)) {
      const head = [this.#givenNow(), this.#options.ledgerId, String(group.length)];
      const args = [...head, ...group.flatMap((counter) => argumentsOf(counter, 0))];
      const [now, views] = listOf(await this.#run(REDIS_SCRIPTS.read, group, args));
      for (const [i, view] of listOf(views).entries()) {
        const counter = group[i];
        if (counter === undefined) continue;
        states.set(counter, listOf(view).length === 0 ? null : stateOf(counter, view, { amount: 0, now }));
      }
    }
    return counters.map((counter) => states.get(counter) ?? null);
  }

  async seed(seeds: readonly Seed[]): Promise<void> {
    await Promise.all(seeds.map((seed) => this.#seedOne(seed)));
  }

  async #seedOne(seed: Seed): Promise<void> {
    const { counter } = seed;
    const head = [this.#givenNow(), this.#options.ledgerId, ...argumentsOf(counter, 0)];
    await this.#run(REDIS_SCRIPTS.seed, [counter], [...head, ...pastOf(seed, this.#options.nowMs?.() ?? Date.now())]);
  }

  #givenNow(): string {
    return this.#options.nowMs === undefined ? '' : String(this.#options.nowMs());
  }

  async #run(script: RedisScript, counters: readonly Counter[], args: readonly string[]): Promise<unknown> {
    const keys = counters.flatMap(keysOf);
    const { client } = this.#options;
    try {
      return await withinDeadline(client.evalsha(script.sha, keys.length, ...keys, ...args), DEADLINE_MS);
    } catch (error) {
      if (!isUnknownScript(error)) throw unavailable(error);
    }
    try {
      return await withinDeadline(client.eval(script.source, keys.length, ...keys, ...args), DEADLINE_MS);
    } catch (error) {
      throw unavailable(error);
    }
  }
}

/** The hash, the holds and their amounts. All keys of a team are in one slot of a cluster. */
function keysOf({ group, key }: Counter): [string, string, string] {
  const hash = `metertap:{${encodeURIComponent(group)}}:${key}`;
  return [hash, `${hash}\nholds`, `${hash}\namounts`];
}

function argumentsOf(counter: Counter, amount: number, actual = 0): string[] {
  const { course } = counter;
  const args = [
    course.kind,
    String(counter.limit),
    String(amount),
    course.kind === 'sum' ? '0' : String(course.lengthMs),
    course.kind === 'rolling' ? String(course.slotMs) : '0',
    counter.onlyHeld ? '1' : '0',
    String(keptMs(counter)),
    String(actual),
  ];
  if (args.length !== COUNTER_ARGUMENTS) throw new RangeError('the scripts know another number of arguments');
  return args;
}

function keptMs({ course, endsAtMs }: Counter): number {
  if (course.kind !== 'sum') return course.lengthMs + KEPT_AFTER_MS;
  return endsAtMs === null ? KEPT_IDLE_MS : Math.max(0, endsAtMs - Date.now()) + KEPT_AFTER_MS;
}

function pastOf({ counter, used }: Seed, nowMs: number): string[] {
  const { course } = counter;
  if (course.kind === 'sum') return [String(used.reduce((sum, { amount }) => sum + amount, 0))];
  if (course.kind === 'rate') return [String(levelOf(used, counter, nowMs))];
  const slots = new Map<number, number>();
  for (const { startMs, amount } of used) {
    const slot = slotOf(startMs, course.slotMs);
    slots.set(slot, (slots.get(slot) ?? 0) + amount);
  }
  return [...slots].flatMap(([slot, amount]) => [String(slot), String(amount)]);
}

/** Reads used or level, held, and slots. */
function stateOf(
  counter: Counter | undefined,
  view: unknown,
  { amount, now }: { readonly amount: number; readonly now: unknown },
): CounterState {
  const [first = 0, held = 0, ...rest] = listOf(view).map(Number);
  const nowMs = Number(now);
  if (counter === undefined) return { used: first, held, freeAtMs: null };
  const { course, limit } = counter;
  if (course.kind === 'sum') return { used: first, held, freeAtMs: counter.endsAtMs };
  if (course.kind === 'rate') {
    const level = wholeLevel(first);
    const wait = waitFor(first, amount, { limit, lengthMs: course.lengthMs });
    const isHeld = Math.min(held, level);
    return { used: level - isHeld, held: isHeld, freeAtMs: wait === null ? null : nowMs + wait };
  }
  const slots: [number, number][] = [];
  for (let i = 0; i + 1 < rest.length; i += 2) slots.push([rest[i] ?? 0, rest[i + 1] ?? 0]);
  return { used: first, held, freeAtMs: rollingFreeAtMs({ ...counter, course }, { slots, held }, { amount, nowMs }) };
}

function countedOf(demand: Settled, before: unknown): Counted | null {
  if (before === undefined || before === '') return null;
  const used = demand.course.kind === 'rate' ? wholeLevel(Number(before)) : Number(before);
  return { before: used, after: used + demand.actual };
}

function byGroup(counters: readonly Counter[]): Counter[][] {
  const groups = new Map<string, Counter[]>();
  for (const counter of counters) groups.set(counter.group, [...(groups.get(counter.group) ?? []), counter]);
  return [...groups.values()];
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

function unavailable(cause: unknown): StoreUnavailable {
  return new StoreUnavailable('Redis cannot be asked for limits now', { cause });
}
