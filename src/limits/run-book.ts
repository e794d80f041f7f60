import type { Clock } from '../core/clock.ts';
import { RecentCache } from '../core/recent-cache.ts';
import type { LimitRule, RuleDefaults } from './limit-rule.ts';
import { readRunRules } from './read-rules.ts';

/** What the ledger knows of a run that matters here. */
export interface RunFacts {
  readonly parentRunId: string | null;
  /** As they were declared. */
  readonly limits: readonly unknown[];
}

/** Where runs are declared. */
export interface RunSource {
  /** Null for a run that nobody has heard of. */
  find(team: string, runId: string): Promise<RunFacts | null>;
}

/** A run and the rules that were declared for it. */
export interface RunLink {
  readonly runId: string;
  readonly rules: readonly LimitRule[];
}

export interface RunBookOptions {
  readonly source: RunSource;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly defaults: () => RuleDefaults;
  /** Told of a declaration that cannot be read; it was checked when it was made. */
  readonly onUnreadable: (runId: string, message: string) => void;
}

interface Entry {
  parentRunId: string | null;
  readonly rules: readonly LimitRule[];
  readonly loadedMs: number;
  isRenewing: boolean;
}

const REMEMBERED_RUNS = 50_000;
/** What another process declares is known here after this long at most; of this process's own it is told at once. */
const FRESH_MS = 2_000;
/** No run has more runs above it; more are not counted. */
const MAX_CHAIN = 100;

/** Knows the runs above a run and what was declared for each, without asking the ledger again and again. */
export class RunBook {
  readonly #options: RunBookOptions;
  readonly #entries = new RecentCache<string, Entry>(REMEMBERED_RUNS);
  readonly #loading = new Map<string, Promise<Entry>>();

  constructor(options: RunBookOptions) {
    this.#options = options;
  }

  /**
   * The run, then its parent, and so on; each once, also where runs name each other in a circle.
   *
   * @param named the parent that the call names; it holds where the ledger knows of none
   * @throws what the source throws, for runs that are not known yet
   */
  async chainOf(team: string, runId: string, named: string | null): Promise<RunLink[]> {
    const chain: RunLink[] = [];
    const seen = new Set<string>();
    let current: string | null = runId;
    let hint = named;
    while (current !== null && !seen.has(current) && chain.length < MAX_CHAIN) {
      seen.add(current);
      const entry: Entry = this.#known(team, current) ?? (await this.#load(team, current));
      if (hint !== current) entry.parentRunId ??= hint;
      hint = null;
      chain.push({ runId: current, rules: entry.rules });
      current = entry.parentRunId;
    }
    return chain;
  }

  /** The run has been declared anew: resolves when that is known here. The source answers in the order of the questions. */
  async renew(team: string, runId: string): Promise<void> {
    await this.#read(team, runId);
  }

  /** A run that is known; one that was read a while ago is read again beside. */
  #known(team: string, runId: string): Entry | null {
    const entry = this.#entries.get(nameOf(team, runId));
    if (entry === undefined) return null;
    if (this.#options.clock.monotonicMs() - entry.loadedMs > FRESH_MS && !entry.isRenewing) {
      entry.isRenewing = true;
      this.#load(team, runId).catch(() => {
        entry.isRenewing = false; // the ledger cannot be read now; what is known holds on, and is renewed later
      });
    }
    return entry;
  }

  #load(team: string, runId: string): Promise<Entry> {
    const name = nameOf(team, runId);
    const loading = this.#loading.get(name) ?? this.#read(team, runId).finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  async #read(team: string, runId: string): Promise<Entry> {
    const { source, clock, defaults, onUnreadable } = this.#options;
    const facts = await source.find(team, runId);
    const read = readRunRules(facts?.limits ?? [], defaults());
    if (read.kind === 'fault') onUnreadable(runId, `limits[${read.index}] ${read.message}`);
    const parentRunId = facts?.parentRunId ?? this.#entries.get(nameOf(team, runId))?.parentRunId ?? null;
    const rules = read.kind === 'rules' ? read.rules : [];
    const entry = { parentRunId, rules, loadedMs: clock.monotonicMs(), isRenewing: false };
    this.#entries.set(nameOf(team, runId), entry);
    return entry;
  }
}

function nameOf(team: string, runId: string): string {
  return `${team}\n${runId}`;
}
