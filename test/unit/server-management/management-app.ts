import fastify, { type FastifyInstance } from 'fastify';
import { errorEnvelope, MetertapError } from '../../../src/core/errors.ts';
import type { AccessBook } from '../../../src/ledger/access-book.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { ReportDesk } from '../../../src/reporting/report-desk.ts';
import type { AccessRooms, ManagementRooms, Reader } from '../../../src/server/management-rooms.ts';
import { registerManagementRoutes } from '../../../src/server/management-routes.ts';
import { MemoryLedgerReader } from '../../support/memory-ledger-reader.ts';
import { type MemoryLimitsOptions, makeLimits } from '../../support/memory-limits.ts';

export const ADMIN = { authorization: 'Bearer admin' };
/** The key of team `research`. */
export const RESEARCH = { authorization: 'Bearer research-key' };

/** Three in the afternoon, UTC, on the day of the records that `makeCallRecord` makes. */
export const NOW_MS = Date.UTC(2026, 10, 22, 15);

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['Bearer admin', { kind: 'admin' }],
  ['Bearer research-key', { kind: 'team', team: 'research', keyId: 'ci' }],
]);

export interface ManagementApp {
  readonly app: FastifyInstance;
  readonly reader: MemoryLedgerReader;
  /** Every route that Fastify was given: `GET /api/v1/runs/:run_id`. */
  readonly routes: readonly string[];
}

function unexpected(): never {
  throw new Error('the test has none of this');
}

/** For tests that have nothing to do with teams and keys. */
const NO_ACCESS: AccessRooms = {
  book: new Proxy<AccessBook>(Object.create(null), { get: () => () => Promise.reject(new Error('no teams or keys')) }),
  file: () => ({ teams: [], keys: [] }),
  mint: unexpected,
  limitRulesFault: () => null,
  takeUpChanges: async () => undefined,
  areKeysInUse: () => true,
};

/** An application with the management routes alone, over records in memory. */
export function makeManagementApp(
  records: readonly CallRecord[] = [],
  given: Partial<ManagementRooms> = {},
  rules: MemoryLimitsOptions = {},
): ManagementApp {
  const reader = new MemoryLedgerReader(records);
  const { limits, runs } = makeLimits(reader, rules);
  const app = fastify({ routerOptions: { maxParamLength: 4_096 }, exposeHeadRoutes: false });
  const routes: string[] = [];
  // Stands for the one error writer of the server, which has tests of its own.
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof MetertapError) return reply.code(error.kind.status).send(errorEnvelope(error));
    return reply.code(500).send({ error: { code: 'internal_error', message: String(error) } });
  });
  app.addHook('onRoute', (route) => {
    routes.push(`${route.method} ${route.url}`);
  });
  registerManagementRoutes(app, {
    reader,
    reports: new ReportDesk(() => reader),
    onCommitted: reader.onCommitted,
    authorize: (headers) => READERS.get(headers.authorization ?? '') ?? null,
    signIn: {
      sessions: { begin: () => null, find: () => null, end: () => undefined },
      countAttempt: async () => undefined,
      authMode: () => 'keys',
    },
    clock: { nowMs: () => NOW_MS, monotonicMs: () => 0 },
    access: NO_ACCESS,
    metrics: { text: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'metertap_build_info 1\n' }) },
    metricsToken: () => null,
    health: () => ({ reasons: [] }),
    status: () => ({
      version: '1.2.3',
      nodeVersion: 'v24.0.0',
      startedAtMs: NOW_MS,
      authMode: 'keys',
      openCalls: 0,
      journal: { state: 'ready', waitingRecords: 0 },
      upstreams: [{ name: 'openai', origin: 'https://api.openai.com', models: ['*'] }],
      configuration: { loadedAtMs: NOW_MS, isLastLoadInForce: true },
    }),
    reload: async () => ({ kind: 'swapped' }),
    sinks: {
      configured: () => [],
      standings: async () => [],
      retryParked: async () => null,
      sendTest: async () => null,
    },
    prices: () => ({
      upstreams: [],
      explain: unexpected,
      itemise: unexpected,
      providerOf: unexpected,
      priceCall: unexpected,
    }),
    onCorrected: unexpected,
    corrections: {
      correctionsOf: async () => [],
      correct: unexpected,
      recordsToReprice: unexpected,
    },
    statements: {
      months: unexpected,
      lines: unexpected,
      correctionsIn: unexpected,
      openCalls: unexpected,
      document: unexpected,
      draftLines: unexpected,
      close: unexpected,
    },
    nextId: unexpected,
    limits,
    runDeclared: (run) => runs.renew(run.team, run.runId),
    ...given,
  });
  return { app, reader, routes };
}
