import type { AlertEvent, AlertEvents } from '../core/alert-events.ts';
import type { LimitEvents } from './limit-events.ts';
import type { LimitView } from './limit-view.ts';

/**
 * Publishes what limits come to as alerts: once for each limit, window and threshold, and once for each run and limit.
 * An edited limit is another one.
 */
export function limitAlerts(alerts: AlertEvents): LimitEvents {
  return {
    thresholdReached: ({ threshold, limit, windowId, atMs }) =>
      alerts.publish({
        type: 'limit.threshold_reached',
        dedupeKey: `limit/${windowId}/${limit.limit}/${threshold}`,
        team: limit.team,
        occurredAtMs: atMs,
        data: { threshold, ...dataOf(limit) },
      }),
    runOverBudget: ({ team, limit, windowId, atMs }) =>
      alerts.publish({
        type: 'run.over_budget',
        dedupeKey: `run_over_budget/${windowId}/${limit.limit}`,
        team,
        occurredAtMs: atMs,
        data: dataOf(limit),
      }),
  };
}

/** The limit as the management API shows it, but for what was held at that moment. */
function dataOf({ held: _held, ...limit }: LimitView): AlertEvent['data'] {
  return limit;
}
