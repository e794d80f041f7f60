import type { Clock } from '../core/clock.ts';
import { MetertapError } from '../core/errors.ts';
import { type Forecast, Forecaster } from './forecast.ts';
import { allowanceOf, type HeldDemand, readingsOf } from './held-call.ts';
import type { LimitEvents } from './limit-events.ts';
import type { LimitHistory } from './limit-history.ts';
import type { LimitRule, RuleDefaults } from './limit-rule.ts';
import type { Counted, CounterState, Hold, LimitStore, NowOrLater, ReserveOutcome } from './limit-store.ts';
import { NOTHING_HELD } from './nothing-held.ts';
import { refusalOf } from './refusal.ts';
import type { ActualUse, LateCall, LimitStage, PlannedCall, Reservation } from './reservation.ts';
import type { RuleBook } from './rule-book.ts';
import { type CountedIds, countsRuns, type RuleCounter, type RuleScope } from './rule-counter.ts';
import { actualOf, demandsOn, type RuleDemand } from './rule-demand.ts';
import type { RunBook, RunLink } from './run-book.ts';
import { tightened } from './run-limits-header.ts';
import { Seeding } from './seeding.ts';
import { StandingCounters } from './standing-counters.ts';
import { announceCrossings } from './threshold.ts';
import { Calendar } from './time-window.ts';
import type { UsedRatios } from './used-ratios.ts';

/** What reservations go by; read anew for each call, so that a reload counts at once. */
export interface StageSettings {
  readonly rules: RuleBook;
  readonly defaults: RuleDefaults;
  readonly assumedOutputTokens: number;
  readonly holdMaxMs: number;
  /** Calls whose limits cannot be looked up, because the ledger cannot be read, go out all the same. */
  readonly admitsUncounted: boolean;
}

export interface StageOptions {
  readonly settings: () => StageSettings;
  readonly store: LimitStore;
  readonly history: LimitHistory;
  readonly runs: RunBook;
  /** Whether any run has limits of its own; where none has, runs are not looked up for that. */
  readonly hasRunLimits: () => boolean;
  readonly clock: Clock;
  readonly events: LimitEvents;
  readonly ratios: UsedRatios;
  /** A client's header that would loosen what its run may use. */
  readonly onLoosening: (call: PlannedCall, rule: LimitRule) => void;
  /** Told of a settlement that could not be counted. */
  readonly onError: (error: unknown) => void;
}

/** A response that runs on for hours keeps its hold for a day. */
const BACKGROUND_HOLD_MS = 86_400_000;
/** A counter that was seeded may be dropped again before it is asked, where memory is short. */
const MAX_SEEDINGS = 3;

/** Reserves over a store: all rules of a call in one atomic step, all or none. */
export class ReservingStage implements LimitStage {
  readonly #options: StageOptions;
  readonly #calendar = new Calendar();
  readonly #standing = new StandingCounters();
  readonly #forecaster: Forecaster;
  readonly #seeding: Seeding;

  constructor(options: StageOptions) {
    this.#options = options;
    this.#forecaster = new Forecaster(() => options.settings().assumedOutputTokens);
    this.#seeding = new Seeding(options.store, options.history);
  }

