import { createHash } from 'node:crypto';
import type { KeyDirectory } from './attribution/key-directory.ts';
import type { Config } from './config/schema.ts';
import type { AlertEvents } from './core/alert-events.ts';
import type { BackgroundWork } from './core/background.ts';
import type { Clock } from './core/clock.ts';
import type { Journal } from './ledger/journal.ts';
import type { RecordFilter, RunKey } from './ledger/ledger-reader.ts';
import { FailoverLimitStore } from './limits/failover-store.ts';
import { limitAlerts } from './limits/limit-alerts.ts';
import { LimitDesk } from './limits/limit-desk.ts';
import type { LimitHistory } from './limits/limit-history.ts';
import type { LimitRule, RuleDefaults } from './limits/limit-rule.ts';
import type { Counter, Seed } from './limits/limit-store.ts';
import { MemoryLimitStore } from './limits/memory-store.ts';
import { readRules, ruleOf } from './limits/read-rules.ts';
import { openRedis, type RedisConnection } from './limits/redis-connection.ts';
import { RedisLimitStore } from './limits/redis-store.ts';
import { ReservingStage, type StageSettings } from './limits/reserving-stage.ts';
import { createRuleBook, joinRuleBooks, type RuleBook } from './limits/rule-book.ts';
import { isRuleCounter } from './limits/rule-counter.ts';
import { RunBook } from './limits/run-book.ts';
import { RunLimitsWatch } from './limits/run-limits-watch.ts';
import { UsedRatios } from './limits/used-ratios.ts';
import { ledgerHistory } from './server/limit-history.ts';
import { lateCallOf } from './server/settle-call.ts';
import type { Logger } from './telemetry/logger.ts';

/** Where rules that were made over the management API are found. */
export type RuleDirectory = Pick<KeyDirectory, 'rulesOfTeam' | 'rulesOfKey' | 'ruleOwners'>;

export interface StageParts {
  readonly directory: RuleDirectory;
  readonly logger: Logger;
}

/** What the limits go by: the configuration, and the teams and keys of the ledger. */
export function stageSettingsOf(config: Config, { directory, logger }: StageParts): StageSettings {
  const defaults: RuleDefaults = {
    onStoreFailure: config.limits.on_store_failure,
    alertAt: config.limits.alert_at,
  };
  const rulesOf = (rules: Config['limits']['default_run']) => rules.map((rule) => ruleOf(rule, defaults));
  const owners = [
    ...config.teams.map(({ id, limits }) => ({ team: id, keyId: null, rules: rulesOf(limits) })),
    ...config.keys.map(({ id, team, limits }) => ({ team, keyId: id, rules: rulesOf(limits) })),
  ];
  const ofFile = createRuleBook(owners, rulesOf(config.limits.default_run));
  const onUnreadable = (fault: string) =>
    logger.error({ reason: fault }, 'limits of a team or key cannot be read; they do not hold');
  return {
    rules: joinRuleBooks(ofFile, directoryBook(directory, { defaults, onUnreadable })),
    defaults,
    assumedOutputTokens: config.limits.assumed_output_tokens,
    holdMaxMs: config.limits.hold_max_ms,
    admitsUncounted: config.ledger.on_failure === 'serve_unmetered',
  };
}

/** The rules of the ledger's teams and keys, each list read once for as long as it stays the same. */
function directoryBook(
  directory: RuleDirectory,
  { defaults, onUnreadable }: { readonly defaults: RuleDefaults; readonly onUnreadable: (fault: string) => void },
): Omit<RuleBook, 'ofRuns'> {
  const known = new WeakMap<readonly unknown[], readonly LimitRule[]>();
  const read = (data: readonly unknown[]): readonly LimitRule[] => {
    const rules = known.get(data);
    if (rules !== undefined) return rules;
    const found = readRules(data, defaults);
    if (found.kind === 'fault') onUnreadable(`limits[${found.index}] ${found.message}`);
    const readRulesOfData = found.kind === 'rules' ? found.rules : [];
    known.set(data, readRulesOfData);
    return readRulesOfData;
  };
  return {
    ofTeam: (team) => read(directory.rulesOfTeam(team)),
    ofKey: (_team, keyId) => read(directory.rulesOfKey(keyId)),
    owners: () => directory.ruleOwners().map((owner) => ({ ...owner, rules: read(owner.rules) })),
  };
}

export interface LimitsOptions {
  readonly settings: () => StageSettings;
  readonly journal: Pick<Journal, 'reader' | 'onCommitted' | 'recoveredCalls'>;
  readonly background: BackgroundWork;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of what limits come to. */
  readonly alerts: AlertEvents;
  /** Where processes share their counters; null: each has its own. */
  readonly redisUrl: string | null;
  /** The same for all processes that share the data folder, and for no other: it names the ledger. */
  readonly ledgerSecret: Buffer;
}

