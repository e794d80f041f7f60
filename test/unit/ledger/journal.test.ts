import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { LedgerState } from '../../../src/ledger/ledger.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { CALL_STARTED_MS, callRecord, openCallRecord } from '../../support/call-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const WAIT = { timeout: 10_000, interval: 10 };

/** A record that fills some pages of the database. */
function bulkyRecord(overrides: Partial<CallRecord> = {}): CallRecord {
  return callRecord({ usage_raw: { filler: 'x'.repeat(20_000) }, ...overrides });
}

describe('a full disk', () => {
  it('is told as a state, refuses in bounded time, and loses nothing', { timeout: 20_000 }, async () => {
    const states: LedgerState[] = [];
    const journal = await openTestJournal({
      maxDatabaseBytes: 1_000_000,
      commitTimeoutMs: 300,
      onStateChange: (state) => states.push(state),
    });
    const committed: string[] = [];
    journal.onCommitted((record) => committed.push(record.id));

    const records = Array.from({ length: 50 }, (_, second) =>
      bulkyRecord({ started_at: new Date(CALL_STARTED_MS + second * 1_000).toISOString() }),
    );
    for (const record of records.slice(0, 25)) await journal.finish(record);
    const outcomes = await Promise.allSettled(records.slice(25).map((record) => journal.finish(record)));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const outcome of refused) expect(outcome.reason).toMatchObject({ code: 'ledger_unavailable' });
    expect(journal.state).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('full') });
    expect(states.at(-1)).toEqual(journal.state);

    // Space is made: what was refused is still written, in order, and told once.
    await journal.prune(CALL_STARTED_MS + 25 * 1_000);
    await vi.waitFor(() => expect(journal.pendingRows).toBe(0), WAIT);
    expect(journal.state.kind).toBe('ready');
    expect(committed).toEqual(records.map((record) => record.id));
    const [sums] = await journal.reader.sumsOfRun({ team: 'research', runId: 'nightly-42' });
    expect(sums?.records).toBe(50);
  });

  it('is told when it is still there at the end', { timeout: 20_000 }, async () => {
    const journal = await openTestJournal({ maxDatabaseBytes: 400_000, commitTimeoutMs: 200 });
    await Promise.allSettled(Array.from({ length: 30 }, () => journal.finish(bulkyRecord())));
    await expect(journal.close()).rejects.toMatchObject({
      fault: 'unwritten_rows',
      hint: expect.stringContaining('full'),
    });
  });
});

describe('the thread of the journal', () => {
  it('is started again when it dies, and is given what it had not written', { timeout: 20_000 }, async () => {
    const workers: Worker[] = [];
    const states: LedgerState['kind'][] = [];
    const journal = await openTestJournal({
      onStateChange: (state) => states.push(state.kind),
      startWorker: (url, start) => {
        const worker = new Worker(url, { workerData: start });
        workers.push(worker);
        return worker;
      },
    });
    const open = openCallRecord();
    journal.open(open);
    await journal.finish(callRecord());

    const records = Array.from({ length: 500 }, () => callRecord());
    const finished = Promise.all(records.map((record) => journal.finish(record)));
    await workers[0]?.terminate();
    await finished;
    expect(workers).toHaveLength(2);
    expect(states).toEqual(['unavailable', 'ready']);
    const sums = await journal.reader.sumsOfRun({ team: 'research', runId: 'nightly-42' });
    expect(sums.reduce((total, sum) => total + sum.records, 0)).toBe(501);
    // The process lives on, and so does its open call.
    expect(await journal.reader.record(open.id, null)).toMatchObject({ ending: 'in_flight' });
  });

  it('is not started again for ever', { timeout: 30_000 }, async () => {
    const workers: Worker[] = [];
    const journal = await openTestJournal({
      commitTimeoutMs: 100,
      startWorker: (url, start) => {
        const isFirst = workers.length === 0;
        const worker = isFirst ? new Worker(url, { workerData: start }) : new Worker('process.exit(1)', { eval: true });
        workers.push(worker);
        return worker;
      },
    });
    vi.useFakeTimers({ toFake: ['setTimeout'] }); // the waits between the starts grow to seconds
    onTestFinished(() => void vi.useRealTimers());
    await workers[0]?.terminate();
    const nextStart = (): void => {
      vi.advanceTimersByTime(5_000);
      expect(workers).toHaveLength(7);
    };
    await vi.waitFor(nextStart, WAIT);
    vi.useRealTimers();
    expect(journal.state.kind).toBe('unavailable');
    await expect(journal.finish(callRecord())).rejects.toMatchObject({ code: 'ledger_unavailable' });
  });
});

