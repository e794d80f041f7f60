import { ChurningMap } from '../core/churning-map.ts';
import type { Counter, CounterState, Seed, Settlement } from './limit-store.ts';
import { type Bucket, fitsBucket, levelAt, waitFor, wholeLevel } from './rate-bucket.ts';

/** One counter in memory: what is used, what is held by whom, and until when. No timers: what has run out is found when
 * the counter is looked at. */
export class MemoryCounter {
  /** Sums: all of it. */
  #used = 0;
  #bucket: Bucket = { level: 0, atMs: 0 };
  /** Rolling: by the beginning of the slot. */
  #slots: Map<number, number> | null = null;
  #held = 0;
  readonly #holds = new ChurningMap<{ readonly amount: number; readonly endsAtMs: number }>();
  /** No hold runs out before. */
  #nextEndMs = Number.POSITIVE_INFINITY;
  /** The limit and the length of the rate that last looked, by which its level leaks. */
  #counter: Counter;

  constructor(counter: Counter) {
    this.#counter = counter;
  }

  get isHeld(): boolean {
    return this.#holds.size > 0;
  }

  /** Whether its window is over, so that nobody will ask for it again. */
  isOver(nowMs: number): boolean {
    const { endsAtMs } = this.#counter;
    return endsAtMs !== null && endsAtMs <= nowMs;
  }

