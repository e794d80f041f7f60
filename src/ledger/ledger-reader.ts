import type { DetailCount } from '../metering/detail-counts.ts';
import type { TokenCounts } from '../metering/usage.ts';
import type { ChangeAuthor } from './access-book.ts';
import type { Correction, SettledCorrection } from './correction.ts';
import type { CallRecord, Ending } from './record.ts';

/**
 * Reads of the books. Sums come from the roll-ups, so that their cost does not grow with the number of records; only
 * the calls of one run and lists of records are read row by row.
 *
 * Every answer is scoped: `team` null means all teams (an administrator), otherwise only that team's rows are seen.
 */
export interface LedgerReader {
  record(id: string, team: string | null): Promise<CallRecord | null>;
  /** Newest first. `beforeId` continues after the last row of the page before. */
  records(filter: RecordFilter, page: { limit: number; beforeId: string | null }): Promise<CallRecord[]>;
  /** The highest settlement number; whatever ends or is corrected from now on has a higher one. 0 where nothing has. */
  lastSettlement(): Promise<number>;
  /** The settlement number of a record that has an end, or of a correction, of the filter; null for an unknown id. */
  settlementOf(filter: RecordFilter, id: string): Promise<number | null>;
  /**
   * Records with an end, and corrections, in the order in which they came. Read on after `readThrough` until that is
   * `through`.
   */
  settledEntries(filter: RecordFilter, page: SettledPage): Promise<SettledEntries>;
  /** The calls of one run that have an end, in the order in which they began. Empty where retention has removed them. */
  recordsOfRun(run: RunKey): Promise<CallRecord[]>;

  /** What is known of a run beside its sums; null when no call named it and nobody declared it. */
  run(run: RunKey): Promise<RunRow | null>;
  /** Which teams have a run of this id, for a reader who may see all teams. */
  teamsOfRun(runId: string): Promise<string[]>;
  runs(filter: RunFilter, page: { limit: number; after: RunCursor | null }): Promise<RunRow[]>;
  childrenOf(run: RunKey): Promise<RunRow[]>;
  /** Whether any run was declared with limits of its own. */
  hasRunLimits(): Promise<boolean>;
  /**
   * Declares a run, or changes what was declared, and writes its entry of the audit, in one transaction. Gives the row
   * as it is then.
   */
  declareRun(run: RunKey, declared: RunDeclaration, author: ChangeAuthor): Promise<RunRow>;

  /** The sums of one run, a row for each (key, upstream, model, agent, usage source). */
  sumsOfRun(run: RunKey): Promise<ActivitySum[]>;
  /** The sums of one session, a row for each (run, key, upstream, model, agent, usage source); `run_id` null: no run. */
  sumsOfSession(team: string | null, sessionId: string): Promise<ActivitySum[]>;
  /** Sums by time bucket and the dimensions asked for. Buckets without calls are not given. */
  usage(query: UsageQuery): Promise<UsageRow[]>;
  /** The range that `usage` sums: that of the query, or a wider one where nothing finer is kept any more. */
  usageSpan(query: UsageQuery): Promise<UsageSpan>;
}

export interface RunKey {
  readonly team: string;
  readonly runId: string;
}

/** What every roll-up row adds up. */
export interface UsageSums extends TokenCounts, Readonly<Record<DetailCount, number>> {
  /** All records. */
  readonly records: number;
  /** Records that an agent SDK would count as a request: they completed, or their usage is known. */
  readonly requests: number;
  /** Ended in `upstream_error`, `upstream_cut` or `timed_out`, without usage. */
  readonly failed: number;
  /** `usage_source` is missing and the call did not fail. */
  readonly missing_usage: number;
  readonly estimated: number;
  /** `client_retry` above 0. */
  readonly client_retries: number;
  /** Usage known, price unknown. */
  readonly unpriced: number;
  /** Requests in which the upstream made web searches. */
  readonly searching_requests: number;
  /** `units` of the records; it means something only within one kind of endpoint. */
  readonly units: number;
  /** As the calls were recorded. */
  readonly cost_nano_usd: bigint;
  /** What of the cost was for which tokens; calls whose cost nobody split add nothing here. */
  readonly cost_input_nano_usd: bigint;
  readonly cost_cache_read_nano_usd: bigint;
  readonly cost_cache_write_nano_usd: bigint;
  readonly cost_output_nano_usd: bigint;
  /** How many corrections of costs there have been since, how many of them priced a call that was unpriced… */
  readonly corrections: number;
  readonly priced_later: number;
  /** …and what they add to the cost; below 0 where calls have become cheaper. */
  readonly corrections_nano_usd: bigint;
}

