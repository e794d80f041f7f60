import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { runCli } from '../support/cli-process.ts';
import { type Comparison, compareCalls, reportedUsages, sumTokens, usageResults } from '../support/compare-calls.ts';
import { MixedLoad } from '../support/mixed-load.ts';
import { startResettingRelay } from '../support/resetting-relay.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type ServedProxy, serveProxy } from '../support/served-proxy.ts';
import { asRecord, startProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/**
 * Faults under mixed load, and afterwards the view of the clients against the ledger, call by call. The death of the
 * journal's thread cannot be caused from outside; `test/unit/ledger/journal.test.ts` shows it.
 * `npm run test:faults` makes more calls; a seed gives the same calls again, as far as clocks allow.
 */
const SEED = Number(process.env['METERTAP_FAULTS_SEED'] ?? 20261122);
const CALLS = Number(process.env['METERTAP_FAULTS_CALLS'] ?? 60);
const CLIENTS = 8;
const PATIENCE = { timeout: 60_000, interval: 20 };
const TEST_MS = 60_000 + CALLS * 200;

type Row = Record<string, unknown>;

const comparisons: Comparison[] = [];

afterAll(() => {
  const total = (of: (comparison: Comparison) => number) => comparisons.reduce((sum, one) => sum + of(one), 0);
  console.log(
    `faults, seed ${SEED}: ${total(({ calls }) => calls)} calls, ${total(({ whole }) => whole)} whole answers, ` +
      `${total(({ interrupted }) => interrupted)} interrupted, ${total(({ mismatches }) => mismatches.length)} mismatches`,
  );
});

async function startSimulator(): Promise<Simulator> {
  const simulator = await createSimulator({ port: 0, recordBodies: false });
  onTestFinished(() => simulator.close());
  return simulator;
}

/** The ledger holds what the clients saw, and the sums of the API are those of the ledger. */
async function expectBooks(
  proxy: Pick<ServedProxy, 'ask'>,
  books: { readonly records: readonly Row[]; readonly calls: MixedLoad['calls']; readonly range?: string },
): Promise<void> {
  const comparison = compareCalls(books.records, books.calls);
  comparisons.push(comparison);
  expect(comparison.mismatches).toEqual([]);
  const sums = sumTokens(reportedUsages(books.records));
  for (const bucket of ['1m', '1h', '1d']) {
    const results = await usageResults((path) => proxy.ask(path), `bucket=${bucket}${books.range ?? ''}`);
    expect(sumTokens(results), bucket).toEqual(sums);
  }
}

function wholeCalls(load: MixedLoad): number {
  return load.calls.filter(({ received }) => received === 'whole').length;
}

async function untilWhole(load: MixedLoad, count: number): Promise<void> {
  await vi.waitFor(() => expect(wholeCalls(load)).toBeGreaterThanOrEqual(count), { ...PATIENCE, timeout: TEST_MS });
}

/** A disk that stops taking writes, and takes them again. */
interface Disk {
  readonly name: string;
  /** What `/readyz` says of it. */
  readonly reason: RegExp;
  /** Whether this machine lets us have it; else why not. */
  missing(): string | null;
  wrapper(dataDir: string): readonly string[];
  fail(pid: number, dataDir: string): void;
  mend(pid: number, dataDir: string): void;
}

const canMount = () => spawnSync('unshare', ['--mount', 'true']).status === 0;
const NO_MOUNTS = 'this user may not mount (it needs root and unshare)';

/** Sees the folder as the process does, whose mounts are its own. */
const inside = (pid: number, path: string) => `/proc/${pid}/root${path}`;

function limitFileSize(pid: number, limit: string): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${limit}:`], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`prlimit: ${stderr}`);
}

/** Writes zeros until there is no space left. */
function fillDisk(file: string): void {
  const descriptor = openSync(file, 'w');
  try {
    for (const size of [65_536, 4_096]) {
      try {
        while (writeSync(descriptor, Buffer.alloc(size)) > 0);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

const DISKS: readonly Disk[] = [
  {
    name: 'is full',
    reason: /is full/,
    missing: () => (canMount() ? null : NO_MOUNTS),
    wrapper: (dataDir) => mounted(dataDir, 'size=32m'),
    fail: (pid, dataDir) => fillDisk(inside(pid, join(dataDir, 'ballast'))),
    mend: (pid, dataDir) => rmSync(inside(pid, join(dataDir, 'ballast'))),
  },
  {
    name: 'fails',
    reason: /disk reported an error/,
    missing: () => (spawnSync('prlimit', ['--version']).status === 0 ? null : 'there is no prlimit'),
    wrapper: () => [],
    fail: (pid) => limitFileSize(pid, '0'),
    mend: (pid) => limitFileSize(pid, 'unlimited'),
  },
];

/** Begins a program with a file system in memory at the folder, which nobody else sees and which ends with it. */
function mounted(folder: string, options: string): readonly string[] {
  const script = `mount -t tmpfs -o ${options} metertap-test '${folder}' && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', script, 'sh'];
}

