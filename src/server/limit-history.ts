import { matchesGlob } from '../core/glob.ts';
import type { LedgerReader, UsageDimension, UsageQuery, UsageRow, UsageSums } from '../ledger/ledger-reader.ts';
import type { LimitHistory } from '../limits/limit-history.ts';
import type { Seed } from '../limits/limit-store.ts';
import type { RuleCounter, Subject } from '../limits/rule-counter.ts';
import type { RunSource } from '../limits/run-book.ts';
import { DAY_MS } from '../limits/time-window.ts';

type HistoryReader = Pick<LedgerReader, 'usage' | 'childrenOf' | 'run'>;

/** How many runs of a tree are counted, its root included; as many as are shown of one. */
const MAX_RUNS = 1_000;
/** What a dated snapshot adds to the name that was asked for. */
const SNAPSHOT_SUFFIX = /^[-@][\d-]*\d$/;

/** What limits ask of the books: what was used, by the roll-ups, and what is known of runs. */
export function ledgerHistory(reader: HistoryReader, nowMs: () => number): LimitHistory & RunSource {
  return {
    load: (counters) => {
      const books = new Reading(reader);
      return Promise.all(counters.map((counter) => books.seedOf(counter, nowMs())));
    },
    async find(team, runId) {
      const row = await reader.run({ team, runId });
      return row === null ? null : { parentRunId: row.parent_run_id, limits: row.limits };
    },
  };
}

/** One look into the books: what several counters ask for (the rules of one run do) is asked once. */
class Reading {
  readonly #reader: HistoryReader;
  readonly #families = new Map<string, Promise<readonly string[]>>();
  readonly #usages = new Map<string, Promise<readonly UsageRow[]>>();

  constructor(reader: HistoryReader) {
    this.#reader = reader;
  }

  async seedOf(counter: RuleCounter, nowMs: number): Promise<Seed> {
    if (counter.onlyHeld) return { counter, used: [] };
    const { subject } = counter;
    const runIds = subject.runId === null ? null : await this.#familyOf(subject.team, subject.runId);
    if (runIds?.length === 0) return { counter, used: [] };
    const rows = await this.#usageOf(queryOf(counter, runIds, nowMs));
    const used = rows
      .filter((row) => isOfModel(subject, row.dimensions.model ?? null))
      .map((row) => ({ startMs: startOf(row, counter), amount: amountIn(row, counter) }));
    return { counter, used };
  }

  #familyOf(team: string, runId: string): Promise<readonly string[]> {
    return once(this.#families, JSON.stringify([team, runId]), () => familyOf(this.#reader, team, runId));
  }

  #usageOf(query: UsageQuery): Promise<readonly UsageRow[]> {
    return once(this.#usages, JSON.stringify(query), () => this.#reader.usage(query));
  }
}

function once<Value>(known: Map<string, Promise<Value>>, name: string, ask: () => Promise<Value>): Promise<Value> {
  const asked = known.get(name) ?? ask();
  known.set(name, asked);
  return asked;
}

function queryOf(counter: RuleCounter, runIds: readonly string[] | null, nowMs: number): UsageQuery {
  const { subject, course } = counter;
  const filters: Partial<Record<UsageDimension, readonly string[]>> = { team: [subject.team] };
  if (subject.keyId !== null) filters.key_id = [subject.keyId];
  if (runIds !== null) filters.run_id = runIds;
  if (subject.sessionId !== null) filters.session_id = [subject.sessionId];
  if (subject.user !== null) filters.user = [subject.user];
  const asksModel = subject.model !== null || subject.modelPattern !== null;
  return {
    startMs: counter.startMs,
    // Calls of this very moment are in it, also where another process's clock is ahead.
    endMs: counter.endsAtMs ?? nowMs + DAY_MS,
    bucket: course.kind === 'rate' ? '1m' : course.kind === 'rolling' && course.slotMs < DAY_MS ? '1h' : '1d',
    groupBy: asksModel ? ['model'] : [],
    filters,
    includeEstimated: true,
  };
}

/** A bucket that began before the counter did is counted from there on. */
function startOf(row: UsageRow, counter: RuleCounter): number {
  return Math.max(row.bucketStartMs, counter.startMs);
}

/** The run and the runs below it, each once; none where nobody has heard of it, so that it has used nothing. */
async function familyOf(reader: HistoryReader, team: string, runId: string): Promise<readonly string[]> {
  const [own, children] = await Promise.all([reader.run({ team, runId }), reader.childrenOf({ team, runId })]);
  if (own === null && children.length === 0) return [];
  const family = new Set([runId, ...children.map(({ run_id }) => run_id)]);
  let level = [...family].filter((id) => id !== runId);
  while (level.length > 0 && family.size < MAX_RUNS) {
    const children = await Promise.all(level.map((parent) => reader.childrenOf({ team, runId: parent })));
    level = children.flat().flatMap(({ run_id }) => (family.has(run_id) ? [] : [run_id]));
    for (const child of level) family.add(child);
  }
  return [...family].slice(0, MAX_RUNS);
}

/** Calls are summed under the model that answered, which may be a snapshot of the one that was asked for. */
function isOfModel({ model, modelPattern }: Subject, answered: string | null): boolean {
  return isLike(model, answered) && isLike(modelPattern, answered);
}

function isLike(pattern: string | null, answered: string | null): boolean {
  if (pattern === null) return true;
  if (answered === null) return false;
  if (matchesGlob(pattern, answered)) return true;
  return answered.startsWith(pattern) && SNAPSHOT_SUFFIX.test(answered.slice(pattern.length));
}

function amountIn(sums: UsageSums, { rule, course }: RuleCounter): number {
  switch (rule.measure) {
    case 'requests':
      return course.kind === 'rate' ? sums.records : sums.requests;
    case 'tokens':
      return sums.input_tokens + sums.output_tokens;
    case 'input_tokens':
      return sums.input_tokens;
    case 'output_tokens':
      return sums.output_tokens;
    case 'tool_calls':
      return sums.tool_calls;
    case 'budget_usd':
      return Number(sums.cost_nano_usd);
    case 'parallel':
      return 0;
  }
}
