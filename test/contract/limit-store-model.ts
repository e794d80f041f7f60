import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Demand, LimitStore } from '../../src/limits/limit-store.ts';
import { type Course, DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/limits/time-window.ts';
import { ask, counter, empty, START_MS, settle, type TimedStore } from './limit-store.contract.ts';

/** Three counters of each course: plain enough to be thought through, enough for demands that fit one and not another. */
const COUNTERS = [
  counter('sum', { kind: 'sum' }, 20),
  counter('rate', { kind: 'rate', lengthMs: MINUTE_MS }, 60),
  counter('rolling', { kind: 'rolling', lengthMs: DAY_MS, slotMs: HOUR_MS }, 15),
];

interface Held {
  readonly id: string;
  readonly demands: readonly Demand[];
  readonly startedAtMs: number;
  readonly endsAtMs: number;
}

/** The same rules in the plainest words: lists that are added up anew for every question. */
class Model {
  nowMs = START_MS;
  calls = 0;
  open: Held[] = [];
  /** Settled uses of sums and rolling windows. */
  uses: { key: string; amount: number; atMs: number }[] = [];
  /** Changes of the rate's level, in order. */
  level = { amount: 0, atMs: START_MS };

  fits(demand: Demand): boolean {
    if (demand.amount === 0) return true;
    if (demand.course.kind === 'rate') return this.leaked(demand) + demand.amount <= demand.limit + 1e-6;
    return this.used(demand.key, demand.course) + this.held(demand.key) + demand.amount <= demand.limit;
  }

  held(key: string): number {
    const living = this.open.filter(({ endsAtMs }) => endsAtMs > this.nowMs);
    return sum(
      living.flatMap(({ demands }) => demands.filter((demand) => demand.key === key)).map(({ amount }) => amount),
    );
  }

  used(key: string, course: Course): number {
    const isCounted = (atMs: number) =>
      course.kind !== 'rolling' ||
      Math.floor(atMs / course.slotMs) * course.slotMs + course.slotMs + course.lengthMs > this.nowMs;
    return sum(this.uses.filter((use) => use.key === key && isCounted(use.atMs)).map(({ amount }) => amount));
  }

  leaked({ limit, course }: Pick<Demand, 'limit' | 'course'>): number {
    if (course.kind !== 'rate') return 0;
    return Math.max(0, this.level.amount - ((this.nowMs - this.level.atMs) * limit) / course.lengthMs);
  }

  addToLevel(demand: Demand, amount: number): void {
    this.level = { amount: Math.max(0, this.leaked(demand) + amount), atMs: this.nowMs };
  }
}

type Command = fc.AsyncCommand<Model, TimedStore>;

class Reserve implements Command {
  readonly amounts: readonly number[];
  readonly maxMs: number;

  constructor(amounts: readonly number[], maxMs: number) {
    this.amounts = amounts;
    this.maxMs = maxMs;
  }

  check = () => true;

  async run(model: Model, { store }: TimedStore): Promise<void> {
    const demands = COUNTERS.map((one, i) => ask(one, this.amounts[i] ?? 0));
    const id = `call-${model.calls++}`;
    const outcome = await store.reserve({ id, maxMs: this.maxMs }, demands);
    const by = demands.flatMap((demand, i) => (model.fits(demand) ? [] : [i]));
    expect(outcome).toMatchObject(by.length === 0 ? { kind: 'held' } : { kind: 'refused', by });
    if (by.length === 0) {
      for (const demand of demands) if (demand.course.kind === 'rate') model.addToLevel(demand, demand.amount);
      model.open.push({ id, demands, startedAtMs: model.nowMs, endsAtMs: model.nowMs + this.maxMs });
    }
    await agree(model, store);
  }

  toString = () => `reserve(${this.amounts.join(', ')}; ${this.maxMs} ms)`;
}

class Settle implements Command {
  readonly which: number;
  readonly actuals: readonly number[];
  readonly repeats: boolean;

  constructor(which: number, actuals: readonly number[], repeats: boolean) {
    this.which = which;
    this.actuals = actuals;
    this.repeats = repeats;
  }

  check = (model: Readonly<Model>) => model.open.length > 0;

  async run(model: Model, { store }: TimedStore): Promise<void> {
    const [held] = model.open.splice(this.which % model.open.length, 1);
    if (held === undefined) throw new Error('nothing is open');
    const demands = held.demands.map((demand, i) => ({ ...demand, actual: this.actuals[i] ?? 0 }));
    await settle(store, held.id, demands, { startedAtMs: held.startedAtMs });
    if (this.repeats) await settle(store, held.id, demands, { startedAtMs: held.startedAtMs, onlyIfHeld: true });
    const wasHeld = held.endsAtMs > model.nowMs;
    for (const demand of demands) {
      if (demand.course.kind === 'rate') model.addToLevel(demand, demand.actual - (wasHeld ? demand.amount : 0));
      else model.uses.push({ key: demand.key, amount: demand.actual, atMs: held.startedAtMs });
    }
    await agree(model, store);
  }

  toString = () => `settle(${this.which}, ${this.actuals.join(', ')}${this.repeats ? ', again' : ''})`;
}

class Wait implements Command {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  check = () => true;

  async run(model: Model, { store, time }: TimedStore): Promise<void> {
    model.nowMs += this.ms;
    time.nowMs = model.nowMs;
    await agree(model, store);
  }

  toString = () => `wait(${this.ms} ms)`;
}

async function agree(model: Model, store: LimitStore): Promise<void> {
  const states = await store.read(COUNTERS);
  for (const [i, one] of COUNTERS.entries()) {
    const state = states[i];
    if (one.course.kind === 'rate') {
      const level = Math.max(0, Math.ceil(model.leaked({ ...one }) - 1e-6));
      expect((state?.used ?? 0) + (state?.held ?? 0), one.key).toBe(level);
    } else expect(state, one.key).toMatchObject({ used: model.used(one.key, one.course), held: model.held(one.key) });
  }
}

const amounts = fc.tuple(fc.nat(8), fc.nat(40), fc.nat(6));
const COMMANDS = [
  fc.tuple(amounts, fc.constantFrom(1_000, 90_000, DAY_MS)).map(([of, maxMs]) => new Reserve(of, maxMs)),
  fc.tuple(fc.nat(20), amounts, fc.boolean()).map(([which, of, repeats]) => new Settle(which, of, repeats)),
  fc.constantFrom(1, 500, 1_000, 7_919, 60_000, HOUR_MS, 5 * HOUR_MS, DAY_MS).map((ms) => new Wait(ms)),
];

/** Any sequence of reservations, settlements and waits leaves the store as the plain model says. */
export function itAgreesWithTheModel(open: () => Promise<TimedStore>, numRuns: number): void {
  it('agrees with a plain model over any sequence of calls', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(COMMANDS, { maxCommands: 60 }), async (commands) => {
        const timed = await open();
        await empty(timed.store, ...COUNTERS);
        await fc.asyncModelRun(() => ({ model: new Model(), real: timed }), commands);
      }),
      { numRuns },
    );
  });
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