  fits(counter: Counter, amount: number, nowMs: number): boolean {
    this.#look(counter, nowMs);
    if (amount === 0) return true;
    if (counter.course.kind === 'rate') return fitsBucket(this.#bucket.level, amount, counter.limit);
    return this.#usedNow(counter, nowMs) + this.#held + amount <= counter.limit;
  }

  hold(counter: Counter, amount: number, hold: { id: string; endsAtMs: number }): void {
    if (this.#holds.has(hold.id)) return;
    this.#holds.set(hold.id, { amount, endsAtMs: hold.endsAtMs });
    this.#held += amount;
    this.#nextEndMs = Math.min(this.#nextEndMs, hold.endsAtMs);
    if (counter.course.kind === 'rate') this.#fill(amount);
  }

  /** Gives the hold back and counts the real figure. Gives what was used before; null where it was not counted. */
  settle(
    counter: Counter,
    { settlement, actual }: { settlement: Omit<Settlement, 'demands'>; actual: number },
    nowMs: number,
  ): number | null {
    this.#look(this.#counter, nowMs); // the call's own limit may have been edited since it began
    const before = this.#usedNow(counter, nowMs); // with the hold still there: a rate is filled with it
    const hold = this.#holds.take(settlement.id);
    if (hold === undefined && settlement.onlyIfHeld) return null;
    if (hold !== undefined) this.#held -= hold.amount;
    switch (counter.course.kind) {
      case 'sum':
        this.#used += actual;
        break;
      case 'rate':
        this.#fill(actual - (hold?.amount ?? 0));
        break;
      case 'rolling':
        this.#addToSlot(slotOf(settlement.startedAtMs, counter.course.slotMs), actual);
        break;
    }
    return before;
  }

  /** @param amount what was or would be asked for: rates and rolling windows say when so much is free */
  state(counter: Counter, amount: number, nowMs: number): CounterState {
    this.#look(counter, nowMs);
    const used = this.#usedNow(counter, nowMs);
    // What a rate was asked for leaks while it is still held.
    const isRate = counter.course.kind === 'rate';
    const held = isRate ? Math.min(this.#held, wholeLevel(this.#bucket.level)) : this.#held;
    return { used, held, freeAtMs: this.#freeAtMs(counter, amount, nowMs) };
  }

  /** Takes what the ledger knows; never less than what is there. */
  raise({ counter, used }: Seed, nowMs: number): void {
    this.#look(counter, nowMs);
    const { course } = counter;
    if (course.kind === 'sum') {
      this.#used = Math.max(
        this.#used,
        used.reduce((sum, { amount }) => sum + amount, 0),
      );
    } else if (course.kind === 'rate') {
      this.#bucket = { level: Math.max(this.#bucket.level, levelOf(used, counter, nowMs)), atMs: nowMs };
    } else {
      const slots = new Map<number, number>();
      for (const { startMs, amount } of used) {
        const slot = slotOf(startMs, course.slotMs);
        slots.set(slot, (slots.get(slot) ?? 0) + amount);
      }
      this.#slots ??= new Map();
      for (const [slot, amount] of slots) this.#slots.set(slot, Math.max(this.#slots.get(slot) ?? 0, amount));
    }
  }

  /** Lets run out what has, and leaks what a rate has leaked by the limit that held until now. */
  #look(counter: Counter, nowMs: number): void {
    if (nowMs >= this.#nextEndMs) this.#dropEnded(nowMs);
    if (counter.course.kind === 'rate') {
      const { limit } = this.#counter;
      this.#bucket = { level: levelAt(this.#bucket, limit, counter.course.lengthMs, nowMs), atMs: nowMs };
    }
    this.#counter = counter;
  }

  #dropEnded(nowMs: number): void {
    this.#nextEndMs = Number.POSITIVE_INFINITY;
    for (const [id, { amount, endsAtMs }] of this.#holds.entries()) {
      if (endsAtMs > nowMs) this.#nextEndMs = Math.min(this.#nextEndMs, endsAtMs);
      else {
        this.#holds.take(id);
        this.#held -= amount;
      }
    }
  }

  #usedNow({ course }: Counter, nowMs: number): number {
    if (course.kind === 'sum') return this.#used;
    if (course.kind === 'rate') return Math.max(0, wholeLevel(this.#bucket.level) - this.#held);
    let sum = 0;
    for (const [startMs, amount] of this.#slots ?? []) {
      if (startMs + course.slotMs + course.lengthMs <= nowMs) this.#slots?.delete(startMs);
      else sum += amount;
    }
    return sum;
  }

  #freeAtMs(counter: Counter, amount: number, nowMs: number): number | null {
    const { course } = counter;
    if (course.kind === 'sum') return counter.endsAtMs;
    if (course.kind === 'rate') {
      const wait = waitFor(this.#bucket.level, amount, { limit: counter.limit, lengthMs: course.lengthMs });
      return wait === null ? null : nowMs + wait;
    }
    const past = { slots: [...(this.#slots ?? [])], held: this.#held };
    return rollingFreeAtMs({ ...counter, course }, past, { amount, nowMs });
  }

  #fill(amount: number): void {
    this.#bucket = { level: Math.max(0, this.#bucket.level + amount), atMs: this.#bucket.atMs };
  }

  #addToSlot(slot: number, amount: number): void {
    if (amount === 0) return;
    this.#slots ??= new Map();
    this.#slots.set(slot, (this.#slots.get(slot) ?? 0) + amount);
  }
}

export interface RollingPast {
  readonly slots: readonly (readonly [startMs: number, used: number])[];
  readonly held: number;
}

/** When so many slots are forgotten that an amount fits, or, for 0, that the next is; null where it never will. */
export function rollingFreeAtMs(
  counter: Counter & {
    readonly course: { readonly kind: 'rolling'; readonly lengthMs: number; readonly slotMs: number };
  },
  { slots, held }: RollingPast,
  { amount, nowMs }: { readonly amount: number; readonly nowMs: number },
): number | null {
  const { lengthMs, slotMs } = counter.course;
  if (amount > counter.limit) return null;
  const oldestFirst = slots.filter(([, used]) => used > 0).sort(([one], [other]) => one - other);
  let over = amount === 0 ? 1 : slots.reduce((sum, [, used]) => sum + used, held + amount - counter.limit);
  if (over <= 0) return nowMs;
  for (const [startMs, used] of oldestFirst) {
    over -= used;
    if (over <= 0) return startMs + slotMs + lengthMs;
  }
  return amount === 0 ? null : nowMs + lengthMs;
}

export function slotOf(ms: number, slotMs: number): number {
  return Math.floor(ms / slotMs) * slotMs;
}

/** What is left of a rate's past: each use, leaked until now. */
export function levelOf(used: Seed['used'], counter: Counter, nowMs: number): number {
  const { course, limit } = counter;
  if (course.kind !== 'rate') return 0;
  let bucket: Bucket = { level: 0, atMs: 0 };
  for (const { startMs, amount } of [...used].sort((one, other) => one.startMs - other.startMs)) {
    bucket = { level: levelAt(bucket, limit, course.lengthMs, startMs) + amount, atMs: startMs };
  }
  return levelAt(bucket, limit, course.lengthMs, nowMs);
}
