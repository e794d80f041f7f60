import type { ChangeAuthor } from '../../src/ledger/access-book.ts';
import {
  type ActivitySum,
  type LedgerReader,
  type NamedDimension,
  type RecordFilter,
  type RunCursor,
  type RunDeclaration,
  type RunFilter,
  type RunKey,
  type RunRow,
  type SettledEntries,
  type SettledPage,
  type SumName,
  USAGE_DIMENSIONS,
  type UsageDimension,
  type UsageQuery,
  type UsageRow,
  type UsageSpan,
  type UsageSums,
} from '../../src/ledger/ledger-reader.ts';
import { addChosen, chosenSums } from '../../src/ledger/queries/sum-columns.ts';
import type { CallRecord } from '../../src/ledger/record.ts';
import { emptySums, type MONEY_SUM_NAMES } from '../../src/ledger/sums.ts';
import { type DetailCount, detailCountOf } from '../../src/metering/detail-counts.ts';
import { COUNT_NAMES } from '../../src/metering/usage.ts';

const BUCKET_MS = { '1m': 60_000, '1h': 3_600_000, '1d': 86_400_000 } as const;
const FAILURES = new Set<CallRecord['ending']>(['upstream_error', 'upstream_cut', 'timed_out']);
const OPEN = new Set<CallRecord['ending']>(['in_flight', 'queued']);

interface Declared {
  parentRunId: string | null;
  labels: Readonly<Record<string, string>>;
  limits: readonly unknown[];
  at: string;
}

/**
 * The books in memory, for tests: each answer is folded from the records as they stand. Slow and plain, so that it can
 * be believed; it keeps to the text of `LedgerReader` only.
 */
export class MemoryLedgerReader implements LedgerReader {
  readonly #records = new Map<string, CallRecord>();
  readonly #settlements = new Map<string, number>();
  readonly #declared = new Map<string, Declared>();
  readonly #listeners = new Set<(record: CallRecord) => void>();
  readonly #now: () => string;

  constructor(records: readonly CallRecord[] = [], now: () => string = () => '2026-11-22T12:00:00.000Z') {
    this.#now = now;
    for (const record of records) this.#put(record);
  }