describe(`a disk under load, seed ${SEED}`, () => {
  it.each(DISKS)(
    'that $name costs no answer that a client has; writing goes on by itself',
    async (disk) => {
      const missing = disk.missing();
      if (missing !== null) return console.log(`a disk that ${disk.name}: not tried, ${missing}`);
      const dataDir = temporaryFolder();
      const simulator = await startSimulator();
      await using proxy = await serveProxy({
        dataDir,
        upstreamUrl: simulator.baseUrl,
        env: { METERTAP_ADMIN_KEY: 'mt-admin-of-the-faults', METERTAP_LOG_LEVEL: 'silent' },
        wrapper: disk.wrapper(dataDir),
      });
      const pid = proxy.cli.process.pid ?? 0;
      const load = new MixedLoad(proxy.baseUrl, { random: seededRandom(SEED), prefix: 'disk', goesOn: true });
      const running = load.run(CLIENTS);
      await untilWhole(load, CALLS);
      expect(wholeCalls(load)).toBe(load.calls.length);

      disk.fail(pid, dataDir);
      await vi.waitFor(async () => expect(await readiness(proxy)).toMatchObject({ status: 503 }), PATIENCE);
      expect((await readiness(proxy)).body).toMatch(disk.reason);
      await vi.waitFor(
        () => expect(load.calls.filter(({ status }) => status === 503).length).toBeGreaterThan(CLIENTS),
        PATIENCE,
      );
      const refused = await callOnce(proxy);
      expect(refused.status).toBe(503);
      expect(await refused.json()).toMatchObject({ error: { code: 'ledger_unavailable' } });

      disk.mend(pid, dataDir);
      await vi.waitFor(async () => expect(await readiness(proxy)).toMatchObject({ status: 200 }), PATIENCE);
      await untilWhole(load, wholeCalls(load) + CALLS);
      load.stop();
      await running;
      await expectBooks(proxy, { records: await settledRecords(proxy), calls: load.calls });
    },
    TEST_MS,
  );
});

async function readiness(proxy: ServedProxy): Promise<{ readonly status: number; readonly body: string }> {
  const answer = await fetch(`${proxy.url}/readyz`);
  return { status: answer.status, body: await answer.text() };
}