describe('an event loop that stands still', () => {
  it('takes no record for late that it could not hear of', async () => {
    const states: LedgerState['kind'][] = [];
    const journal = await openTestJournal({
      commitTimeoutMs: 200,
      onStateChange: (state) => states.push(state.kind),
    });
    const records = Array.from({ length: 3 }, () => callRecord());
    const finished = records.map((record) => journal.finish(record));
    const until = performance.now() + 500;
    while (performance.now() < until); // nothing is posted and nothing heard meanwhile, and then all waits seem over
    await Promise.all(finished);
    expect(states).toEqual([]);
  });

  it('gives a thread up that says nothing, however long each turn lasts', { timeout: 20_000 }, async () => {
    const deaf = `const { parentPort } = require('node:worker_threads');
      parentPort.postMessage({ kind: 'opened', recovered: 0 });
      parentPort.on('message', ({ kind }) => kind === 'rows' || process.exit());`;
    const journal = await openTestJournal({
      commitTimeoutMs: 100,
      startWorker: () => new Worker(deaf, { eval: true }),
    });
    const load = setInterval(() => {
      const until = performance.now() + 40; // four times as long as a turn counts
      while (performance.now() < until);
    }, 1);
    onTestFinished(() => clearInterval(load));
    await expect(journal.finish(callRecord())).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(journal.state).toMatchObject({ kind: 'unavailable', reason: 'The ledger does not answer.' });
  });
});

describe('the queue', () => {
  it('refuses beyond its bound, and takes rows again when it has room', { timeout: 20_000 }, async () => {
    const dataDir = temporaryFolder();
    const journal = await openTestJournal({ dataDir, maxPendingRows: 10, commitTimeoutMs: 60_000 });
    const blocker = new DatabaseSync(join(dataDir, 'metertap.db'));
    onTestFinished(() => blocker.close());
    blocker.exec('BEGIN IMMEDIATE');
    const waiting = Array.from({ length: 10 }, () => journal.finish(callRecord()));
    await expect(journal.finish(callRecord())).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect(journal.state.kind).toBe('unavailable');

    blocker.exec('COMMIT');
    await Promise.all(waiting);
    expect(journal.state.kind).toBe('ready');
    await journal.finish(callRecord());
  });

  it('tells a row that cannot be kept to its caller, and writes the others', async () => {
    const errors: unknown[] = [];
    const journal = await openTestJournal({ onError: (error) => errors.push(error) });
    const bad = expect(journal.finish(callRecord({ status: 0.5 }))).rejects.toMatchObject({ code: 'internal_error' });
    journal.open(openCallRecord({ client_retry: 0.5 }));
    await journal.finish(callRecord());
    await bad;
    expect(errors).toHaveLength(1);
    expect(journal.state.kind).toBe('ready');
  });

  it('keeps telling listeners after one has thrown', async () => {
    const errors: unknown[] = [];
    const journal = await openTestJournal({ onError: (error) => errors.push(error) });
    const told: string[] = [];
    journal.onCommitted(() => {
      throw new Error('broken listener');
    });
    journal.onCommitted((record) => told.push(record.id));
    const record = callRecord();
    await journal.finish(record);
    expect(told).toEqual([record.id]);
    expect(errors).toHaveLength(1);
  });
});

describe('reading', () => {
  it('rejects after the ledger was closed', async () => {
    const journal = await openTestJournal();
    await journal.close();
    await expect(journal.reader.record('x', null)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    await expect(journal.findByUpstreamId('x', null)).rejects.toMatchObject({ code: 'ledger_unavailable' });
    await expect(journal.finish(callRecord())).rejects.toMatchObject({ code: 'ledger_unavailable' });
  });

  it('refuses a cursor that is none', async () => {
    const journal = await openTestJournal();
    const filter = { team: null, sessionId: null, startMs: null, endMs: null, order: '-cost' } as const;
    const after = { value: 'high', team: 'research', runId: 'x' };
    await expect(journal.reader.runs(filter, { limit: 5, after })).rejects.toMatchObject({ code: 'invalid_parameter' });
  });
});
