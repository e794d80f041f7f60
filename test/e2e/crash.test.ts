import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { expectEveryCallOnce, expectRollupsOfRecords, recordsByCall } from '../support/check-books.ts';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { type LoadCall, MixedLoad } from '../support/mixed-load.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { type ServedProxy, serveProxy } from '../support/served-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/**
 * `metertap serve` as a process of its own, killed under load and started again on the same folder (design.md, promise
 * 3). `npm run test:faults` takes more rounds; a seed gives the same calls and moments again, as far as clocks allow.
 */
const ROUNDS = Number(process.env['METERTAP_CRASH_ROUNDS'] ?? 6);
const SEED = Number(process.env['METERTAP_CRASH_SEED'] ?? 20261122);
const CLIENTS = 10;
const ROUND_MS = 10_000;

const CONFIG = `
prices:
  - { provider: "*", model: "gpt-5-mini", input_per_mtok: "0.25", cached_input_per_mtok: "0.025", output_per_mtok: "2.00" }
`;

async function startSimulator(): Promise<Simulator> {
  const simulator = await createSimulator({ port: 0 });
  onTestFinished(() => simulator.close());
  return simulator;
}

/** Starts a proxy over the folder; whatever becomes of the test, the process is gone after it. */
async function serve(dataDir: string, upstreamUrl: string): Promise<ServedProxy> {
  const config = join(dataDir, 'metertap.yaml');
  writeFileSync(config, CONFIG);
  const proxy = await serveProxy({ dataDir, upstreamUrl, env: { METERTAP_CONFIG: config } });
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

/** Begins calls that the upstream never ends, and waits until the ledger has them. Gives their names. */
async function beginEndlessCalls(proxy: ServedProxy, prefix: string): Promise<readonly string[]> {
  const steering = [
    { 'x-sim-hang': '1' },
    { 'x-sim-events': '100000', 'x-sim-interval-ms': '1000' },
    { 'x-sim-events': '100000', 'x-sim-interval-ms': '2' },
  ];
  const names = steering.map((_, index) => `${prefix}-endless-${index}`);
  for (const [index, headers] of steering.entries()) {
    const tags = { 'x-metertap-run-id': `${prefix}-endless`, 'x-metertap-tags': `call=${names[index]}` };
    readForever(proxy, { ...headers, ...tags });
  }
  const inFlight = async () => recordsByCall(await proxy.records('ending=in_flight'));
  await vi.waitFor(async () => expect([...(await inFlight()).keys()]).toEqual(expect.arrayContaining(names)), {
    timeout: 20_000,
  });
  return names;
}

function readForever(proxy: ServedProxy, headers: Readonly<Record<string, string>>): void {
  const call = fetch(`${proxy.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-load', 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'gpt-5-mini', stream: true, messages: [{ role: 'user', content: 'Go on.' }] }),
  });
  call.then((answer) => answer.text()).catch(() => undefined); // its end is the end of the process
}

describe(`killed with SIGKILL under load, seed ${SEED}`, () => {
  it(`loses no answer that a client has, ${ROUNDS} times`, { timeout: 60_000 + ROUNDS * ROUND_MS }, async () => {
    const random = seededRandom(SEED);
    const dataDir = temporaryFolder();
    const simulator = await startSimulator();
    const calls: LoadCall[] = [];
    const endless: string[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const proxy = await serve(dataDir, simulator.baseUrl);
      await expectBooks(proxy, { calls, endless });
      endless.push(...(await beginEndlessCalls(proxy, `r${round}`)));
      const load = new MixedLoad(proxy.baseUrl, { random, prefix: `r${round}` });
      const running = load.run(CLIENTS);
      await pause(random.between(100, 900));
      const before = [...load.calls];
      expect(await proxy.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
      calls.push(...(await running));
      expect(before.filter((call) => call.received !== 'whole')).toEqual([]);
    }
    await expectBooks(await serve(dataDir, simulator.baseUrl), { calls, endless });
    expect(calls.filter((call) => call.received === 'whole').length).toBeGreaterThan(ROUNDS * CLIENTS);
    expect(calls.filter((call) => call.received !== 'whole')).toHaveLength(ROUNDS * CLIENTS);
  });
});

/** What the ledger says of all that was called before this process was started. */
async function expectBooks(
  proxy: ServedProxy,
  made: { readonly calls: readonly LoadCall[]; readonly endless: readonly string[] },
): Promise<void> {
  const records = await proxy.records();
  expectEveryCallOnce(records, made.calls);
  const byCall = recordsByCall(records);
  for (const name of made.endless) {
    expect(byCall.get(name), name).toMatchObject([{ ending: 'interrupted', usage_source: 'missing', usage: null }]);
  }
  const names = new Set([...made.calls.map(({ name }) => name), ...made.endless]);
  expect([...byCall.keys()].filter((name) => !names.has(name))).toEqual([]);
  await expectRollupsOfRecords(proxy, records);
}

describe(`stopped with SIGTERM under load, seed ${SEED}`, () => {
  it('ends what is open, refuses what is new, interrupts nothing, and exits with 0', async () => {
    const random = seededRandom(SEED);
    const dataDir = temporaryFolder();
    const simulator = await startSimulator();
    const calls: LoadCall[] = [];
    for (let round = 1; round <= 2; round++) {
      const proxy = await serve(dataDir, simulator.baseUrl);
      const load = new MixedLoad(proxy.baseUrl, { random, prefix: `t${round}` });
      const running = load.run(CLIENTS);
      await pause(random.between(100, 900));
      expect(await proxy.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(proxy.cli.stderr).toBe('');
      calls.push(...(await running));
    }
    expect(calls.length).toBeGreaterThan(CLIENTS * 2);
    expect(calls.filter((call) => call.received === 'broken')).toEqual([]);
    await using proxy = await serve(dataDir, simulator.baseUrl);
    const records = await proxy.records();
    expectEveryCallOnce(records, calls);
    expect(records.map((record) => record['ending'])).toEqual(records.map(() => 'completed'));
    expect(records).toHaveLength(calls.filter((call) => call.received === 'whole').length);
    await expectRollupsOfRecords(proxy, records);
  });
});

describe('two processes on one data folder', () => {
  it('both serve; when one is killed, a third interrupts only its calls', async () => {
    const waiting = new Map<string, () => void>();
    await using upstream = await startFakeUpstream(async (request, response) => {
      const name = String(request.headers['x-request-name']);
      await new Promise<void>((resolve) => waiting.set(name, resolve));
      answerJson(response, {
        id: name,
        model: 'gpt-5-mini',
        usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
      });
    });
    const dataDir = temporaryFolder();
    const [first, second] = await Promise.all([serve(dataDir, upstream.url), serve(dataDir, upstream.url)]);
    expect(first.url).not.toBe(second.url);

    const call = async (proxy: ServedProxy, name: string) => {
      const answer = await fetch(`${proxy.baseUrl}/chat/completions`, {
        method: 'POST',
        headers: {
          authorization: 'Bearer sk-load',
          'content-type': 'application/json',
          'x-request-name': name,
          'x-metertap-run-id': 'shared',
          'x-metertap-tags': `call=${name}`,
        },
        body: '{"model":"gpt-5-mini","messages":[]}',
      });
      return answer.json();
    };
    const answered = async (proxy: ServedProxy, name: string) => {
      const answer = call(proxy, name);
      await vi.waitFor(() => expect(waiting.has(name)).toBe(true), { timeout: 20_000 });
      waiting.get(name)?.();
      return answer;
    };
    await Promise.all([answered(first, 'first-done'), answered(second, 'second-done')]);

    call(first, 'first-open').catch(() => undefined); // it is cut with its process
    const secondOpen = call(second, 'second-open');
    const endings = async (proxy: ServedProxy) =>
      Object.fromEntries([...recordsByCall(await proxy.records())].map(([name, [row]]) => [name, row?.['ending']]));
    const open = {
      'first-done': 'completed',
      'second-done': 'completed',
      'first-open': 'in_flight',
      'second-open': 'in_flight',
    };
    await vi.waitFor(async () => expect(await endings(second)).toEqual(open), { timeout: 20_000 });
    await vi.waitFor(() => expect(waiting.has('second-open')).toBe(true), { timeout: 20_000 });

    await first.kill('SIGKILL');
    const third = await serve(dataDir, upstream.url);
    expect(await endings(third)).toEqual({ ...open, 'first-open': 'interrupted' });

    waiting.get('second-open')?.();
    expect(await secondOpen).toMatchObject({ id: 'second-open' });
    expect(await endings(third)).toEqual({ ...open, 'first-open': 'interrupted', 'second-open': 'completed' });
    await answered(third, 'third-done');
    const records = await third.records();
    expect(records).toHaveLength(5);
    await expectRollupsOfRecords(third, records);
    expect(await Promise.all([second.kill('SIGTERM'), third.kill('SIGTERM')])).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
  });
});
