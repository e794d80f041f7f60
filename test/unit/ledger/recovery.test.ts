import { spawn } from 'node:child_process';
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { callRecord, openCallRecord } from '../../support/call-record.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const CHILD = fileURLToPath(new URL('../../support/ledger-child.ts', import.meta.url));

interface Killed {
  readonly finished: string[];
  readonly opened: string[];
}

/** Runs a process that writes, kills it after so many acknowledged calls, and gives what it had been told. */
async function writeAndKill(dataDir: string, instanceId: string, afterCalls: number): Promise<Killed> {
  const child = spawn(process.execPath, [CHILD, dataDir, instanceId], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.split('finished ').length > afterCalls) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  const lines = output.slice(0, output.lastIndexOf('\n') + 1).split('\n');
  const idsOf = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  return { finished: idsOf('finished'), opened: idsOf('opened') };
}

/** Leaves calls behind as a process does that dies: its thread is stopped without any goodbye. */
async function dieWithOpenCalls(dataDir: string, records: readonly CallRecord[]): Promise<void> {
  const workers: Worker[] = [];
  const journal = await openTestJournal({
    dataDir,
    startWorker: (url, start) => {
      const worker = workers.length === 0 ? new Worker(url, { workerData: start }) : new Worker('', { eval: true });
      workers.push(worker);
      return worker;
    },
  });
  for (const record of records) {
    if (record.ending === 'in_flight') journal.open(record);
    else await journal.finish(record);
  }
  await journal.finish(callRecord({ run_id: 'last' }));
  await workers[0]?.terminate();
}

describe('after a SIGKILL', () => {
  it('every acknowledged call is there once, and open ones are interrupted', { timeout: 60_000 }, async () => {
    const dataDir = temporaryFolder();
    const { finished, opened } = await writeAndKill(dataDir, 'child', 400);
    expect(finished.length).toBeGreaterThanOrEqual(380);

    const journal = await openTestJournal({ dataDir });
    const records = await journal.reader.recordsOfRun({ team: 'research', runId: 'nightly-42' });
    const byEnding = (ending: string): string[] => records.filter((one) => one.ending === ending).map((one) => one.id);
    expect(byEnding('completed')).toEqual(expect.arrayContaining(finished));
    expect(byEnding('interrupted')).toEqual(expect.arrayContaining(opened));
    expect(journal.recoveredCalls).toBe(byEnding('interrupted').length);
    expect(new Set(records.map((record) => record.id)).size).toBe(records.length);

    const sums = await journal.reader.sumsOfRun({ team: 'research', runId: 'nightly-42' });
    const total = (name: 'records' | 'requests' | 'missing_usage' | 'input_tokens'): number =>
      sums.reduce((sum, row) => sum + row[name], 0);
    expect(total('records')).toBe(records.length);
    expect(total('requests')).toBe(byEnding('completed').length);
    expect(total('missing_usage')).toBe(byEnding('interrupted').length);
    expect(total('input_tokens')).toBe(byEnding('completed').length * 1200);
    expect(await journal.reader.run({ team: 'research', runId: 'nightly-42' })).toMatchObject({ in_flight: 0 });
  });
});

describe('recovery', () => {
  it('gives a call of a dead process its end, with nothing known of its usage', async () => {
    const dataDir = temporaryFolder();
    const open = openCallRecord();
    await dieWithOpenCalls(dataDir, [open]);
    const nowMs = Date.parse('2026-11-23T00:00:00.000Z');
    const journal = await openTestJournal({ dataDir, clock: { nowMs: () => nowMs, monotonicMs: () => 0 } });
    expect(journal.recoveredCalls).toBe(1);
    expect(await journal.reader.record(open.id, null)).toEqual({
      ...open,
      ending: 'interrupted',
      error_code: 'interrupted',
      ended_at: '2026-11-23T00:00:00.000Z',
    });
  });

  it('leaves background responses queued: they live on at the upstream', async () => {
    const dataDir = temporaryFolder();
    const queued = callRecord({ endpoint: 'responses', upstream_id: 'resp_1', ending: 'queued', usage: null });
    await dieWithOpenCalls(dataDir, [queued]);
    const journal = await openTestJournal({ dataDir });
    expect(journal.recoveredCalls).toBe(0);
    expect(await journal.findByUpstreamId('resp_1', 'research')).toEqual(queued);

    const settled = callRecord({ ...queued, ending: 'completed', usage: callRecord().usage, usage_source: 'reported' });
    await journal.finish(settled);
    const [sums] = await journal.reader.sumsOfRun({ team: 'research', runId: 'nightly-42' });
    expect(sums).toMatchObject({ records: 1, total_tokens: 1500 });
  });

  it('does not touch the calls of a process that lives', async () => {
    const dataDir = temporaryFolder();
    const first = await openTestJournal({ dataDir });
    const open = openCallRecord();
    first.open(open);
    await first.finish(callRecord());

    const second = await openTestJournal({ dataDir });
    expect(second.recoveredCalls).toBe(0);
    expect(await second.recoverDeadInstances()).toBe(0);
    expect(await second.reader.record(open.id, null)).toMatchObject({ ending: 'in_flight' });

    await first.finish(callRecord({ id: open.id }));
    expect(await second.reader.record(open.id, null)).toMatchObject({ ending: 'completed' });
  });

  it('finds the calls of a process that died beside this one, and tells them', async () => {
    const dataDir = temporaryFolder();
    const living = await openTestJournal({ dataDir });
    const told: CallRecord[] = [];
    living.onCommitted((record) => told.push(record));
    const open = openCallRecord();
    await dieWithOpenCalls(dataDir, [open]);
    expect(await living.recoverDeadInstances()).toBe(1);
    expect(told).toMatchObject([{ id: open.id, ending: 'interrupted' }]);
    expect(await living.recoverDeadInstances()).toBe(0);
  });

  it('closes each call once when many processes start together', { timeout: 30_000 }, async () => {
    const dataDir = temporaryFolder();
    await dieWithOpenCalls(
      dataDir,
      Array.from({ length: 50 }, () => openCallRecord()),
    );
    const journals = await Promise.all(Array.from({ length: 4 }, () => openTestJournal({ dataDir })));
    expect(journals.reduce((sum, journal) => sum + journal.recoveredCalls, 0)).toBe(50);
    const [reader] = journals;
    const sums = await reader?.reader.sumsOfRun({ team: 'research', runId: 'nightly-42' });
    expect(sums).toMatchObject([{ records: 50, missing_usage: 50 }]);
    expect(readdirSync(join(dataDir, 'instances'))).toHaveLength(4);
  });

  it('finds them too where the lock files were lost', async () => {
    const dataDir = temporaryFolder();
    await dieWithOpenCalls(dataDir, [openCallRecord()]);
    renameSync(join(dataDir, 'instances'), join(dataDir, 'lost'));
    const journal = await openTestJournal({ dataDir });
    expect(journal.recoveredCalls).toBe(1);
  });

  it('closes the open calls of the life before where a process has the same name again', async () => {
    const dataDir = temporaryFolder();
    const first = await openTestJournal({ dataDir, instanceId: 'pod-0' });
    first.open(openCallRecord());
    await first.finish(callRecord());
    await first.close();
    expect(existsSync(join(dataDir, 'instances', 'pod-0.lock'))).toBe(false);
    const second = await openTestJournal({ dataDir, instanceId: 'pod-0' });
    expect(second.recoveredCalls).toBe(1);
  });
});

