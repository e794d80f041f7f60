import { describe, expect, it, vi } from 'vitest';
import type { AlertEvent } from '../../../src/core/alert-events.ts';
import type { NewAlert } from '../../../src/ledger/outbox.ts';
import { AlertBook } from '../../../src/sinks/alert-book.ts';

function event(dedupeKey: string): AlertEvent {
  return { type: 'usage.missing', dedupeKey, team: 'research', occurredAtMs: 0, data: { count: 3 } };
}

function makeBook(addAlert: (alert: NewAlert) => Promise<'added' | 'known'>) {
  const added: string[] = [];
  const errors: unknown[] = [];
  const book = new AlertBook({
    outbox: { addAlert },
    nextId: (nowMs) => `id-${nowMs}`,
    onAdded: (alert) => added.push(alert.dedupeKey),
    onError: (error) => errors.push(error),
    firstRetryMs: 1,
  });
  return { book, added, errors };
}

describe('AlertBook', () => {
  it('writes each key once, in order, and tells of what is new', async () => {
    const addAlert = vi.fn(
      async (alert: NewAlert) => (alert.dedupeKey === 'b' ? 'known' : 'added') as 'added' | 'known',
    );
    const { book, added } = makeBook(addAlert);
    for (const key of ['a', 'b', 'a', 'c', 'b']) book.publish(event(key));
    await book.close();
    expect(addAlert.mock.calls.map(([alert]) => alert.dedupeKey)).toEqual(['a', 'b', 'c']);
    expect(added).toEqual(['a', 'c']);
    expect(addAlert.mock.calls[0]?.[0]).toMatchObject({ id: 'id-0', occurredAt: '1970-01-01T00:00:00.000Z' });
  });

  it('tries again where the ledger cannot be written', async () => {
    let failures = 3;
    const { book, added, errors } = makeBook(async () => {
      if (failures-- > 0) throw new Error('full');
      return 'added';
    });
    book.publish(event('a'));
    await vi.waitFor(() => expect(added).toEqual(['a']));
    expect(errors).toHaveLength(3);
    await book.close();
  });

  it('ends at its close also where the ledger stays away', async () => {
    const { book, errors } = makeBook(async () => {
      throw new Error('full');
    });
    book.publish(event('a'));
    await book.close();
    expect(errors.length).toBeGreaterThan(0);
  });

  it('keeps a bounded number of events while the ledger is away', async () => {
    let isAway = true;
    const addAlert = vi.fn(async (): Promise<'added'> => {
      if (isAway) throw new Error('full');
      return 'added';
    });
    const { book, added } = makeBook(addAlert);
    for (let n = 0; n < 5_000; n++) book.publish(event(`key-${n}`));
    isAway = false;
    await vi.waitFor(() => expect(added).toHaveLength(1_000));
    await book.close();
  });
});
