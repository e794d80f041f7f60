import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EventClient, followRun, RUN_EVENT_BOUNDS } from '../../../src/reporting/run-events.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { MemoryLedgerReader } from '../../support/memory-ledger-reader.ts';

const RUN = { team: 'research', runId: 'nightly-42' };

class FakeClient implements EventClient {
  readonly sent: string[] = [];
  bufferedBytes = 0;
  isCut = false;

  send(text: string): void {
    this.sent.push(text);
  }

  cut(): void {
    this.isCut = true;
  }

  /** The events so far, each by its name and what tells it apart. */
  get told(): string[] {
    return this.sent.map((text) => {
      const event = /^event: (.*)$/m.exec(text)?.[1];
      if (event === undefined) return text.trim();
      const data: { id?: string; usage: { requests?: number } } = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '');
      return `${event} ${event === 'record' ? data.id : data.usage.requests}`;
    });
  }
}

describe('the events of a run', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());
  const settle = () => vi.advanceTimersByTimeAsync(0);

  it('begin with the totals so far, then tell each record and the new totals', async () => {
    const reader = new MemoryLedgerReader([makeCallRecord(1)]);
    const client = new FakeClient();
    followRun({ reader, onCommitted: reader.onCommitted }, { run: RUN, client });
    await settle();
    expect(client.told).toEqual(['totals 1']);

    reader.commit(makeCallRecord(2));
    await settle();
    expect(client.told).toEqual(['totals 1', `record ${makeCallRecord(2).id}`, 'totals 2']);
    expect(client.sent[1]).toMatch(/^id: 01CALL0*2\nevent: record\ndata: \{"id":"01CALL0*2".*\}\n\n$/);
    expect(client.sent[2]).not.toContain('request_usage_entries');
  });

  it('tell nothing of other runs and teams', async () => {
    const reader = new MemoryLedgerReader([makeCallRecord(1)]);
    const client = new FakeClient();
    followRun({ reader, onCommitted: reader.onCommitted }, { run: RUN, client });
    await settle();
    reader.commit(makeCallRecord(2, { run_id: 'another' }));
    reader.commit(makeCallRecord(3, { team: 'other' }));
    reader.commit(makeCallRecord(4, { run_id: null }));
    await settle();
    expect(client.told).toEqual(['totals 1']);
  });

  it('lose no record that lands while totals are being read, and sum a burst once', async () => {
    const reader = new MemoryLedgerReader([makeCallRecord(1)]);
    const client = new FakeClient();
    followRun({ reader, onCommitted: reader.onCommitted }, { run: RUN, client });
    for (const n of [2, 3, 4]) reader.commit(makeCallRecord(n));
    await settle();
    const records = [2, 3, 4].map((n) => `record ${makeCallRecord(n).id}`);
    expect(client.told).toEqual([expect.stringMatching(/^totals/), ...records, 'totals 4']);
  });

  it('send a comment every 15 seconds', async () => {
    const reader = new MemoryLedgerReader([makeCallRecord(1)]);
    const client = new FakeClient();
    followRun({ reader, onCommitted: reader.onCommitted }, { run: RUN, client });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(client.told).toEqual(['totals 1', ': heartbeat', ': heartbeat']);
  });

  it('stop when they are told to', async () => {
    const reader = new MemoryLedgerReader([makeCallRecord(1)]);
    const client = new FakeClient();
    const stop = followRun({ reader, onCommitted: reader.onCommitted }, { run: RUN, client });
    stop();
    reader.commit(makeCallRecord(2));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.sent).toEqual([]);
    expect(client.isCut).toBe(false);
    expect(reader.listenerCount).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('cut a client that does not read', async () => {
    const reader = new MemoryLedgerReader([makeCallRecord(1)]);
    const client = new FakeClient();
    followRun({ reader, onCommitted: reader.onCommitted }, { run: RUN, client });
    await settle();
    client.bufferedBytes = RUN_EVENT_BOUNDS.maxBufferedBytes + 1;
    reader.commit(makeCallRecord(2));
    await settle();
    expect(client.isCut).toBe(true);
    expect(client.told).toEqual(['totals 1']);
    expect(reader.listenerCount).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('cut a client for whom too many records wait', async () => {
    const reader = new MemoryLedgerReader([makeCallRecord(1)]);
    reader.run = () => new Promise(() => {});
    const client = new FakeClient();
    const bounds = { ...RUN_EVENT_BOUNDS, maxWaitingRecords: 2 };
    followRun({ reader, onCommitted: reader.onCommitted }, { run: RUN, client }, bounds);
    for (const n of [2, 3]) reader.commit(makeCallRecord(n));
    expect(client.isCut).toBe(false);
    reader.commit(makeCallRecord(4));
    expect(client.isCut).toBe(true);
    expect(reader.listenerCount).toBe(0);
  });

  it('cut the client where the ledger cannot be read, so that it comes again', async () => {
    const reader = new MemoryLedgerReader([makeCallRecord(1)]);
    reader.run = async () => {
      throw new Error('disk');
    };
    const client = new FakeClient();
    followRun({ reader, onCommitted: reader.onCommitted }, { run: RUN, client });
    await settle();
    expect(client.isCut).toBe(true);
    expect(reader.listenerCount).toBe(0);
  });
});