function callOnce(proxy: ServedProxy): Promise<Response> {
  return fetch(`${proxy.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-load', 'content-type': 'application/json' },
    body: '{"model":"gpt-5-mini","messages":[{"role":"user","content":"Say hello."}]}',
  });
}

function settledRecords(proxy: ServedProxy): Promise<Row[]> {
  return vi.waitFor(async () => {
    expect(await proxy.records('ending=in_flight')).toEqual([]);
    return proxy.records();
  }, PATIENCE);
}

describe('a data folder that may not be written', () => {
  it.each(['new', 'used before'])('ends the start with 1 and a hint: %s', async (age) => {
    if (!canMount()) return console.log(`a read-only data folder: not tried, ${NO_MOUNTS}`);
    const dataDir = temporaryFolder();
    if (age === 'used before') {
      await using before = await serveProxy({ dataDir, upstreamUrl: 'http://127.0.0.1:1/v1' });
      await before.kill('SIGTERM');
    }
    const script = `mount --bind '${dataDir}' '${dataDir}' && mount -o remount,bind,ro '${dataDir}' && exec "$@"`;
    const env = { METERTAP_PORT: '0', METERTAP_DATA_DIR: dataDir, METERTAP_UPSTREAM_URL: 'http://127.0.0.1:1/v1' };
    const wrapper = ['unshare', '--mount', 'sh', '-c', script, 'sh'];
    const end = await runCli(['serve'], { cwd: dataDir, env, wrapper });
    expect(end).toMatchObject({ code: 1, signal: null, stdout: '' });
    expect(end.stderr).toMatch(/^hint: \S/m);
    expect(end.stderr).not.toMatch(/^\s+at .*:\d+/m);
  });
});

describe(`an upstream that resets its connections, seed ${SEED}`, () => {
  it(
    'costs the calls that were cut, and no other; each is recorded as what it was',
    async () => {
      const random = seededRandom(SEED);
      const simulator = await startSimulator();
      await using relay = await startResettingRelay(simulator.port, { random, longestMs: 250 });
      await using proxy = await startProxy({ upstreamUrl: `http://127.0.0.1:${relay.port}/v1` });
      const load = new MixedLoad(proxy.baseUrl, { random, prefix: 'reset', goesOn: true });
      const running = load.run(CLIENTS);
      await untilWhole(load, CALLS);
      load.stop();
      await running;
      expect(relay.resets).toBeGreaterThan(CLIENTS);
      expect(wholeCalls(load)).toBeLessThan(load.calls.length);
      await expectBooks(proxy, { records: await proxy.records(), calls: load.calls });
    },
    TEST_MS,
  );
});

const HOUR_MS = 3_600_000;

/** The machine's clock, set forth and back by up to two hours each time that `step` is called. */
class SteppingClock implements Clock {
  readonly #random = seededRandom(SEED);
  #offsetMs = 0;

  step(): void {
    this.#offsetMs = this.#random.between(-2 * HOUR_MS, 2 * HOUR_MS);
  }

  nowMs(): number {
    return Date.now() + this.#offsetMs;
  }

  monotonicMs(): number {
    return performance.now();
  }
}

describe(`a clock that steps, seed ${SEED}`, () => {
  it(
    'leaves ids unique and rising, durations true, and every call in the bucket of its start',
    async () => {
      const clock = new SteppingClock();
      const simulator = await startSimulator();
      await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, clock });
      const load = new MixedLoad(proxy.baseUrl, { random: seededRandom(SEED), prefix: 'clock' });
      const stepping = setInterval(() => clock.step(), 15);
      onTestFinished(() => clearInterval(stepping));
      const running = load.run(CLIENTS);
      await untilWhole(load, CALLS);
      load.stop();
      await running;
      clearInterval(stepping);

      const records = await proxy.records();
      const ids = records.map((record) => String(record['id']));
      expect(new Set(ids).size).toBe(load.calls.length);
      // The calls of one run were made one after the other, and their names are numbered.
      const inOrderOfIds = records.toSorted((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1));
      for (const [runId, ofRun] of Map.groupBy(inOrderOfIds, (record) => String(record['run_id']))) {
        const numbers = ofRun.map((record) => Number(String(asRecord(record['tags'])['call']).split('-')[1]));
        expect(numbers, runId).toEqual(numbers.toSorted((a, b) => a - b));
      }
      for (const record of records) {
        expect(record['duration_ms']).toBeGreaterThanOrEqual(0);
        expect(record['duration_ms']).toBeLessThan(HOUR_MS / 4);
      }

      const dayAway = (days: number) => new Date(Date.now() + days * 24 * HOUR_MS).toISOString();
      const range = `&start_time=${dayAway(-0.4)}&end_time=${dayAway(0.4)}&partial_buckets=true`;
      await expectBooks(proxy, { records, calls: load.calls, range });
      const byHour = Map.groupBy(records, (record) => `${String(record['started_at']).slice(0, 13)}:00:00.000Z`);
      expect(byHour.size).toBeGreaterThan(2);
      const results = await usageResults((path) => proxy.ask(path), `bucket=1h${range}`);
      expect(new Set(results.map((result) => result.start_time))).toEqual(new Set(byHour.keys()));
      for (const [hour, ofHour] of byHour) {
        expect(sumTokens(results.filter((result) => result.start_time === hour)), hour).toEqual(
          sumTokens(reportedUsages(ofHour)),
        );
      }
    },
    TEST_MS,
  );
});