export type SumName = keyof UsageSums;

export interface ActivitySum extends UsageSums {
  readonly team: string;
  readonly run_id: string | null;
  readonly session_id: string | null;
  readonly key_id: string;
  readonly upstream: string;
  readonly model: string | null;
  readonly agent: string | null;
  readonly usage_source: 'reported' | 'estimated' | 'missing';
  readonly first_at: string;
  readonly last_at: string;
}

export interface RunRow {
  readonly team: string;
  readonly run_id: string;
  readonly parent_run_id: string | null;
  /** The session that the run's last call named. */
  readonly session_id: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** As declared with `PUT /api/v1/runs/{run_id}`; rules are read by the limits room. */
  readonly limits: readonly unknown[];
  readonly started_at: string;
  readonly last_activity_at: string;
  /** Calls open now: `in_flight` and `queued`. */
  readonly in_flight: number;
  readonly cost_nano_usd: bigint;
}

export interface RunDeclaration {
  readonly parentRunId?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly limits?: readonly unknown[];
}

/** Run lists go on after the last row seen, by the value that they are ordered by. */
export interface RunCursor {
  readonly value: string;
  readonly team: string;
  readonly runId: string;
}

export interface RunFilter {
  readonly team: string | null;
  readonly sessionId: string | null;
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly order: '-cost' | '-last_activity_at';
}

export interface RecordFilter {
  readonly team: string | null;
  readonly keyId: string | null;
  readonly runId: string | null;
  readonly sessionId: string | null;
  readonly model: string | null;
  readonly ending: Ending | null;
  readonly startMs: number | null;
  readonly endMs: number | null;
}

/** A stretch of the order in which calls ended. */
export interface SettledPage {
  /** Only higher settlement numbers. */
  readonly after: number;
  /** The last number that is wanted. */
  readonly through: number;
  /** At most so many entries. */
  readonly limit: number;
}

export type SettledEntry =
  /** `corrected`: its latest correction by now. */
  | { readonly kind: 'call'; readonly record: CallRecord; readonly corrected: Correction | null }
  | { readonly kind: 'correction'; readonly correction: SettledCorrection };

export interface SettledEntries {
  /** Fewer than the limit, or none, does not mean that there are no more: long stretches are read in parts. */
  readonly entries: SettledEntry[];
  /** All entries of the filter up to this number have been given. */
  readonly readThrough: number;
}

export const USAGE_DIMENSIONS = [
  'team',
  'key_id',
  'upstream',
  'endpoint',
  'model',
  'service_tier',
  'usage_source',
  'run_id',
  'session_id',
  'agent',
  'user',
] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** A tag of the call, or a label of its key, by its name: `tag.project`, `label.cost_center`. */
export type NamedDimension = `tag.${string}` | `label.${string}`;

/** What only records know: the answer reads each of the range. */
export interface NamedDimensions {
  readonly groupBy: readonly NamedDimension[];
  readonly filters: readonly { readonly dimension: NamedDimension; readonly values: readonly string[] }[];
}

export interface UsageQuery {
  readonly startMs: number;
  readonly endMs: number;
  readonly bucket: '1m' | '1h' | '1d';
  readonly groupBy: readonly UsageDimension[];
  /** Each dimension may be narrowed to several values. `team` is set by the caller's scope. */
  readonly filters: Readonly<Partial<Record<UsageDimension, readonly string[]>>>;
  /** Whether estimated tokens are in the sums; their number is told in `estimated` in any case. */
  readonly includeEstimated: boolean;
  /** Tags and labels to group by and to narrow to, beside the dimensions. */
  readonly named?: NamedDimensions;
  /** The sums that are wanted, which makes long answers cheaper; the others are 0 then. Absent: all. */
  readonly sums?: readonly SumName[];
}

export interface UsageSpan {
  readonly startMs: number;
  readonly endMs: number;
  /** What the sums at the two ends can tell apart. */
  readonly startUnit: UsageQuery['bucket'];
  readonly endUnit: UsageQuery['bucket'];
  /** Records that began before may have been removed by retention. */
  readonly recordsKeptFromMs: number;
}

export interface UsageRow extends UsageSums {
  readonly bucketStartMs: number;
  readonly dimensions: Readonly<Partial<Record<UsageDimension, string | null>>>;
  /** Values of the tags and labels that were grouped by; null where a call has none. */
  readonly named?: Readonly<Record<NamedDimension, string | null>>;
}
