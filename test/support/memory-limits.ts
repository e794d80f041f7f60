import type { Clock } from '../../src/core/clock.ts';
import type { LedgerReader } from '../../src/ledger/ledger-reader.ts';
import { LimitDesk } from '../../src/limits/limit-desk.ts';
import type { RunOverBudget, ThresholdReached } from '../../src/limits/limit-events.ts';
import type { LimitRule } from '../../src/limits/limit-rule.ts';
import type { LimitStore } from '../../src/limits/limit-store.ts';
import { MemoryLimitStore } from '../../src/limits/memory-store.ts';
import type { PlannedCall } from '../../src/limits/reservation.ts';
import { ReservingStage, type StageSettings } from '../../src/limits/reserving-stage.ts';
import { createRuleBook, type RuleOwner } from '../../src/limits/rule-book.ts';
import { RunBook } from '../../src/limits/run-book.ts';
import { UsedRatios } from '../../src/limits/used-ratios.ts';
import { ledgerHistory } from '../../src/server/limit-history.ts';

export interface MemoryLimitsOptions {
  readonly owners?: readonly RuleOwner[];
  readonly ofRuns?: readonly LimitRule[];
  readonly store?: LimitStore;
  readonly clock?: Clock;
}

/** Limits over a ledger reader, with what was raised and ignored written down. */
export function makeLimits(reader: LedgerReader, options: MemoryLimitsOptions = {}) {
  const clock = options.clock ?? { nowMs: () => Date.UTC(2026, 10, 22, 15), monotonicMs: () => 0 };
  const defaults = { onStoreFailure: 'open', alertAt: [50, 80, 100] } as const;
  const settings: StageSettings = {
    rules: createRuleBook(options.owners ?? [], options.ofRuns ?? []),
    defaults,
    assumedOutputTokens: 1_000,
    holdMaxMs: 3_600_000,
    admitsUncounted: false,
  };
  const history = ledgerHistory(reader, () => clock.nowMs());
  const runs = new RunBook({ source: history, clock, defaults: () => defaults, onUnreadable: () => undefined });
  const ratios = new UsedRatios(clock);
  const reached: ThresholdReached[] = [];
  const overBudget: RunOverBudget[] = [];
  const loosened: [PlannedCall, LimitRule][] = [];
  const errors: unknown[] = [];
  const stage = new ReservingStage({
    settings: () => settings,
    store: options.store ?? new MemoryLimitStore(clock),
    history,
    runs,
    hasRunLimits: () => true,
    clock,
    events: { thresholdReached: (event) => reached.push(event), runOverBudget: (event) => overBudget.push(event) },
    ratios,
    onLoosening: (call, rule) => loosened.push([call, rule]),
    onError: (error) => errors.push(error),
  });
  const limits = new LimitDesk({ settings: () => settings, stage, runs, clock });
  return { stage, limits, runs, ratios, reached, overBudget, loosened, errors };
}