  /** Puts a record in, or a later state of one, and tells those who listen if it has an end or is queued. */
  commit(record: CallRecord): void {
    this.#put(record);
    if (record.ending !== 'in_flight') for (const listener of this.#listeners) listener(record);
  }

  readonly onCommitted = (listener: (record: CallRecord) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get listenerCount(): number {
    return this.#listeners.size;
  }

  async record(id: string, team: string | null): Promise<CallRecord | null> {
    const record = this.#records.get(id);
    return record !== undefined && (team === null || record.team === team) ? record : null;
  }

  async records(filter: RecordFilter, page: { limit: number; beforeId: string | null }): Promise<CallRecord[]> {
    const isWanted = (record: CallRecord) =>
      fits(record, filter) && (page.beforeId === null || record.id < page.beforeId);
    return this.#all().filter(isWanted).reverse().slice(0, page.limit);
  }

  async lastSettlement(): Promise<number> {
    return this.#settlements.size;
  }

  async settlementOf(filter: RecordFilter, id: string): Promise<number | null> {
    const record = this.#records.get(id);
    return record !== undefined && fits(record, filter) ? (this.#settlements.get(id) ?? null) : null;
  }

  async settledEntries(filter: RecordFilter, page: SettledPage): Promise<SettledEntries> {
    const numbered = [...this.#settlements].filter(([, number]) => number > page.after && number <= page.through);
    const records = numbered
      .map(([id]) => this.#records.get(id))
      .filter((record) => record !== undefined)
      .filter((record) => fits(record, filter));
    const last = records[page.limit - 1];
    const readThrough = last === undefined ? page.through : (this.#settlements.get(last.id) ?? page.through);
    const entries = records.slice(0, page.limit).map((record) => ({ kind: 'call' as const, record, corrected: null }));
    return { entries, readThrough };
  }

  async recordsOfRun(run: RunKey): Promise<CallRecord[]> {
    return this.#callsOf(run)
      .filter(hasEnded)
      .sort((a, b) => compare(a.started_at, b.started_at) || compare(a.id, b.id));
  }

  async run(run: RunKey): Promise<RunRow | null> {
    const calls = this.#callsOf(run);
    const declared = this.#declared.get(keyText(run));
    const last = calls.at(-1);
    if (last === undefined && declared === undefined) return null;
    const starts = calls.map((call) => call.started_at);
    const lasts = calls.map((call) => call.ended_at ?? call.started_at);
    return {
      team: run.team,
      run_id: run.runId,
      parent_run_id: declared?.parentRunId ?? calls.find((call) => call.parent_run_id !== null)?.parent_run_id ?? null,
      session_id: calls.findLast((call) => call.session_id !== null)?.session_id ?? null,
      labels: declared?.labels ?? {},
      limits: declared?.limits ?? [],
      started_at: starts.sort()[0] ?? declared?.at ?? '',
      last_activity_at: lasts.sort().at(-1) ?? declared?.at ?? '',
      in_flight: calls.filter((call) => !hasEnded(call)).length,
      cost_nano_usd: sumsOf(calls.filter(hasEnded), true).cost_nano_usd,
    };
  }

  async teamsOfRun(runId: string): Promise<string[]> {
    const keys = this.#runKeys().filter((run) => run.runId === runId);
    return keys.map((run) => run.team).sort();
  }

  async runs(filter: RunFilter, page: { limit: number; after: RunCursor | null }): Promise<RunRow[]> {
    const rows = await this.#runRows();
    const orderedBy = (row: RunRow) =>
      filter.order === '-cost' ? row.cost_nano_usd.toString().padStart(30, '0') : row.last_activity_at;
    const { after } = page;
    const afterValue = filter.order === '-cost' ? after?.value.padStart(30, '0') : after?.value;
    const order = (a: [string, string, string], b: [string, string, string]) =>
      compare(b[0], a[0]) || compare(a[1], b[1]) || compare(a[2], b[2]);
    const keyOf = (row: RunRow): [string, string, string] => [orderedBy(row), row.team, row.run_id];
    return rows
      .filter((row) => filter.team === null || row.team === filter.team)
      .filter((row) => filter.sessionId === null || row.session_id === filter.sessionId)
      .filter((row) => wasActive(row, filter))
      .filter((row) => after === null || order(keyOf(row), [afterValue ?? '', after.team, after.runId]) > 0)
      .sort((a, b) => order(keyOf(a), keyOf(b)))
      .slice(0, page.limit);
  }

  async childrenOf(run: RunKey): Promise<RunRow[]> {
    const rows = await this.#runRows();
    return rows
      .filter((row) => row.team === run.team && row.parent_run_id === run.runId)
      .sort((a, b) => compare(a.run_id, b.run_id));
  }

  async hasRunLimits(): Promise<boolean> {
    return [...this.#declared.values()].some(({ limits }) => (limits ?? []).length > 0);
  }

  async declareRun(run: RunKey, declared: RunDeclaration, _author: ChangeAuthor): Promise<RunRow> {
    const before = this.#declared.get(keyText(run));
    this.#declared.set(keyText(run), {
      parentRunId: declared.parentRunId === undefined ? (before?.parentRunId ?? null) : declared.parentRunId,
      labels: declared.labels ?? before?.labels ?? {},
      limits: declared.limits ?? before?.limits ?? [],
      at: before?.at ?? this.#now(),
    });
    const row = await this.run(run);
    if (row === null) throw new Error('a declared run must be found');
    return row;
  }

  async sumsOfRun(run: RunKey): Promise<ActivitySum[]> {
    return activitySums(this.#callsOf(run).filter(hasEnded));
  }

  async sumsOfSession(team: string | null, sessionId: string): Promise<ActivitySum[]> {
    const calls = this.#all().filter((call) => call.session_id === sessionId && (team === null || call.team === team));
    return activitySums(calls.filter(hasEnded));
  }

  async usage(query: UsageQuery): Promise<UsageRow[]> {
    const widthMs = BUCKET_MS[query.bucket];
    const bucketOf = (record: CallRecord) => Math.floor(Date.parse(record.started_at) / widthMs) * widthMs;
    const calls = this.#all()
      .filter(hasEnded)
      .filter((record) => isWithin(record.started_at, query) && passes(record, query.filters))
      .filter((record) =>
        (query.named?.filters ?? []).every(({ dimension, values }) =>
          values.includes(namedOf(record, dimension) ?? ''),
        ),
      );
    const groups = Map.groupBy(calls, (record) =>
      JSON.stringify([
        bucketOf(record),
        ...query.groupBy.map((dimension) => dimensionOf(record, dimension)),
        ...(query.named?.groupBy ?? []).map((name) => namedOf(record, name)),
      ]),
    );
    return [...groups.values()].flatMap((records) => {
      const [first] = records;
      if (first === undefined) return [];
      const dimensions = Object.fromEntries(query.groupBy.map((name) => [name, dimensionOf(first, name)]));
      const named = Object.fromEntries((query.named?.groupBy ?? []).map((name) => [name, namedOf(first, name)]));
      const sums = sumsOf(records, query.includeEstimated);
      return [{ bucketStartMs: bucketOf(first), dimensions, named, ...chosenOf(sums, query.sums) }];
    });
  }

  /** Nothing is ever removed here. */
  async usageSpan({ startMs, endMs }: UsageQuery): Promise<UsageSpan> {
    return { startMs, endMs, startUnit: '1m', endUnit: '1m', recordsKeptFromMs: 0 };
  }

  #put(record: CallRecord): void {
    this.#records.set(record.id, record);
    if (hasEnded(record) && !this.#settlements.has(record.id)) {
      this.#settlements.set(record.id, this.#settlements.size + 1);
    }
  }

  #all(): CallRecord[] {
    return [...this.#records.values()].sort((a, b) => compare(a.id, b.id));
  }

  #callsOf(run: RunKey): CallRecord[] {
    return this.#all().filter((record) => record.team === run.team && record.run_id === run.runId);
  }

  #runKeys(): RunKey[] {
    const keys = new Map<string, RunKey>();
    for (const { team, run_id: runId } of this.#records.values()) {
      if (runId !== null) keys.set(keyText({ team, runId }), { team, runId });
    }
    for (const text of this.#declared.keys()) {
      const [team = '', runId = ''] = text.split('\n');
      keys.set(text, { team, runId });
    }
    return [...keys.values()];
  }

  async #runRows(): Promise<RunRow[]> {
    const rows = await Promise.all(this.#runKeys().map((run) => this.run(run)));
    return rows.filter((row) => row !== null);
  }
}

/** The model that sums are split by. */
export function modelOf(record: CallRecord): string | null {
  return record.response_model ?? record.request_model;
}

function fits(record: CallRecord, filter: RecordFilter): boolean {
  return (
    (filter.team === null || record.team === filter.team) &&
    (filter.keyId === null || record.key_id === filter.keyId) &&
    (filter.runId === null || record.run_id === filter.runId) &&
    (filter.sessionId === null || record.session_id === filter.sessionId) &&
    (filter.model === null || modelOf(record) === filter.model) &&
    (filter.ending === null || record.ending === filter.ending) &&
    isWithin(record.started_at, filter)
  );
}

function keyText(run: RunKey): string {
  return `${run.team}\n${run.runId}`;
}

function hasEnded(record: CallRecord): boolean {
  return !OPEN.has(record.ending);
}

function isWithin(at: string, range: { startMs: number | null; endMs: number | null }): boolean {
  const ms = Date.parse(at);
  return (range.startMs === null || ms >= range.startMs) && (range.endMs === null || ms < range.endMs);
}

/** A run is inside a range in which it was active: not begun after it, not last active before it. */
function wasActive(run: RunRow, range: RunFilter): boolean {
  const isBegun = range.endMs === null || Date.parse(run.started_at) < range.endMs;
  return isBegun && (range.startMs === null || Date.parse(run.last_activity_at) >= range.startMs);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function dimensionOf(record: CallRecord, dimension: UsageDimension): string | null {
  return dimension === 'model' ? modelOf(record) : record[dimension];
}

function namedOf(record: CallRecord, dimension: NamedDimension): string | null {
  const [kind, ...name] = dimension.split('.');
  return (kind === 'tag' ? record.tags : record.labels)[name.join('.')] ?? null;
}

function passes(record: CallRecord, filters: UsageQuery['filters']): boolean {
  return USAGE_DIMENSIONS.every((name) => filters[name]?.includes(dimensionOf(record, name) ?? '') ?? true);
}

function activitySums(records: readonly CallRecord[]): ActivitySum[] {
  const groups = Map.groupBy(records, (record) =>
    JSON.stringify([
      record.team,
      record.run_id,
      record.key_id,
      record.upstream,
      modelOf(record),
      record.agent,
      record.usage_source,
    ]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return [
      {
        team: first.team,
        run_id: first.run_id,
        session_id: first.session_id,
        key_id: first.key_id,
        upstream: first.upstream,
        model: modelOf(first),
        agent: first.agent,
        usage_source: first.usage_source,
        first_at: group.map((record) => record.started_at).sort()[0] ?? '',
        last_at:
          group
            .map((record) => record.ended_at ?? record.started_at)
            .sort()
            .at(-1) ?? '',
        ...sumsOf(group, true),
      },
    ];
  });
}

/** The others are 0, so that a report that asks for too few is seen. */
function chosenOf(sums: UsageSums, names: readonly SumName[] | undefined): UsageSums {
  if (names === undefined) return sums;
  const chosen = emptySums();
  addChosen(chosen, sums, chosenSums(names));
  return chosen;
}

function sumsOf(records: readonly CallRecord[], includeEstimated: boolean): UsageSums {
  const count = (isCounted: (record: CallRecord) => boolean) => records.filter(isCounted).length;
  const hasUsage = (record: CallRecord) => record.usage_source !== 'missing';
  const hasFailed = (record: CallRecord) => !hasUsage(record) && FAILURES.has(record.ending);
  const tokens = records.filter((record) => includeEstimated || record.usage_source !== 'estimated');
  const [
    input_tokens = 0,
    cache_read_tokens = 0,
    cache_write_tokens = 0,
    input_audio_tokens = 0,
    cache_audio_read_tokens = 0,
    input_image_tokens = 0,
    output_tokens = 0,
    reasoning_tokens = 0,
    output_audio_tokens = 0,
    accepted_prediction_tokens = 0,
    rejected_prediction_tokens = 0,
    total_tokens = 0,
    tool_calls = 0,
  ] = COUNT_NAMES.map((name) => tokens.reduce((sum, record) => sum + (record.usage?.[name] ?? 0), 0));
  const sumDetail = (name: DetailCount) =>
    records.filter(hasUsage).reduce((sum, record) => sum + detailOf(record, name), 0);
  const details = {
    cache_write_30m_tokens: sumDetail('cache_write_30m_tokens'),
    cache_write_12h_tokens: sumDetail('cache_write_12h_tokens'),
    cached_image_tokens: sumDetail('cached_image_tokens'),
    output_image_tokens: sumDetail('output_image_tokens'),
    web_searches: sumDetail('web_searches'),
  };
  return {
    input_tokens,
    cache_read_tokens,
    cache_write_tokens,
    input_audio_tokens,
    cache_audio_read_tokens,
    input_image_tokens,
    output_tokens,
    reasoning_tokens,
    output_audio_tokens,
    accepted_prediction_tokens,
    rejected_prediction_tokens,
    total_tokens,
    tool_calls,
    ...details,
    searching_requests: count((record) => hasUsage(record) && detailOf(record, 'web_searches') > 0),
    units: records
      .filter((record) => record.ending === 'completed' || hasUsage(record))
      .reduce((sum, record) => sum + (record.units ?? 0), 0),
    records: records.length,
    requests: count((record) => record.ending === 'completed' || hasUsage(record)),
    failed: count(hasFailed),
    missing_usage: count((record) => !hasUsage(record) && !hasFailed(record)),
    estimated: count((record) => record.usage_source === 'estimated'),
    client_retries: count((record) => record.client_retry > 0),
    unpriced: count((record) => hasUsage(record) && record.cost_nano_usd === null),
    cost_nano_usd: sumMoney(records, 'cost_nano_usd'),
    cost_input_nano_usd: sumMoney(records, 'cost_input_nano_usd'),
    cost_cache_read_nano_usd: sumMoney(records, 'cost_cache_read_nano_usd'),
    cost_cache_write_nano_usd: sumMoney(records, 'cost_cache_write_nano_usd'),
    cost_output_nano_usd: sumMoney(records, 'cost_output_nano_usd'),
    corrections: 0,
    priced_later: 0,
    corrections_nano_usd: 0n,
  };
}

function sumMoney(records: readonly CallRecord[], name: (typeof MONEY_SUM_NAMES)[number]): bigint {
  return records.reduce((sum, record) => sum + BigInt(record[name] ?? 0), 0n);
}

function detailOf(record: CallRecord, name: DetailCount): number {
  return detailCountOf(record.usage?.details ?? {}, name);
}