  reserve(call: PlannedCall): Promise<Reservation> {
    const settings = this.#options.settings();
    const ofTeam = settings.rules.ofTeam(call.caller.team);
    const ofKey = settings.rules.ofKey(call.caller.team, call.caller.keyId);
    const ofRun = call.ids.runId === null ? NO_RULES : settings.rules.ofRuns;
    const mayHaveOwn = call.runLimits !== null || (call.ids.runId !== null && this.#options.hasRunLimits());
    if (ofTeam.length + ofKey.length + ofRun.length === 0 && !mayHaveOwn) return Promise.resolve(NOTHING_HELD);

    const reserved = this.#reserve(call, settings);
    return settings.admitsUncounted ? reserved.catch(admitUncounted) : reserved;
  }

  /** Waits for nothing where all that it must know is in this process. */
  #reserve(call: PlannedCall, settings: StageSettings): Promise<Reservation> {
    try {
      if (!this.#needsRuns(call, settings)) return Promise.resolve(this.#reserveIn(runAlone(call), call, settings));
      return this.#runsAbove(call).then((runs) => this.#reserveIn(runs, call, settings));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #reserveIn(runs: readonly RunLink[], call: PlannedCall, settings: StageSettings): NowOrLater<Reservation> {
    const onLoosening = (rule: LimitRule): void => this.#options.onLoosening(call, rule);
    const counters = this.#countersOf(call, { settings, runs, onLoosening });
    if (counters.length === 0) return NOTHING_HELD;
    let foreseen: Forecast | null = null;
    const forecast = (): Forecast => {
      foreseen ??= this.#forecaster.foresee(call);
      return foreseen;
    };
    const demands = demandsOn(counters, forecast);
    const hold = holdOf(call, settings);
    const reserve = (states: readonly CounterState[]): Reservation => {
      const held = demands.map((demand, i) => ({ demand, state: states[i] ?? NOTHING_USED }));
      const nowMs = this.#options.clock.nowMs();
      this.#options.ratios.note(held, nowMs);
      return this.#reservation(call, { demands, held, forecast, nowMs });
    };
    const outcome = this.#options.store.reserve(hold, demands);
    const isHeld = !(outcome instanceof Promise) && outcome.kind === 'held';
    return isHeld ? reserve(outcome.states) : this.#hold(hold, demands, outcome).then(reserve);
  }

  /**
   * The counters that a call of these ids counts for, with the rules of its team, its key and its runs. For showing
   * limits, and for counting calls whose reservation is gone.
   */
  async countersFor(call: Omit<LateCall, 'id'>): Promise<RuleCounter[]> {
    const settings = this.#options.settings();
    const runs = this.#needsRuns(call, settings) ? await this.#runsAbove(call) : runAlone(call);
    return this.#countersOf({ ...call, runLimits: null }, { settings, runs, onLoosening: () => undefined });
  }

  /** How counters stand, seeded first where they are not. */
  async read(counters: readonly RuleCounter[]): Promise<CounterState[]> {
    const states = await this.#options.store.read(counters);
    const missing = counters.filter((_, i) => states[i] === null);
    if (missing.length === 0) return states.map((state) => state ?? NOTHING_USED);
    await this.#seeding.seed(missing);
    const again = await this.#options.store.read(counters);
    return again.map((state) => state ?? NOTHING_USED);
  }

  /**
   * Settles a call whose reservation this process does not have any more: a response that ran in the background over a
   * restart, for example.
   */
  settleLate(call: LateCall, actual: ActualUse): void {
    this.#countLate(call, { actual: (demand) => actualOf(demand, actual) });
  }

  /** Gives back what a call of a process that died still holds. */
  releaseLate(call: LateCall): void {
    this.#countLate(call, { actual: () => 0, onlyIfHeld: true });
  }

  #countLate(call: LateCall, end: Pick<Ending, 'actual' | 'onlyIfHeld'>): void {
    const count = async (): Promise<void> => {
      const demands = demandsOn(await this.countersFor(call), () => NOTHING_FORESEEN);
      this.#countOrTell({ call, demands, ...end });
    };
    count().catch((error: unknown) => this.#options.onError(error));
  }

  #countersOf(
    call: Omit<LateCall, 'id'> & Pick<PlannedCall, 'runLimits'>,
    { settings, runs, onLoosening }: CountingWay,
  ): RuleCounter[] {
    const { rules, defaults } = settings;
    const { team, keyId } = call.caller;
    const ids: CountedIds = {
      keyId,
      sessionId: call.ids.sessionId,
      user: call.ids.user,
      model: call.model,
      runs: runs.map((run) => run.runId),
    };
    const at = { ids, calendar: this.#calendar, nowMs: call.startedAtMs };
    const counters: RuleCounter[] = [];
    const add = (some: readonly LimitRule[], scope: RuleScope): void => {
      for (const rule of some) for (const counter of this.#standing.of(rule, scope, at)) counters.push(counter);
    };
    add(rules.ofTeam(team), { team, keyId: null, runId: null });
    add(rules.ofKey(team, keyId), { team, keyId, runId: null });
    for (const { runId, rules: own } of runs) {
      if (rules.ofRuns.length + own.length === 0) continue;
      const scope = { team, keyId: null, runId };
      add(rules.ofRuns, scope);
      add(own, scope);
    }
    if (call.runLimits === null) return counters;
    return [...counters, ...tightened(call, counters, { at, defaults, onLoosening })];
  }

  /** Whether the runs above a call's run, or the limits of any of them, may matter. */
  #needsRuns({ caller: { team, keyId }, ids }: OwnedCall, { rules }: StageSettings): boolean {
    if (ids.runId === null) return false;
    if (this.#options.hasRunLimits() || rules.ofRuns.length > 0) return true;
    return rules.ofTeam(team).some(countsRuns) || rules.ofKey(team, keyId).some(countsRuns);
  }

  #runsAbove({ caller, ids: { runId, parentRunId } }: OwnedCall): Promise<readonly RunLink[]> {
    return runId === null ? Promise.resolve([]) : this.#options.runs.chainOf(caller.team, runId, parentRunId);
  }

  /** Holds all demands. Counters that the store does not know are told first what the ledger knows of them. */
  async #hold(
    hold: Hold,
    demands: readonly RuleDemand[],
    first: NowOrLater<ReserveOutcome>,
  ): Promise<readonly CounterState[]> {
    for (let seedings = 0; ; seedings++) {
      const outcome = seedings === 0 ? await first : await this.#options.store.reserve(hold, demands);
      switch (outcome.kind) {
        case 'held':
          return outcome.states;
        case 'refused': {
          const held = demands.map((demand, i) => ({ demand, state: outcome.states[i] ?? NOTHING_USED }));
          const nowMs = this.#options.clock.nowMs();
          this.#options.ratios.note(held, nowMs);
          throw refusalOf(pick(held, outcome.by), nowMs);
        }
        case 'unseeded':
          if (seedings >= MAX_SEEDINGS) throw new Error('the store of limits forgets counters as they are seeded');
          await this.#seeding.seed(pick(demands, outcome.counters));
      }
    }
  }

  #reservation(call: PlannedCall, { demands, held, forecast, nowMs }: Holding): Reservation {
    const { clock } = this.#options;
    let isOpen = true;
    const end = (actual: (demand: RuleDemand) => number): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#countOrTell({ call, demands, actual });
    };
    return {
      readings: readingsOf(held, nowMs),
      allowance: allowanceOf(held, call, { forecast, nowMs: () => clock.nowMs() }),
      settle: (actual) => {
        if (isOpen) this.#forecaster.learn(call, actual);
        end((demand) => actualOf(demand, actual));
      },
      release: () => end(() => 0),
    };
  }

  #countOrTell(end: Ending): void {
    const onError = (error: unknown): void => this.#options.onError(error);
    try {
      const counted = this.#settle(end);
      if (counted instanceof Promise) counted.then((changes) => this.#noteCounted(end.demands, changes)).catch(onError);
      else this.#noteCounted(end.demands, counted);
    } catch (error) {
      onError(error);
    }
  }

  #settle({ call: { id, startedAtMs }, demands, actual, onlyIfHeld = false }: Ending): NowOrLater<Changes> {
    for (const demand of demands) demand.actual = actual(demand);
    return this.#options.store.settle({ id, demands, startedAtMs, onlyIfHeld });
  }

  #noteCounted(demands: readonly RuleDemand[], changes: Changes): void {
    const { events, clock, ratios } = this.#options;
    const atMs = clock.nowMs();
    for (let i = 0; i < demands.length; i++) {
      const counter = demands[i];
      const change = changes[i] ?? null;
      if (counter === undefined || change === null) continue;
      ratios.settled(counter, change, atMs);
      announceCrossings({ counter, before: change.before, after: change.after, atMs }, events);
    }
  }
}

