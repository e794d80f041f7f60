/** What a label says instead of a value that may not become a time series of its own. */
export const OTHER = 'other';

/** In passthrough mode every credential makes a team, so that a stranger could make series without end. */
export const MAX_TEAMS = 1000;
export const MAX_KEYS = 1000;
/** A price row may be a glob, and then every model's name is known. */
export const MAX_MODELS = 200;
/** Sets of labels per group of counters; 25,000 series stop the event loop for 50 to 100 ms at a scrape. */
export const MAX_LABEL_SETS = 3000;

/** Lets the first `limit` distinct values through, for good; every further one becomes `other`. */
export class BoundedLabel {
  readonly #seen = new Set<string>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Gives the value that may stand in a label. */
  admit(value: string): string {
    if (this.#seen.has(value)) return value;
    if (this.#seen.size >= this.#limit) return OTHER;
    this.#seen.add(value);
    return value;
  }
}

export type StatusClass = '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'none';
const STATUS_CLASSES: readonly StatusClass[] = ['1xx', '2xx', '3xx', '4xx', '5xx'];

/** The class of an HTTP status; `none` where there is none, as for a call that a crash has interrupted. */
export function statusClassOf(status: number | null): StatusClass {
  if (status === null) return 'none';
  return STATUS_CLASSES[Math.floor(status / 100) - 1] ?? 'none';
}

/** Whether two sets of labels have the same values. */
export function areSame(some: readonly string[], others: readonly string[]): boolean {
  for (let i = 0; i < some.length; i++) if (some[i] !== others[i]) return false;
  return true;
}
