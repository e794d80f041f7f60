import { describe, expect, it } from 'vitest';
import { type PendingRow, PendingRows } from '../../../src/ledger/pending-rows.ts';
import { callRecord } from '../../support/call-record.ts';

function pendingRow(sequence: number, overrides: Partial<PendingRow> = {}): PendingRow {
  return {
    sequence,
    step: 'finish',
    record: callRecord({ upstream_id: `resp_${sequence}` }),
    waiter: { resolve: () => undefined, reject: () => undefined },
    acceptedAtMs: 0,
    deadlineMs: sequence * 10,
    ...overrides,
  };
}

function filled(from: number, to: number): PendingRows {
  const rows = new PendingRows();
  for (let sequence = from; sequence <= to; sequence++) rows.add(pendingRow(sequence));
  return rows;
}

const sequences = (rows: readonly PendingRow[]): number[] => rows.map((pending) => pending.sequence);

describe('PendingRows', () => {
  it('gives rows after a sequence, also when the first ones are gone', () => {
    const rows = filled(1, 10);
    expect(sequences(rows.after(0, 3))).toEqual([1, 2, 3]);
    expect(sequences(rows.takeThrough(4))).toEqual([1, 2, 3, 4]);
    expect(sequences(rows.after(0, 2))).toEqual([5, 6]);
    expect(sequences(rows.after(8, 100))).toEqual([9, 10]);
    expect(rows.after(10, 100)).toEqual([]);
    expect(rows.size).toBe(6);
  });

  it('takes out each row once', () => {
    const rows = filled(1, 5);
    const taken = [2, 2, 5, 9].map((sequence) => sequences(rows.takeThrough(sequence)));
    expect(taken).toEqual([[1, 2], [], [3, 4, 5], []]);
    expect(rows.size).toBe(0);
    rows.add(pendingRow(6));
    expect(sequences(rows.takeThrough(Infinity))).toEqual([6]);
  });

  it('knows who has waited too long, until the wait is given up', () => {
    const rows = filled(1, 5);
    const overdue = rows.overdue(30);
    expect(sequences(overdue)).toEqual([1, 2, 3]);
    for (const pending of overdue) pending.waiter = null;
    expect(rows.overdue(30)).toEqual([]);
    expect(rows.size).toBe(5);
  });

  it('finds the newest finished record that fits', () => {
    const rows = filled(1, 3);
    rows.add(pendingRow(4, { step: 'open' }));
    expect(rows.findLast(() => true)?.upstream_id).toBe('resp_3');
    rows.takeThrough(2);
    expect(rows.findLast((record) => record.upstream_id === 'resp_1')).toBeNull();
  });
});