type OwnedCall = Pick<LateCall, 'caller' | 'ids'>;
/** What each demand's counter has become; null where it was not counted. */
type Changes = readonly (Counted | null)[];

interface Holding {
  readonly demands: readonly RuleDemand[];
  readonly held: readonly HeldDemand[];
  readonly forecast: () => Forecast;
  readonly nowMs: number;
}

interface CountingWay {
  readonly settings: StageSettings;
  /** The run of the call and those above it. */
  readonly runs: readonly RunLink[];
  readonly onLoosening: (rule: LimitRule) => void;
}

function holdOf({ id, background }: PlannedCall, { holdMaxMs }: StageSettings): Hold {
  return { id, maxMs: background ? Math.max(BACKGROUND_HOLD_MS, holdMaxMs) : holdMaxMs };
}

function runAlone({ ids: { runId } }: OwnedCall): readonly RunLink[] {
  return runId === null ? [] : [{ runId, rules: NO_RULES }];
}

interface Ending {
  readonly call: Pick<PlannedCall, 'id' | 'startedAtMs'>;
  readonly demands: readonly RuleDemand[];
  readonly actual: (demand: RuleDemand) => number;
  readonly onlyIfHeld?: boolean;
}

const NO_RULES: readonly LimitRule[] = [];
const NOTHING_USED: CounterState = { used: 0, held: 0, freeAtMs: null };
const NOTHING_FORESEEN: Forecast = { inputTokens: 0, outputTokens: 0, costNanoUsd: 0 };

function admitUncounted(error: unknown): Reservation {
  if (error instanceof MetertapError && error.code === 'ledger_unavailable') return NOTHING_HELD;
  throw error;
}

function pick<Item>(items: readonly Item[], indexes: readonly number[]): Item[] {
  return indexes.flatMap((index) => items[index] ?? []);
}
