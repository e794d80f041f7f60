import type { LedgerState } from './ledger.ts';

/** What can be wrong, each by itself: with the files, with the thread of the journal, or that too much waits. */
export type LedgerPart = 'files' | 'thread' | 'queue';

interface Problem {
  readonly reason: string;
  readonly hint: string;
}

/** What is wrong with the ledger now; it is ready where nothing is. */
export class LedgerStanding {
  readonly #onChange: (state: LedgerState) => void;
  readonly #problems = new Map<LedgerPart, Problem>();
  #state: LedgerState = { kind: 'ready' };

  constructor(onChange: (state: LedgerState) => void) {
    this.#onChange = onChange;
  }

  /** As `Ledger.state`: the problem that is there longest. */
  get state(): LedgerState {
    return this.#state;
  }

  /** @param problem null where nothing is wrong with it any more */
  report(part: LedgerPart, problem: Problem | null): void {
    if (problem === null) {
      if (this.#problems.size === 0 || !this.#problems.delete(part)) return;
    } else this.#problems.set(part, problem);
    const [first] = this.#problems.values();
    const before = this.#state;
    if (first === undefined) this.#state = { kind: 'ready' };
    else if (before.kind === 'ready' || before.reason !== first.reason) {
      this.#state = { kind: 'unavailable', reason: first.reason, hint: first.hint };
    }
    if (this.#state !== before) this.#onChange(this.#state);
  }
}
