import type { Clock } from '../core/clock.ts';
import type { RuleDefaults } from './limit-rule.ts';
import { type LimitView, limitView } from './limit-view.ts';
import { readRunRules } from './read-rules.ts';
import type { ReservingStage, StageSettings } from './reserving-stage.ts';
import type { RuleOwner } from './rule-book.ts';
import { countersOf, type RuleCounter } from './rule-counter.ts';
import type { RunBook } from './run-book.ts';
import { Calendar } from './time-window.ts';

/** Whose limits are asked for; null: not narrowed, and rules that count by it are left out. */
export interface LimitQuery {
  /** Null: of all teams. */
  readonly team: string | null;
  readonly keyId: string | null;
  /** Needs the team. */
  readonly runId: string | null;
  readonly sessionId: string | null;
  readonly user: string | null;
  readonly model: string | null;
}

export interface LimitDeskOptions {
  readonly settings: () => StageSettings;
  readonly stage: Pick<ReservingStage, 'read'>;
  readonly runs: Pick<RunBook, 'chainOf'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Tells how limits stand, for those who manage them. */
export class LimitDesk {
  readonly #options: LimitDeskOptions;
  readonly #calendar = new Calendar();

  constructor(options: LimitDeskOptions) {
    this.#options = options;
  }

  /** The counters that answer a query, in the order of teams and keys, those of the run last. */
  async find(query: LimitQuery): Promise<RuleCounter[]> {
    const { rules } = this.#options.settings();
    const { team, keyId, runId } = query;
    const ids = { keyId, sessionId: query.sessionId, user: query.user, model: query.model };
    const at = {
      ids: { ...ids, runs: runId === null ? [] : [runId] },
      calendar: this.#calendar,
      nowMs: this.#options.clock.nowMs(),
      anyModel: query.model === null,
    };
    const isAsked = (owner: RuleOwner): boolean =>
      (team === null || owner.team === team) && (keyId === null || owner.keyId === null || owner.keyId === keyId);
    const ofOwners = rules
      .owners()
      .filter(isAsked)
      .flatMap((owner) => owner.rules.flatMap((rule) => countersOf(rule, { ...owner, runId: null }, at)));
    if (team === null || runId === null) return ofOwners;
    const [link] = await this.#options.runs.chainOf(team, runId, null);
    const ofRun = [...rules.ofRuns, ...(link?.rules ?? [])];
    return [...ofOwners, ...ofRun.flatMap((rule) => countersOf(rule, { team, keyId: null, runId }, at))];
  }

  /** How counters stand. */
  async show(counters: readonly RuleCounter[]): Promise<LimitView[]> {
    const states = await this.#options.stage.read(counters);
    return counters.map((counter, i) => limitView(counter, states[i] ?? { used: 0, held: 0, freeAtMs: null }));
  }

  /** The limits of one run, each run being asked on its own: not those that it shares with its team. */
  async showRun(team: string, runId: string): Promise<LimitView[]> {
    const query = { team, keyId: null, runId, sessionId: null, user: null, model: null };
    const counters = await this.find(query);
    return this.show(counters.filter(({ subject }) => subject.runId === runId));
  }
}

/** Says what is wrong with the limits that are declared for a run, as in "limits[0] must …"; null: nothing. */
export function runLimitsFault(limits: readonly unknown[]): string | null {
  const read = readRunRules(limits, NO_DEFAULTS);
  return read.kind === 'fault' ? `limits[${read.index}] ${read.message}` : null;
}

const NO_DEFAULTS: RuleDefaults = { onStoreFailure: 'open', alertAt: [] };
