import type { Config } from './config/schema.ts';
import type { Clock } from './core/clock.ts';
import type { LedgerReader } from './ledger/ledger-reader.ts';
import type { LimitEvents } from './limits/limit-events.ts';
import type { RuleDefaults } from './limits/limit-rule.ts';
import { MemoryLimitStore } from './limits/memory-store.ts';
import { ruleOf } from './limits/read-rules.ts';
import { ReservingStage, type StageSettings } from './limits/reserving-stage.ts';
import { createRuleBook } from './limits/rule-book.ts';
import { RunBook } from './limits/run-book.ts';
import { UsedRatios } from './limits/used-ratios.ts';
import { ledgerHistory } from './server/limit-history.ts';
import type { Logger } from './telemetry/logger.ts';

/** What the limits go by, as a configuration says it. */
export function stageSettingsOf(config: Config): StageSettings {
  const defaults: RuleDefaults = {
    onStoreFailure: config.limits.on_store_failure,
    alertAt: config.limits.alert_at,
  };
  const rulesOf = (rules: Config['limits']['default_run']) => rules.map((rule) => ruleOf(rule, defaults));
  const owners = [
    ...config.teams.map(({ id, limits }) => ({ team: id, keyId: null, rules: rulesOf(limits) })),
    ...config.keys.map(({ id, team, limits }) => ({ team, keyId: id, rules: rulesOf(limits) })),
  ];
  return {
    rules: createRuleBook(owners, rulesOf(config.limits.default_run)),
    defaults,
    assumedOutputTokens: config.limits.assumed_output_tokens,
    holdMaxMs: config.limits.hold_max_ms,
  };
}

export interface LimitsOptions {
  readonly settings: () => StageSettings;
  readonly reader: LedgerReader;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: LimitEvents;
  readonly hasRunLimits: () => boolean;
}

/** The limits, joined with the books. */
export interface Limits {
  readonly stage: ReservingStage;
  readonly runs: RunBook;
  readonly ratios: UsedRatios;
}

/** Joins the limits with the books and the log. */
export function createLimits(options: LimitsOptions): Limits {
  const { clock, logger, reader, settings } = options;
  const history = ledgerHistory(reader, () => clock.nowMs());
  const ratios = new UsedRatios(clock);
  const runs = new RunBook({
    source: history,
    clock,
    defaults: () => settings().defaults,
    onUnreadable: (runId, message) =>
      logger.warn(
        { run_id: runId, reason: message },
        'the limits declared for this run cannot be read; they do not hold',
      ),
  });
  const stage = new ReservingStage({
    settings,
    store: new MemoryLimitStore(clock),
    history,
    runs,
    hasRunLimits: options.hasRunLimits,
    clock,
    events: options.events,
    ratios,
    onLoosening: ({ id, caller, ids }, rule) =>
      logger.info(
        { id, team: caller.team, run_id: ids.runId, measure: rule.measure },
        'x-metertap-run-limits may only tighten; a limit that would loosen is ignored',
      ),
    onError: (error) => logger.error({ err: error }, 'a call could not be counted for its limits'),
  });
  return { stage, runs, ratios };
}
