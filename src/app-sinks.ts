import { isDeepStrictEqual } from 'node:util';
import type { Config, SinkConfig } from './config/schema.ts';
import type { AlertEvents } from './core/alert-events.ts';
import type { BackgroundWork } from './core/background.ts';
import type { Clock } from './core/clock.ts';
import { SINK_KINDS } from './core/sink-kinds.ts';
import type { Journal } from './ledger/journal.ts';
import type { CallRecord } from './ledger/record.ts';
import type { ManagedSinks } from './server/management-rooms.ts';
import { AlertBook } from './sinks/alert-book.ts';
import { missingUsageAlerts, unpricedAlert } from './sinks/call-alerts.ts';
import type { DeliveryObserver } from './sinks/sink-delivery.ts';
import type { SinkSettings } from './sinks/sink-settings.ts';
import { Sinks } from './sinks/sinks.ts';
import type { Logger } from './telemetry/logger.ts';
import type { Metrics } from './telemetry/metrics.ts';

export interface EventsOutOptions {
  readonly sinks: Config['sinks'];
  readonly journal: Journal;
  readonly clock: Clock;
  readonly nextId: (nowMs: number) => string;
  readonly background: BackgroundWork;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Events out of this process: the alerts that are published, and the sinks that are delivered to. */
export interface EventsOut extends ManagedSinks {
  readonly alerts: AlertEvents;
  /** Looks at a call that has ended for what an operator should hear of. */
  callEnded(record: CallRecord): void;
  /** Says that corrections have been written. */
  costsCorrected(): void;
  /** Goes over to other sinks; those from before end what they are sending. */
  replace(sinks: Config['sinks']): void;
  /** Delivers what waits, for at most `graceMs`, and ends. */
  stop(graceMs: number): Promise<void>;
}

/** How often the hours that are over are looked at for calls without usage. */
const MISSING_USAGE_LOOK_MS = 300_000;
const REPLACE_GRACE_MS = 5_000;
const DEFAULT_BATCH_SIZE = 100;

/** Builds and starts what sends events out. From when it resolves on, no settled call is missed. */
export async function startEventsOut(options: EventsOutOptions): Promise<EventsOut> {
  const { journal, clock, nextId, background, metrics, logger } = options;
  const observer = observerOf(metrics, logger);
  const make = (configs: Config['sinks']) =>
    new Sinks({ settings: configs.map(settingsOf), outbox: journal.outbox, observer, clock, random: Math.random });

  let configs = options.sinks;
  let sinks = make(configs);
  let replacing = sinks.start();
  await replacing;

  const alerts = new AlertBook({
    outbox: journal.outbox,
    nextId,
    onAdded: (alert) => {
      metrics.alertAdded(alert.type);
      logger.warn({ type: alert.type, team: alert.team, ...alert.data }, 'alert');
      sinks.wake('alerts');
    },
    onError: (error) => logger.error({ err: error }, 'an alert cannot be written; it is tried again'),
  });
  const lookForMissingUsage = async () => {
    for (const alert of await missingUsageAlerts(journal.reader, clock.nowMs())) alerts.publish(alert);
  };
  background.run('look for missing usage', lookForMissingUsage);
  background.every('look for missing usage', MISSING_USAGE_LOOK_MS, lookForMissingUsage);
  journal.onCommitted(() => sinks.wake('usage'));
  metrics.watchSinks(() => sinks.lags());

  return {
    alerts,
    callEnded: (record) => {
      const alert = unpricedAlert(record);
      if (alert !== null) alerts.publish(alert);
    },
    costsCorrected: () => sinks.wake('corrections'),
    configured: () => configs.map(viewOf),
    standings: () => journal.outbox.standings(),
    retryParked: async (name) => {
      const count = await journal.outbox.retryParked(name);
      for (const stream of ['usage', 'corrections', 'alerts'] as const) sinks.wake(stream);
      return count;
    },
    sendTest: (name) => sinks.sendTest(name, nextId(clock.nowMs())),
    replace: (next) => {
      if (isDeepStrictEqual(next, configs)) return;
      const before = sinks;
      const after = make(next);
      configs = next;
      sinks = after;
      replacing = replacing.then(() => before.stop(REPLACE_GRACE_MS)).then(() => after.start());
      background.run('replace sinks', () => replacing);
    },
    stop: async (graceMs) => {
      await alerts.close();
      await replacing;
      await sinks.stop(graceMs);
    },
  };
}

function viewOf({ name, kind, url }: SinkConfig) {
  return { name, kind, host: new URL(url ?? SINK_KINDS[kind].defaultUrl ?? '').host };
}

function settingsOf(sink: SinkConfig): SinkSettings {
  const rules = SINK_KINDS[sink.kind];
  return {
    name: sink.name,
    kind: sink.kind,
    url: sink.url ?? rules.defaultUrl ?? '',
    streams: sink.events ?? [rules.streams[0]],
    token: sink.token ?? null,
    headers: sink.headers,
    signingSecrets: sink.signing_secrets,
    teams: sink.teams,
    batchSize: sink.batch_size ?? Math.min(DEFAULT_BATCH_SIZE, rules.maxBatch),
    timeoutMs: sink.timeout_ms,
    maxAttempts: sink.max_attempts,
    eventName: sink.event_name,
    meters: sink.meters.map(({ event_name, value }) => ({ eventName: event_name, value })),
    customers: sink.customers,
    customerLabel: sink.customer_label ?? null,
    source: sink.source,
  };
}

function observerOf(metrics: Metrics, logger: Logger): DeliveryObserver {
  return {
    delivered: (sink, events) => metrics.sinkDelivered(sink, events),
    failed: (sink, reason, failuresInRow) => {
      metrics.sinkFailed(sink);
      // Once when it begins; while it lasts, the metrics and GET /api/v1/sinks tell of it.
      if (failuresInRow === 1) logger.warn({ sink, reason }, 'a sink cannot be delivered to; it is tried again');
    },
    recovered: (sink) => logger.info({ sink }, 'a sink can be delivered to again'),
    parked: (sink, event, reason) => {
      metrics.sinkParked(sink);
      logger.error({ sink, ...event, reason }, 'an event was refused for good and is parked');
    },
    fault: (sink, error) => logger.error({ err: error, sink }, 'the outbox'),
  };
}
