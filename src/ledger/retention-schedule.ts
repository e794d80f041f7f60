import type { BackgroundWork } from '../core/background.ts';
import type { Clock } from '../core/clock.ts';
import type { Journal } from './journal.ts';
import { DAY_MS, HOUR_MS } from './rollups.ts';

export interface RetentionOptions {
  readonly journal: Pick<Journal, 'prune' | 'recoverDeadInstances'>;
  readonly background: BackgroundWork;
  readonly clock: Clock;
  /**
   * How long records are kept, in days, asked each time; null keeps them for ever. Day roll-ups are kept in any case.
   */
  readonly retentionDays: () => number | null;
  /** Told of records that were deleted before every sink had them. */
  readonly onUndelivered?: (records: number) => void;
}

/**
 * Once an hour, and once at the start: closes the calls of processes that have died beside this one, and deletes what
 * is past its retention; a stop does not wait for all of that. Failures go to the background work's error handler; the next hour tries again.
 */
export function startRetention(options: RetentionOptions): void {
  const { journal, background, clock, retentionDays, onUndelivered } = options;
  const keep = async (): Promise<void> => {
    await journal.recoverDeadInstances();
    const days = retentionDays();
    const beforeMs = days === null ? null : clock.nowMs() - days * DAY_MS;
    const { undelivered } = await journal.prune(beforeMs, background.stopping);
    if (undelivered > 0) onUndelivered?.(undelivered);
  };
  background.run('ledger retention', keep);
  background.every('ledger retention', HOUR_MS, keep);
}
