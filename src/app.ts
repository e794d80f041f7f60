import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { createAccess, createUseNotes, noteReload, watchChanges } from './app-access.ts';
import { openLimits, stageSettingsOf } from './app-limits.ts';
import { observerOf } from './app-observer.ts';
import { createReaders } from './app-readers.ts';
import { proxySettingsOf, rateSettingsOf, statusOf } from './app-settings.ts';
import { startEventsOut } from './app-sinks.ts';
import { KeyDirectory } from './attribution/key-directory.ts';
import { ConfigError } from './config/config-error.ts';
import type { LocalSecrets } from './config/local-secrets.ts';
import { reloadOf } from './config/reload.ts';
import type { Config } from './config/schema.ts';
import { BackgroundWork } from './core/background.ts';
import { type Clock, systemClock } from './core/clock.ts';
import { createIdGenerator } from './core/ids.ts';
import type { ChangeAuthor } from './ledger/access-book.ts';
import { openJournal } from './ledger/journal.ts';
import type { RecordFilter } from './ledger/ledger-reader.ts';
import { startRetention } from './ledger/retention-schedule.ts';
import { openRedis, type RedisConnection } from './limits/redis-connection.ts';
import { classifyEndpoint } from './metering/endpoints.ts';
import { openEventSkimmer } from './metering/event-skim/event-skimmer.ts';
import { readBundledBook } from './pricing/bundled-book.ts';
import { ReportThread } from './reporting/report-thread.ts';
import { BackgroundResponses } from './server/background-responses.ts';
import { ClientAttempts } from './server/client-attempts.ts';
import { registerDashboardRoutes } from './server/dashboard-routes.ts';
import { ShutdownError } from './server/dispatch.ts';
import { createHttpServer } from './server/http-server.ts';
import { openSkimmer } from './server/json-skim/json-skimmer.ts';
import type { ReloadResult, Status, UnreadyReason } from './server/management-rooms.ts';
import { registerManagementRoutes } from './server/management-routes.ts';
import { OpenCalls } from './server/open-calls.ts';
import { registerProxyRoutes, takePlainCalls } from './server/proxy-routes.ts';
import { createRequestRates } from './server/rate-limits.ts';
import type { ProxyRooms } from './server/rooms.ts';
import { RejectionMemory } from './server/stream-usage-request.ts';
import { createTokenEstimator } from './server/token-estimator.ts';
import type { Logger } from './telemetry/logger.ts';
import { createMetrics } from './telemetry/metrics.ts';

export interface AppOptions {
  readonly config: Config;
  readonly secrets: LocalSecrets;
  /** Reads the configuration anew, for a reload. Throws ConfigError. */
  readonly readConfig: () => Config;
  readonly logger: Logger;
  readonly version: string;
  readonly nodeVersion: string;
  readonly clock?: Clock;
  /** Whether metrics of the whole process are collected; tests make many apps in one process. */
  readonly collectProcessMetrics: boolean;
  /** False: clients' requests are all read by Node's `http`, which tests compare ours with. */
  readonly ownHttp?: boolean;
}

/** A running Metertap. */
export interface App {
  /** Where it listens: `http://127.0.0.1:8787`. */
  readonly url: string;
  /** Reads the configuration anew, and notes in the audit who had it done and which sections have changed. */
  reload(author: ChangeAuthor): Promise<ReloadResult>;
  /** Admits no further call, waits for the open ones up to the grace, ends the rest, writes what is to be written. */
  close(): Promise<void>;
}

/** Background responses that had not been settled when the process ended. */
const QUEUED: RecordFilter = {
  team: null,
  keyId: null,
  runId: null,
  sessionId: null,
  model: null,
  ending: 'queued',
  startMs: null,
  endMs: null,
};
const MAX_QUEUED = 100_000;

/**
 * How many connections may wait to be accepted; the system has a bound of its own (`net.core.somaxconn`). Node's 511 are
 * full where thousands of streams begin within a second, and what comes then is reset.
 */
const BACKLOG = 4096;