describe('several processes on one folder', () => {
  it('write beside each other, and their sums add up', { timeout: 30_000 }, async () => {
    const dataDir = temporaryFolder();
    const journals = await Promise.all(Array.from({ length: 3 }, () => openTestJournal({ dataDir })));
    await Promise.all(journals.flatMap((journal) => Array.from({ length: 200 }, () => journal.finish(callRecord()))));
    const sums = await journals[0]?.reader.sumsOfRun({ team: 'research', runId: 'nightly-42' });
    expect(sums).toMatchObject([{ records: 600, total_tokens: 900_000 }]);
  });

  it('settle a background response once, whoever sees its end', async () => {
    const dataDir = temporaryFolder();
    const [one, two] = [await openTestJournal({ dataDir }), await openTestJournal({ dataDir })];
    const told: string[] = [];
    one.onCommitted((record) => told.push(`one ${record.ending}`));
    two.onCommitted((record) => told.push(`two ${record.ending}`));
    const queued = callRecord({ endpoint: 'responses', upstream_id: 'resp_1', ending: 'queued', usage: null });
    await one.finish(queued);
    const created = await two.findByUpstreamId('resp_1', 'research');
    expect(created).toEqual(queued);

    const settled = callRecord({ id: queued.id, endpoint: 'responses', upstream_id: 'resp_1' });
    await two.finish(settled);
    await one.finish(settled);
    expect(told).toEqual(['one queued', 'two completed']);
    const sums = await one.reader.sumsOfRun({ team: 'research', runId: 'nightly-42' });
    expect(sums).toMatchObject([{ records: 1, total_tokens: 1500 }]);
  });
});

describe('a process whose thread has died, and which another one took for dead', () => {
  it('still tells the ends of its calls, once, and the sums have them', async () => {
    const dataDir = temporaryFolder();
    const workers: Worker[] = [];
    const startWorker = (url: URL, start: unknown): Worker => {
      const worker = new Worker(url, { workerData: start });
      workers.push(worker);
      return worker;
    };
    const one = await openTestJournal({ dataDir, startWorker });
    const other = await openTestJournal({ dataDir });
    const opened = openCallRecord({ user: 'u', agent: 'a' });
    const left = openCallRecord();
    const ended = callRecord({ id: opened.id, user: 'u', agent: 'a' });
    one.open(opened);
    one.open(left);
    await one.book();
    await workers[0]?.terminate();
    expect(await other.recoverDeadInstances()).toBe(2);
    expect(await other.reader.record(opened.id, null)).toMatchObject({ ending: 'interrupted', usage: null });

    await one.finish(ended);
    await expect
      .poll(() =>
        one.book().then(
          () => 'booked',
          () => 'not yet',
        ),
      )
      .toBe('booked');
    expect(await other.reader.record(opened.id, null)).toEqual(ended);
    expect(await other.reader.record(left.id, null)).toMatchObject({ ending: 'interrupted' });
    expect(await other.recoverDeadInstances()).toBe(0);
    const run = { team: ended.team, runId: ended.run_id ?? '' };
    const sums = await other.reader.sumsOfRun(run);
    const total = (name: 'records' | 'requests' | 'missing_usage' | 'input_tokens'): number =>
      sums.reduce((sum, row) => sum + row[name], 0);
    expect([total('records'), total('requests'), total('missing_usage')]).toEqual([2, 1, 1]);
    expect(total('input_tokens')).toBe(ended.usage?.input_tokens);
    expect(await other.reader.run(run)).toMatchObject({ cost_nano_usd: BigInt(ended.cost_nano_usd ?? 0) });
  });
});
