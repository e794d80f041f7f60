import { collectDefaultMetrics, Registry } from 'prom-client';
import { ERROR_KINDS, type ErrorCode } from '../core/errors.ts';
import type { CallRecord } from '../ledger/record.ts';
import { CallFold, type CallTiming } from './call-fold.ts';
import { Instruments } from './instruments.ts';
import type { StatusClass } from './label-bounds.ts';
import { MISSING_REASONS } from './metric-table.ts';

/** How the journal stands at the moment of a scrape. */
export interface JournalReading {
  readonly queueLength: number;
  readonly isUnavailable: boolean;
}

/** How far a sink is behind at the moment of a scrape. */
export interface SinkReading {
  readonly name: string;
  readonly lagMs: number;
}

/** How limits stand at the moment of a scrape. */
export interface LimitReading {
  /** How much of each limit is used: 1 is all of it. */
  readonly ratios: readonly { readonly scope: string; readonly limit: string; readonly ratio: number }[];
  readonly isStoreAway: boolean;
}

export interface Metrics {
  /** Folds a call's record in; a record without an end (`in_flight`, `queued`) is not counted. */
  recordCall(record: CallRecord, timing: CallTiming): void;
  /** Counts a forwarded request that is not in the ledger. `endpoint` is a name of the endpoint table, never a path. */
  recordFree(endpoint: string, upstream: string, status: StatusClass): void;
  /** Counts a request that was refused before it reached an upstream. */
  refused(code: ErrorCode): void;
  /** Counts a request that was sent once more because no connection could be opened. */
  connectionRetried(upstream: string): void;
  callStarted(): void;
  callEnded(): void;
  /** Counts a commit of the journal that holds `recordCount` records. */
  journalCommitted(recordCount: number): void;
  journalWaited(waitSeconds: number): void;
  /** Counts rows that could not be entered in the books. */
  journalRefused(rows: number): void;
  /** Has the journal's state read at every scrape. */
  watchJournal(read: () => JournalReading): void;
  sinkDelivered(sink: string, events: number): void;
  sinkFailed(sink: string): void;
  sinkParked(sink: string): void;
  /** Counts records that retention deleted before every sink had them. */
  recordsLost(records: number): void;
  alertAdded(type: string): void;
  /** Counts what corrections have added to costs, each below 0 where a call became cheaper. */
  costsCorrected(deltasNanoUsd: readonly bigint[]): void;
  /** Has the lag of the sinks read at every scrape. */
  watchSinks(read: () => readonly SinkReading[]): void;
  /** Has the limits read at every scrape. */
  watchLimits(read: () => LimitReading): void;
  /** Tells how the last load of the configuration went, and when, in milliseconds since the Unix epoch. */
  configLoaded(outcome: 'loaded' | 'refused', atMs: number): void;
  /** What `GET /metrics` answers with. */
  text(): Promise<{ contentType: string; body: string }>;
}

export interface MetricsOptions {
  /** Whether the metrics of teams also say `key_id`. */
  readonly labelApiKey: boolean;
  /** Whether the price book or the configuration names this model; all others are counted as `other`. */
  readonly isKnownModel: (model: string) => boolean;
  /** Whether usage is read at the endpoint of this name; calls to others are counted as unmetered. */
  readonly isMeteredEndpoint: (endpoint: string) => boolean;
  readonly version: string;
  readonly nodeVersion: string;
  /** Whether prom-client's own `process_*` and `nodejs_*` metrics are collected; they observe the whole process. */
  readonly collectProcess: boolean;
}

/** How often the event loop's delay is sampled, in milliseconds: prom-client's 10 ms would wake an idle process. */
const EVENT_LOOP_SAMPLE_MS = 50;