/** The page, as it was built; beside the sources in a checkout and in the image. */
const DASHBOARD_FOLDER = fileURLToPath(new URL('../dashboard/dist', import.meta.url));

/** How long a connection may still take what has been written to it, once its call has been ended. */
const LAST_WORDS_MS = 1_000;

/**
 * Builds every room, joins them, and listens. The one place where rooms learn of each other.
 *
 * @throws LedgerError where the ledger cannot be opened; an error of the network where the address cannot be listened on
 */
export async function startApp(options: AppOptions): Promise<App> {
  const { logger, secrets } = options;
  const clock = options.clock ?? systemClock;
  const ulid = createIdGenerator();
  const nextId = () => ulid(clock.nowMs());
  const background = new BackgroundWork((name, error) =>
    logger.error({ err: error, work: name }, 'background work failed'),
  );

  let config = options.config;
  const startedAtMs = clock.nowMs();
  let configuration: Status['configuration'] = { loadedAtMs: startedAtMs, isLastLoadInForce: true };
  const book = readBundledBook(readBookText());
  const directory = new KeyDirectory();
  const lasting = { pepper: secrets.pepper, book, directory };
  let proxy = proxySettingsOf(config, lasting);
  let stageSettings = stageSettingsOf(config, { directory, logger });
  warnOfWhatDoesNotHold(config, logger);

  const metrics = createMetrics({
    labelApiKey: config.metrics.label_api_key,
    isKnownModel: (model) => proxy.modelNames.has(model),
    isMeteredEndpoint: (endpoint) => classifyEndpoint('POST', endpoint).kind === 'metered',
    version: options.version,
    nodeVersion: options.nodeVersion,
    collectProcess: options.collectProcessMetrics,
  });
  metrics.configLoaded('loaded', clock.nowMs());

  const journal = await openJournal({
    dataDir: config.data_dir,
    synchronous: config.ledger.synchronous,
    instanceId: nextId(),
    clock,
    onStateChange: (state) => {
      if (state.kind === 'ready') logger.info({}, 'the ledger can be written');
      else logger.error({ reason: state.reason, hint: state.hint }, 'the ledger cannot be written');
    },
    onError: (error) => logger.error({ err: error }, 'the journal'),
    onCommit: (recordWaitsMs) => {
      metrics.journalCommitted(recordWaitsMs.length);
      for (const waitMs of recordWaitsMs) metrics.journalWaited(waitMs / 1000);
    },
    onRefusedRows: (rows) => metrics.journalRefused(rows),
  });
  metrics.watchJournal(() => ({ queueLength: journal.pendingRows, isUnavailable: journal.state.kind !== 'ready' }));
  if (journal.recoveredCalls > 0) {
    logger.warn({ calls: journal.recoveredCalls }, 'calls of a process that died are in the ledger as interrupted');
  }
  const access = createAccess({ book: journal.access, directory, pepper: secrets.pepper, config: () => config });
  await access.takeUpChanges();
  const noteUses = createUseNotes({ book: journal.access, directory });
  const queued = await journal.reader.records(QUEUED, { limit: MAX_QUEUED, beforeId: null });

  const eventsOut = await startEventsOut({
    sinks: config.sinks,
    journal,
    clock,
    nextId,
    background,
    metrics,
    logger,
  });
  const openCalls = new OpenCalls();
  const observer = observerOf(metrics, logger, eventsOut);
  const app = createHttpServer(
    {
      requestTimeoutMs: config.listen.request_timeout_ms,
      keepAliveMs: config.listen.keep_alive_ms,
      maxHeaderBytes: config.listen.max_header_kb * 1024,
    },
    nextId,
    observer,
  );
  const redis = await openSharedRedis(config, logger);
  const rates = await createRequestRates(app, {
    settings: () => rateSettingsOf(config),
    redis: redis?.client,
    nowMs: () => clock.monotonicMs(),
  });
  const estimator = createTokenEstimator({
    nowMs: () => clock.monotonicMs(),
    onDeath: (reason) => logger.warn({ reason }, 'the thread that counts tokens has died; tokens are counted roughly'),
  });
  const limits = await openLimits({
    settings: () => stageSettings,
    journal,
    background,
    clock,
    logger,
    alerts: eventsOut.alerts,
    redisUrl: config.redis_url ?? null,
    ledgerSecret: secrets.pepper,
  });
  metrics.watchLimits(() => ({ ratios: limits.ratios.all(), isStoreAway: limits.isStoreAway() }));
  const proxyRooms: ProxyRooms = {
    settings: () => proxy,
    ledger: journal,
    limits: limits.stage,
    rates,
    background: new BackgroundResponses(queued),
    rejections: new RejectionMemory(),
    attempts: new ClientAttempts(clock),
    skimmer: openSkimmer(),
    eventSkimmer: openEventSkimmer(),
    estimator,
    openCalls,
    observer,
    clock,
    nextId,
  };
  registerProxyRoutes(app, proxyRooms);
  if (options.ownHttp ?? true) takePlainCalls(app, proxyRooms, config.listen.max_header_kb * 1024);

  const reload = async (author: ChangeAuthor): Promise<ReloadResult> => {
    try {
      const next = options.readConfig();
      const nextProxy = proxySettingsOf(next, lasting);
      const nextStageSettings = stageSettingsOf(next, { directory, logger });
      const told = reloadOf(config, next);
      for (const path of told.at_next_start) {
        logger.warn({ setting: path }, 'this setting changes at the next start only');
      }
      const before = proxy;
      config = next;
      proxy = nextProxy;
      eventsOut.replace(next.sinks);
      stageSettings = nextStageSettings;
      logger.setLevel(config.log.level);
      configuration = { loadedAtMs: clock.nowMs(), isLastLoadInForce: true };
      metrics.configLoaded('loaded', clock.nowMs());
      warnOfWhatDoesNotHold(config, logger);
      logger.info({}, 'the configuration has been reloaded');
      // Calls that have begun, even those whose request is still on its way, keep their upstreams to their end.
      background.run('close upstreams', () => openCalls.whenPresentOver().then(() => before.upstreams.close()));
      await noteReload(journal.access, { told, author, logger });
      return { kind: 'swapped' };
    } catch (error) {
      configuration = { ...configuration, isLastLoadInForce: false };
      metrics.configLoaded('refused', clock.nowMs());
      if (!(error instanceof ConfigError)) throw error;
      logger.error({ err: error }, 'the configuration was not reloaded; the one before still holds');
      return { kind: 'kept', faults: error.faults };
    }
  };

  const readers = createReaders({
    pepper: secrets.pepper,
    clock,
    adminKey: () => config.admin_key ?? secrets.adminKey,
    keyRing: () => proxy.keyRing,
  });
  app.addHook('onRequest', (request, _reply, done) => {
    // By the route, for the same path has many spellings; by the path where there is no route.
    if (isManagement(request.routeOptions.url ?? request.url)) rates.countManagement(request).then(() => done(), done);
    else done();
  });
  const reports = new ReportThread({ dataDir: config.data_dir, book: () => journal.book() });
  registerManagementRoutes(app, {
    reader: journal.reader,
    reports,
    corrections: journal.corrections,
    onCorrected: (deltasNanoUsd) => {
      metrics.costsCorrected(deltasNanoUsd);
      eventsOut.costsCorrected();
    },
    statements: journal.statements,
    nextId,
    onCommitted: (listener) => journal.onCommitted(listener),
    authorize: readers.authorize,
    signIn: {
      sessions: readers.sessions,
      countAttempt: (request) => rates.countSignIn(request),
      authMode: () => config.auth.mode,
    },
    clock,
    access,
    metrics,
    metricsToken: () => config.metrics.token ?? null,
    health: () => ({ reasons: unreadyReasons() }),
    status: () =>
      statusOf(config, {
        ...options,
        startedAtMs,
        configuration,
        openCalls: openCalls.count,
        journal: { state: journal.state.kind, waitingRecords: journal.pendingRows },
      }),
    reload,
    prices: () => ({ ...proxy.prices, upstreams: config.upstreams.map(({ name }) => name) }),
    sinks: eventsOut,
    limits: limits.desk,
    runDeclared: limits.runDeclared,
  });

  registerDashboardRoutes(app, DASHBOARD_FOLDER);

  function unreadyReasons(): UnreadyReason[] {
    const reasons: UnreadyReason[] = [];
    if (openCalls.closing) reasons.push({ code: 'shutting_down', message: 'Metertap is shutting down.' });
    const { state } = journal;
    if (state.kind === 'unavailable') {
      reasons.push({ code: 'ledger_unavailable', message: `${state.reason} ${state.hint}` });
    }
    return reasons;
  }

  watchChanges(background, { takeUpChanges: access.takeUpChanges, noteUses });
  startRetention({
    journal,
    background,
    clock,
    retentionDays: () => config.ledger.retention_days,
    onUndelivered: (records) => {
      metrics.recordsLost(records);
      logger.error({ records }, 'records were deleted before every sink had them');
    },
  });
  const closeRooms = async (graceMs: number) => {
    await eventsOut.stop(graceMs);
    await background.stop();
    // The ledger may be away; the books do not depend on it.
    await noteUses().catch((error: unknown) => logger.warn({ err: error }, 'the last uses of keys were not noted'));
    await estimator.close();
    await reports.close();
    await journal.close();
    await proxy.upstreams.close();
    await limits.close();
    await redis?.close();
  };
  const { host, port, reuse_port: reusePort } = config.listen;
  try {
    // `reusePort` is Node's own option, which Fastify hands on.
    const address = { host, port, reusePort, backlog: BACKLOG };
    await app.listen(address);
  } catch (error) {
    await app.close();
    await closeRooms(0);
    throw error;
  }

  return {
    url: urlOf(app.server.address(), host),
    reload,
    close: async () => {
      const closesAtMs = clock.monotonicMs() + config.shutdown_grace_ms;
      openCalls.stopAdmitting();
      // Until the open calls are over the server still listens: /readyz says 503 to a load balancer, and calls that it
      // sends all the same are told to go elsewhere. Where others listen on the same port, new connections go to them.
      const stopped = reusePort ? new Promise((resolve) => app.server.close(resolve)) : null;
      await withGrace(openCalls, config.shutdown_grace_ms, () => app.server.closeAllConnections());
      const lastWords = setTimeout(() => app.server.closeAllConnections(), LAST_WORDS_MS);
      await app.close();
      await stopped;
      clearTimeout(lastWords);
      await closeRooms(Math.max(0, closesAtMs - clock.monotonicMs()));
    },
  };
}

