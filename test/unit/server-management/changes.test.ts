import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tellOfChanges } from '../../../src/reporting/change-events.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { MemoryLedgerReader } from '../../support/memory-ledger-reader.ts';
import { ADMIN, makeManagementApp, RESEARCH } from './management-app.ts';

describe('what is told of changes', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function listen(team: string | null) {
    const reader = new MemoryLedgerReader();
    const told: string[] = [];
    const send = (text: string) => void told.push(text);
    const stop = tellOfChanges(reader.onCommitted, { team, send }, { everyMs: 1_000, heartbeatMs: 60_000 });
    return { reader, stop, events: () => told.filter((text) => text.startsWith('event: changed')), told };
  }

  it('is the first call at once, and then no more than one event in the time, with their number', () => {
    const { reader, events } = listen(null);
    reader.commit(makeCallRecord(1));
    expect(events()).toEqual(['event: changed\ndata: {"calls":1}\n\n']);
    for (let n = 2; n <= 50; n++) reader.commit(makeCallRecord(n));
    expect(events()).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    expect(events().slice(1)).toEqual(['event: changed\ndata: {"calls":49}\n\n']);
    vi.advanceTimersByTime(10_000);
    expect(events()).toHaveLength(2);
    reader.commit(makeCallRecord(51));
    expect(events()).toHaveLength(3);
  });

  it('is nothing of other teams, and nothing after the end', () => {
    const { reader, events, stop, told } = listen('research');
    reader.commit(makeCallRecord(1, { team: 'support' }));
    expect(events()).toEqual([]);
    reader.commit(makeCallRecord(2));
    expect(events()).toHaveLength(1);
    stop();
    const before = told.length;
    reader.commit(makeCallRecord(3));
    vi.advanceTimersByTime(120_000);
    expect([told.length, reader.listenerCount]).toEqual([before, 0]);
  });
});

describe('GET /api/v1/status', () => {
  it('tells administrators where calls go, and others whether they are served', async () => {
    const { app } = makeManagementApp();
    const whole = (await app.inject({ url: '/api/v1/status', headers: ADMIN })).json();
    expect(whole).toMatchObject({
      status: 'ready',
      version: '1.2.3',
      upstreams: [{ name: 'openai', origin: 'https://api.openai.com', models: ['*'] }],
      journal: { state: 'ready', waiting_records: 0 },
      configuration: { last_load: 'in_force' },
    });
    const short = (await app.inject({ url: '/api/v1/status', headers: RESEARCH })).json();
    expect(Object.keys(short)).toEqual([
      'status',
      'reasons',
      'version',
      'node_version',
      'started_at',
      'now',
      'auth_mode',
    ]);
    expect((await app.inject({ url: '/api/v1/status' })).statusCode).toBe(401);
  });

  it('tells why calls are not served', async () => {
    const reasons = [{ code: 'ledger_unavailable', message: 'The disk is full. Free some space.' }] as const;
    const { app } = makeManagementApp([], { health: () => ({ reasons }) });
    const told = (await app.inject({ url: '/api/v1/status', headers: RESEARCH })).json();
    expect(told).toMatchObject({ status: 'not_ready', reasons });
  });
});