/** Makes the metrics of one proxy, in a registry of their own. */
export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  const instruments = new Instruments(registry, options.labelApiKey);
  if (options.collectProcess) {
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
  }
  instruments.gauge('build_info').set({ version: options.version, node_version: options.nodeVersion }, 1);
  startAtZero(instruments);

  const calls = new CallFold(instruments, options);
  let inFlight = 0;
  let readJournal: (() => JournalReading) | null = null;
  let readSinks: () => readonly SinkReading[] = () => [];
  let readLimits: (() => LimitReading) | null = null;

  function readGauges(): void {
    calls.flush();
    instruments.gauge('in_flight_requests').set(inFlight);
    for (const { name, lagMs } of readSinks()) instruments.gauge('sink_lag_seconds').set({ sink: name }, lagMs / 1000);
    readLimitGauges();
    if (readJournal === null) return;
    const journal = readJournal();
    instruments.gauge('journal_queue_length').set(journal.queueLength);
    instruments.gauge('journal_unavailable').set(journal.isUnavailable ? 1 : 0);
  }

  function readLimitGauges(): void {
    const limits = readLimits?.();
    instruments.gauge('limit_store_unavailable').set(limits?.isStoreAway ? 1 : 0);
    instruments.gauge('limit_used_ratio').reset();
    for (const { scope, limit, ratio } of limits?.ratios ?? []) {
      instruments.gauge('limit_used_ratio').set({ scope, limit }, ratio);
    }
  }

  const journalWaits = instruments.histogram('journal_commit_wait_seconds');
  return {
    recordCall: (record, timing) => calls.add(record, timing),
    recordFree: (endpoint, upstream, status) =>
      instruments.counter('free_requests_total').inc({ endpoint, upstream, status_class: status }),
    refused: (code) => instruments.counter('refused_total').inc({ code }),
    connectionRetried: (upstream) => instruments.counter('upstream_connection_retries_total').inc({ upstream }),
    callStarted: () => {
      inFlight += 1;
    },
    callEnded: () => {
      inFlight -= 1;
    },
    journalCommitted: (recordCount) => {
      instruments.counter('journal_commits_total').inc();
      instruments.counter('journal_records_total').inc(recordCount);
    },
    journalRefused: (rows) => instruments.counter('journal_refused_rows_total').inc(rows),
    journalWaited: (waitSeconds) => journalWaits.add([], waitSeconds),
    watchJournal: (read) => {
      readJournal = read;
    },
    sinkDelivered: (sink, events) => instruments.counter('sink_delivered_total').inc({ sink }, events),
    sinkFailed: (sink) => instruments.counter('sink_failures_total').inc({ sink }),
    sinkParked: (sink) => instruments.counter('sink_parked_total').inc({ sink }),
    recordsLost: (records) => instruments.counter('sink_lost_records_total').inc(records),
    costsCorrected: (deltasNanoUsd) => {
      const sumOf = (deltas: readonly bigint[]) => Number(deltas.reduce((sum, delta) => sum + delta, 0n)) / 1e9;
      const total = instruments.counter('cost_corrections_usd_total');
      total.inc({ direction: 'up' }, sumOf(deltasNanoUsd.filter((delta) => delta > 0n)));
      total.inc({ direction: 'down' }, -sumOf(deltasNanoUsd.filter((delta) => delta < 0n)));
    },
    alertAdded: (type) => instruments.counter('alerts_total').inc({ type }),
    watchSinks: (read) => {
      readSinks = read;
    },
    watchLimits: (read) => {
      readLimits = read;
    },
    configLoaded: (outcome, atMs) => {
      instruments.gauge('config_last_reload_successful').set(outcome === 'loaded' ? 1 : 0);
      if (outcome === 'loaded') instruments.gauge('config_last_reload_success_timestamp_seconds').set(atMs / 1000);
    },
    text: async () => {
      readGauges();
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

/** Lets the series of fixed sets begin at 0, so that the first event already shows as a rise. */
function startAtZero(instruments: Instruments): void {
  for (const reason of MISSING_REASONS) instruments.counter('usage_missing_total').inc({ reason }, 0);
  for (const direction of ['up', 'down']) instruments.counter('cost_corrections_usd_total').inc({ direction }, 0);
  for (const code of Object.keys(ERROR_KINDS)) instruments.counter('refused_total').inc({ code }, 0);
}