/** The text of the price book that is shipped beside the sources. */
export function readBookText(): string {
  return readFileSync(new URL('./pricing/price-book.jsonl', import.meta.url), 'utf8');
}

/** Waits for the open calls; those that are still open after the grace are ended, if need be with their connections. */
async function withGrace(openCalls: OpenCalls, graceMs: number, cutConnections: () => void): Promise<void> {
  const grace = setTimeout(() => openCalls.abortAll(new ShutdownError('the grace is over')), graceMs);
  const lastWords = setTimeout(cutConnections, graceMs + LAST_WORDS_MS);
  await openCalls.whenPresentOver();
  clearTimeout(grace);
  clearTimeout(lastWords);
}

function warnOfWhatDoesNotHold(config: Config, logger: Logger): void {
  if (config.database_url !== undefined) {
    logger.warn({ setting: 'database_url' }, 'a shared ledger is not part of this release; the local one is used');
  }
}

async function openSharedRedis(config: Config, logger: Logger): Promise<RedisConnection | null> {
  if (config.redis_url === undefined) return null;
  return openRedis(config.redis_url, {
    onChange: (state, cause) => {
      if (state === 'there') logger.info({}, 'Redis is there');
      else logger.warn({ err: cause }, 'Redis is away; request rates are not counted');
    },
  });
}

function isManagement(url: string): boolean {
  return url.startsWith('/api/') || url.startsWith('/v1/organization/');
}

function urlOf(address: ReturnType<FastifyInstance['server']['address']>, host: string): string {
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${shown}:${port}`;
}
