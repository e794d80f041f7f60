import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { observerOf } from '../../src/app-observer.ts';
import type { Logger } from '../../src/telemetry/logger.ts';
import type { Metrics } from '../../src/telemetry/metrics.ts';
import { callRecord } from '../support/call-record.ts';

function begin() {
  const recordCall = vi.fn<Metrics['recordCall']>();
  const chosen = vi.fn<Logger['chosen']>();
  const error = vi.fn<Logger['error']>();
  const alerted = vi.fn();
  const metrics = { recordCall } as unknown as Metrics;
  const logger = { chosen, error } as unknown as Logger;
  return { observer: observerOf(metrics, logger, { callEnded: alerted }), recordCall, chosen, error, alerted };
}

describe('calls that have ended', () => {
  it('are told of together, in their order, before anything of the next turn is heard', async () => {
    const { observer, recordCall, chosen, alerted } = begin();
    const calls = [callRecord({ ttft_ms: 250 }), callRecord({ ttft_ms: null }), callRecord()];
    for (const record of calls) observer.callEnded(record, 2);
    expect(recordCall).not.toHaveBeenCalled();
    await nextTurn();
    expect(recordCall.mock.calls.map(([record]) => record)).toEqual(calls);
    expect(recordCall.mock.calls[0]?.[1]).toEqual({ overheadSeconds: 0.002, timeToFirstTokenSeconds: 0.25 });
    expect(recordCall.mock.calls[1]?.[1]).toEqual({ overheadSeconds: 0.002, timeToFirstTokenSeconds: null });
    expect(chosen.mock.calls.map(([lines]) => lines.map(({ id }) => id))).toEqual([calls.map(({ id }) => id)]);
    expect(alerted.mock.calls.map(([record]) => record)).toEqual(calls);
  });

  it('are each told of once, turn after turn', async () => {
    const { observer, recordCall } = begin();
    for (let turn = 1; turn <= 3; turn++) {
      observer.callEnded(callRecord(), null);
      await nextTurn();
      expect(recordCall).toHaveBeenCalledTimes(turn);
    }
  });

  it('end no process where telling of them fails: that is logged, and the next are told of', async () => {
    const { observer, recordCall, error, chosen } = begin();
    const reason = new Error('a metric that cannot be');
    recordCall.mockImplementationOnce(() => {
      throw reason;
    });
    observer.callEnded(callRecord(), null);
    await nextTurn();
    expect(error.mock.calls.map(([fields]) => fields['err'])).toEqual([reason]);
    observer.callEnded(callRecord(), null);
    await nextTurn();
    expect(chosen).toHaveBeenCalledTimes(1);
  });
});
