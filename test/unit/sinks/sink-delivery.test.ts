import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import type { OutboxEvent } from '../../../src/ledger/outbox.ts';
import { SinkDelivery, type SinkDeliveryOptions } from '../../../src/sinks/sink-delivery.ts';
import type { Delivery } from '../../../src/sinks/usage-sink.ts';
import { MemoryOutbox } from '../../support/memory-outbox.ts';

const TAKEN: Delivery = { kind: 'taken' };
const FAILED: Delivery = { kind: 'failed', reason: 'HTTP 500', retryAfterMs: null };
const refused = (heals = true): Delivery => ({ kind: 'refused', reason: 'HTTP 400', heals });

interface Bench {
  readonly delivery: SinkDelivery;
  readonly outbox: MemoryOutbox;
  /** The ids of each try, in order. */
  readonly tries: readonly (readonly string[])[];
  /** The ids of the tries that were taken. */
  readonly taken: readonly string[];
  readonly observer: SinkDeliveryOptions['observer'];
}

function makeBench(
  answer: (ids: readonly string[], tryNumber: number) => Delivery | Promise<Delivery>,
  given: Partial<SinkDeliveryOptions> = {},
): Bench {
  const outbox = new MemoryOutbox();
  const tries: string[][] = [];
  const taken: string[] = [];
  const observer = { delivered: vi.fn(), failed: vi.fn(), recovered: vi.fn(), parked: vi.fn(), fault: vi.fn() };
  const delivery = new SinkDelivery({
    registration: { name: 'billing', streams: ['usage'] },
    sink: {
      maxEvents: 8,
      send: async (events: readonly OutboxEvent[]) => {
        const ids = events.map(({ id }) => id);
        tries.push(ids);
        const result = await answer(ids, tries.length);
        if (result.kind === 'taken') taken.push(...ids);
        return result;
      },
    },
    teams: [],
    maxAttempts: 3,
    outbox,
    isHolder: () => true,
    onLeaseLost: vi.fn(),
    observer,
    clock: systemClock,
    random: () => 0,
    pauses: { firstMs: 1, lastMs: 2 },
    idleMs: 5,
    ...given,
  });
  onTestFinished(() => delivery.stop(0));
  return { delivery, outbox, tries, taken, observer };
}