/** The limits, joined with the books. */
export interface Limits {
  readonly stage: ReservingStage;
  readonly desk: LimitDesk;
  /** A run has been declared here: resolves when its limits hold. */
  readonly runDeclared: (run: RunKey, limits: readonly unknown[]) => Promise<void>;
  readonly ratios: UsedRatios;
  /** Whether counters should be in Redis and are not, because it is away. */
  readonly isStoreAway: () => boolean;
  readonly close: () => Promise<void>;
}

/** How often is asked whether another process has declared limits of a run. */
const RUN_LIMITS_LOOK_MS = 2_000;
/** How often a Redis that is away is asked whether it is back. */
const REDIS_LOOK_MS = 500;
const MAX_RECOVERED = 100_000;

/** Joins the limits with the books, the log and Redis, and gives back what calls of processes that died still hold. */
export async function openLimits(options: LimitsOptions): Promise<Limits> {
  const { clock, logger, settings, journal, background } = options;
  const history = ledgerHistory(journal.reader, () => clock.nowMs());
  const ratios = new UsedRatios(clock);
  const watch = new RunLimitsWatch(journal.reader);
  await watch.look();
  background.every('look for run limits', RUN_LIMITS_LOOK_MS, () => watch.look());
  const runs = new RunBook({
    source: history,
    clock,
    defaults: () => settings().defaults,
    onUnreadable: (runId, reason) =>
      logger.warn({ run_id: runId, reason }, 'the limits declared for this run cannot be read; they do not hold'),
  });
  const local = new MemoryLimitStore(clock);
  const redis = options.redisUrl === null ? null : await openLimitsRedis(options.redisUrl);
  await redis?.tried;
  const ledgerId = ledgerIdOf(options.ledgerSecret);
  const shared = redis === null ? null : new RedisLimitStore({ client: redis.client, ledgerId });
  const failover = shared === null ? null : failoverStore({ shared, local, history, logger });
  const stage = new ReservingStage({
    settings,
    store: failover ?? local,
    history,
    runs,
    hasRunLimits: () => watch.found,
    clock,
    events: limitAlerts(options.alerts),
    ratios,
    onLoosening: ({ id, caller, ids }, { measure }) =>
      logger.info(
        { id, team: caller.team, run_id: ids.runId, measure },
        'x-metertap-run-limits may only tighten; a limit that would loosen is ignored',
      ),
    onError: (error) => logger.error({ err: error }, 'a call could not be counted for its limits'),
  });
  if (failover !== null) {
    background.every('ask whether Redis is back', REDIS_LOOK_MS, () => failover.recover());
    await releaseOfTheDead(stage, journal);
  }
  return {
    stage,
    desk: new LimitDesk({ settings, stage, runs, clock }),
    runDeclared: async ({ team, runId }, limits) => {
      watch.declared(limits);
      await runs.renew(team, runId);
    },
    ratios,
    isStoreAway: () => failover?.isAway ?? false,
    close: async () => redis?.close(),
  };
}

/** Calls of a process that died have been closed in the ledger: what they hold in a shared store is given back. */
async function releaseOfTheDead(stage: ReservingStage, journal: LimitsOptions['journal']): Promise<void> {
  journal.onCommitted((record) => {
    if (record.ending === 'interrupted') stage.releaseLate(lateCallOf(record));
  });
  if (journal.recoveredCalls === 0) return;
  const filter = { ...ALL_RECORDS, ending: 'interrupted' } as const;
  const limit = Math.min(journal.recoveredCalls, MAX_RECOVERED);
  for (const record of await journal.reader.records(filter, { limit, beforeId: null })) {
    stage.releaseLate(lateCallOf(record));
  }
}

const ALL_RECORDS: RecordFilter = {
  team: null,
  keyId: null,
  runId: null,
  sessionId: null,
  model: null,
  ending: null,
  startMs: null,
  endMs: null,
};

/** A connection of its own: the store has a deadline that knows when this process stood still. */
function openLimitsRedis(url: string): Promise<RedisConnection> {
  return openRedis(url, { onChange: () => undefined, commandTimeoutMs: FORGOTTEN_COMMAND_MS });
}

/** When a command that nobody waits for any more is dropped. */
const FORGOTTEN_COMMAND_MS = 10_000;

interface FailoverParts {
  readonly shared: RedisLimitStore;
  readonly local: MemoryLimitStore;
  readonly history: LimitHistory;
  readonly logger: Logger;
}

function failoverStore({ shared, local, history, logger }: FailoverParts): FailoverLimitStore {
  const seedsOf = (counters: readonly Counter[]): Promise<readonly Seed[]> =>
    history.load(counters.filter(isRuleCounter));
  return new FailoverLimitStore({
    shared,
    local,
    history: seedsOf,
    onChange: (state, cause) => {
      if (state === 'shared') logger.info({}, 'Redis is back; limits are counted in it again');
      else
        logger.error(
          { err: cause },
          'Redis is away; limits are counted in this process alone, or refused where closed',
        );
    },
  });
}

function ledgerIdOf(secret: Buffer): string {
  return createHash('sha256').update(secret).update('ledger').digest('hex').slice(0, 12);
}
