import { describe, expect, it } from 'vitest';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { reportSession } from '../../../src/reporting/session-report.ts';
import { makeCallRecord, makeOpenRecord } from '../../support/make-call-record.ts';
import { MemoryLedgerReader } from '../../support/memory-ledger-reader.ts';

const inSession = (n: number, given: Partial<CallRecord> = {}) => makeCallRecord(n, { session_id: 'chat-7', ...given });

async function report(records: readonly CallRecord[]) {
  const answer = await reportSession(new MemoryLedgerReader(records), 'research', 'chat-7');
  if (answer.kind !== 'found') throw new Error(`the session is ${answer.kind}`);
  return answer.report;
}

describe('the report of a session', () => {
  it('gives each run on its own, the calls without a run, and the sum of them all', async () => {
    const found = await report([
      inSession(2, { run_id: 'b' }),
      inSession(1, { run_id: 'a' }),
      inSession(3, { run_id: 'a' }),
      inSession(4, { run_id: null }),
    ]);
    expect(found).toMatchObject({
      session_id: 'chat-7',
      team: 'research',
      started_at: '2026-11-22T12:00:01.000Z',
      last_activity_at: '2026-11-22T12:00:04.500Z',
      usage: { requests: 4, total_tokens: 440 },
      cost_usd: '0.004000000',
      cost_complete: true,
      runs: [
        { run_id: 'a', usage: { requests: 2 }, cost_usd: '0.002000000' },
        { run_id: 'b', usage: { requests: 1 }, cost_usd: '0.001000000' },
      ],
      without_run: { usage: { requests: 1 }, cost_usd: '0.001000000', started_at: '2026-11-22T12:00:04.000Z' },
    });
    expect(found.usage).not.toHaveProperty('request_usage_entries');
  });

  it('holds of a run only what it did in the session, so that the blocks add up', async () => {
    const found = await report([inSession(1), makeCallRecord(2, { session_id: 'another' })]);
    expect(found.usage.requests).toBe(1);
    expect(found.runs).toMatchObject([{ usage: { requests: 1 }, last_activity_at: '2026-11-22T12:00:01.500Z' }]);
    expect(found.without_run).toBeNull();
  });

  it('shows calls that are open, with and without a run', async () => {
    const open = { session_id: 'chat-7' };
    const found = await report([makeOpenRecord(1, open), makeOpenRecord(2, { ...open, run_id: null })]);
    expect(found).toMatchObject({
      in_flight: 2,
      cost_complete: false,
      runs: [{ in_flight: 1, usage: { requests: 0 }, cost_complete: false }],
      without_run: { in_flight: 1 },
    });
  });

  it('is unknown where no call named it, or another team did', async () => {
    const reader = new MemoryLedgerReader([inSession(1, { team: 'other' })]);
    expect(await reportSession(reader, 'research', 'chat-7')).toEqual({ kind: 'unknown' });
    expect(await reportSession(reader, null, 'chat-8')).toEqual({ kind: 'unknown' });
  });

  it('asks which team is meant where several have it', async () => {
    const reader = new MemoryLedgerReader([inSession(1), inSession(2, { team: 'other' })]);
    expect(await reportSession(reader, null, 'chat-7')).toEqual({ kind: 'ambiguous', teams: ['other', 'research'] });
  });
});