describe('SinkDelivery', () => {
  it('delivers everything in order, in pages, once', async () => {
    const { delivery, outbox, tries, taken } = makeBench(() => TAKEN);
    const ids = outbox.add(20);
    delivery.start();
    await vi.waitFor(() => expect(taken).toEqual(ids));
    expect(tries.map(({ length }) => length)).toEqual([8, 8, 4]);
    const later = outbox.add(1);
    delivery.wake();
    await vi.waitFor(() => expect(taken).toEqual([...ids, ...later]));
    expect(delivery.lagMs).toBeGreaterThanOrEqual(0);
  });

  it('sends what failed again, the same ids, and goes on after it', async () => {
    const { delivery, outbox, tries, taken, observer } = makeBench((_ids, n) => (n <= 3 ? FAILED : TAKEN));
    const ids = outbox.add(3);
    delivery.start();
    await vi.waitFor(() => expect(taken).toEqual(ids));
    expect(tries).toEqual([ids, ids, ids, ids]);
    expect(outbox.settlements.map(({ error }) => error)).toEqual(['HTTP 500', 'HTTP 500', 'HTTP 500', null]);
    expect(observer.failed).toHaveBeenCalledTimes(3);
    await vi.waitFor(() => expect(observer.recovered).toHaveBeenCalledTimes(1));
  });

  it('parks the one event that is refused, and delivers all others once', async () => {
    let poison = '';
    const { delivery, outbox, tries, taken, observer } = makeBench((ids) => (ids.includes(poison) ? refused() : TAKEN));
    const ids = outbox.add(20);
    poison = ids[5] ?? '';
    delivery.start();
    await vi.waitFor(() => expect(taken).toEqual(ids.filter((id) => id !== poison)));
    expect(outbox.parked).toEqual([{ id: poison, reason: 'HTTP 400' }]);
    expect(tries.filter((sent) => sent.length === 1 && sent[0] === poison)).toHaveLength(3);
    expect(observer.parked).toHaveBeenCalledTimes(1);
    expect(outbox.position).toBe(20);
  });

  it('does not try again what no repetition can heal', async () => {
    const { delivery, outbox, tries } = makeBench(() => refused(false));
    const [id] = outbox.add(1);
    delivery.start();
    await vi.waitFor(() => expect(outbox.parked).toEqual([{ id, reason: 'HTTP 400' }]));
    expect(tries).toEqual([[id]]);
  });

  it('parks nothing however long the receiver is away', async () => {
    const { delivery, outbox, tries } = makeBench(() => FAILED);
    outbox.add(1);
    delivery.start();
    await vi.waitFor(() => expect(tries.length).toBeGreaterThan(10));
    expect(outbox.parked).toEqual([]);
    expect(outbox.position).toBe(0);
  });

  it('does not come back sooner than the receiver asks', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const { delivery, outbox, tries } = makeBench((_ids, n) => (n === 1 ? { ...FAILED, retryAfterMs: 60_000 } : TAKEN));
    outbox.add(1);
    delivery.start();
    await vi.advanceTimersByTimeAsync(59_999);
    delivery.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(tries).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(tries).toHaveLength(2);
    await delivery.stop(0);
  });

  it('passes by events of other teams without sending them', async () => {
    const { delivery, outbox, taken } = makeBench(() => TAKEN, { teams: ['sales'] });
    outbox.add(10);
    const ids = outbox.add(2, 'sales');
    outbox.add(10);
    delivery.start();
    await vi.waitFor(() => expect(outbox.position).toBe(22));
    expect(taken).toEqual(ids);
  });

  it('sends nothing while another process holds the lease, and ends when it loses it', async () => {
    let isHolder = false;
    const onLeaseLost = vi.fn(() => {
      isHolder = false;
    });
    const { delivery, outbox, tries } = makeBench(() => TAKEN, { isHolder: () => isHolder, onLeaseLost });
    outbox.add(20);
    delivery.start();
    await delivery.stop(0);
    expect(tries).toEqual([]);

    const second = makeBench(() => TAKEN, { isHolder: () => isHolder, onLeaseLost });
    second.outbox.add(20);
    second.outbox.leaseIsLost = true;
    isHolder = true;
    second.delivery.start();
    await vi.waitFor(() => expect(onLeaseLost).toHaveBeenCalledTimes(1));
    expect(second.tries).toHaveLength(1);
  });

  it('goes on when the ledger can be read again', async () => {
    const { delivery, outbox, taken, observer } = makeBench(() => TAKEN);
    const ids = outbox.add(2);
    outbox.failure = new Error('busy');
    delivery.start();
    await vi.waitFor(() => expect(taken).toEqual(ids));
    expect(observer.fault).toHaveBeenCalledTimes(1);
  });

  it('delivers what waits before it ends', async () => {
    const { delivery, outbox, taken } = makeBench(() => TAKEN);
    delivery.start();
    await vi.waitFor(() => expect(delivery.lagMs).toBe(0));
    const ids = outbox.add(30);
    await delivery.stop(60_000);
    expect(taken).toEqual(ids);
  });

  it('ends without delay where the receiver is away', async () => {
    const { delivery, outbox, tries } = makeBench(() => FAILED, { pauses: { firstMs: 600_000, lastMs: 600_000 } });
    outbox.add(1);
    delivery.start();
    await vi.waitFor(() => expect(tries).toHaveLength(1));
    await delivery.stop(60_000);
    expect(tries.length).toBeLessThanOrEqual(2);
  });
});
