import { writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { platform } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { expectRollupsOfRecords } from '../support/check-books.ts';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { type ServedProxy, serveProxy } from '../support/served-proxy.ts';
import { freePort } from '../support/servers.ts';
import { asRecord } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Several processes on one port, over one data folder: `listen.reuse_port` (docs/operations.md, "Several processes"). */
const ADMIN_KEY = 'admin-key-of-all-processes';
const USAGE = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };

interface Place {
  readonly port: number;
  readonly dataDir: string;
  readonly upstreamUrl: string;
}

async function startProcess({ port, dataDir, upstreamUrl }: Place, reusePort = true): Promise<ServedProxy> {
  const config = join(dataDir, `metertap-${reusePort}.yaml`);
  writeFileSync(config, `listen: { reuse_port: ${reusePort} }\n`);
  const env = { METERTAP_CONFIG: config, METERTAP_PORT: String(port), METERTAP_ADMIN_KEY: ADMIN_KEY };
  const proxy = await serveProxy({ dataDir, upstreamUrl, env });
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return proxy;
}

/** One call on a connection of its own, so that the kernel chooses a process for it. Gives its record's id. */
function call(port: number, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false });
    const sent = { authorization: 'Bearer sk-client', 'content-type': 'application/json', ...headers };
    const options = { port, agent, method: 'POST', path: '/v1/chat/completions', headers: sent };
    const outgoing = request(options, (answer: IncomingMessage) => {
      text(answer).then((body) => {
        if (answer.statusCode === 200) resolve(String(answer.headers['x-metertap-request-id']));
        else reject(new Error(`${answer.statusCode}: ${body}`));
      }, reject);
    });
    outgoing.once('error', reject);
    outgoing.end('{"model":"gpt-5-mini","messages":[]}');
  });
}

function calls(port: number, count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, () => call(port, { 'x-metertap-run-id': 'shared' })));
}

async function callsOf(port: number, proxy: ServedProxy): Promise<number> {
  const metrics = await fetch(`${proxy.url}/metrics`, { headers: { connection: 'close' } });
  expect(port).toBe(Number(new URL(proxy.url).port));
  const counted = [...(await metrics.text()).matchAll(/^metertap_requests_total\{.*\} (\d+)$/gm)];
  return counted.reduce((sum, [, count]) => sum + Number(count), 0);
}

const canShare = platform() === 'linux';
if (!canShare) console.log('skipped: several processes on one port need Linux');

describe.runIf(canShare)('two processes on one port and one data folder', () => {
  it('share the calls; when one is killed the other serves on, and the books have every call once', async () => {
    const held: (() => void)[] = [];
    await using upstream = await startFakeUpstream(async (incoming, response) => {
      if (incoming.headers['x-hold'] === 'yes') await new Promise<void>((resolve) => held.push(resolve));
      answerJson(response, { id: 'chatcmpl-1', model: 'gpt-5-mini', usage: USAGE });
    });
    const place = { port: await freePort(), dataDir: temporaryFolder(), upstreamUrl: upstream.url };
    const first = await startProcess(place);
    const second = await startProcess(place);
    const { port } = place;

    const answered = await calls(port, 60);
    // /metrics are those of whichever process takes the connection: fewer than all calls means that both took some.
    await vi.waitFor(async () => expect(await callsOf(port, first)).toBeLessThan(60), {
      timeout: 20_000,
      interval: 20,
    });

    // Calls that are open at the upstream when the first one is killed: some of them are its own.
    const opened = Array.from({ length: 20 }, () =>
      call(port, { 'x-hold': 'yes', 'x-metertap-run-id': 'held' }).catch(() => null),
    );
    await vi.waitFor(() => expect(held).toHaveLength(20), { timeout: 20_000 });
    await first.kill('SIGKILL');
    for (const go of held) go();
    const finished = (await Promise.all(opened)).filter((id) => id !== null);
    expect(finished.length).toBeLessThan(20);

    answered.push(...finished, ...(await calls(port, 20)));
    const third = await startProcess(place);
    answered.push(...(await calls(port, 40)));
    const records = await second.records();
    const completed = records.filter((record) => record['ending'] === 'completed');
    expect(completed.map((record) => record['id']).toSorted()).toEqual(answered.toSorted());
    const rest = records.filter((record) => record['ending'] !== 'completed');
    expect(rest.map((record) => record['ending'])).toEqual(rest.map(() => 'interrupted'));
    expect(records).toHaveLength(60 + 20 + 20 + 40);
    await expectRollupsOfRecords(second, records);
    const run = asRecord((await second.ask('/api/v1/runs/shared'))['usage']);
    expect(run['requests']).toBe(60 + 20 + 40);

    const clean = { code: 0, signal: null };
    expect(await Promise.all([second.kill('SIGTERM'), third.kill('SIGTERM')])).toEqual([clean, clean]);
  });

  it('one that is told to stop leaves the port to the other at once, and ends its open calls', async () => {
    const held: (() => void)[] = [];
    await using upstream = await startFakeUpstream(async (incoming, response) => {
      if (incoming.headers['x-hold'] === 'yes') await new Promise<void>((resolve) => held.push(resolve));
      answerJson(response, { id: 'chatcmpl-1', model: 'gpt-5-mini', usage: USAGE });
    });
    const place = { port: await freePort(), dataDir: temporaryFolder(), upstreamUrl: upstream.url };
    const first = await startProcess(place);
    const open = call(place.port, { 'x-hold': 'yes' });
    await vi.waitFor(() => expect(held).toHaveLength(1), { timeout: 20_000 });
    const second = await startProcess(place);
    const stopped = first.kill('SIGTERM');
    // As soon as the first has left the port, every connection goes to the second: twenty in a row are answered.
    await vi.waitFor(() => calls(place.port, 20), { timeout: 20_000 });
    held[0]?.();
    const id = await open;
    expect(await stopped).toEqual({ code: 0, signal: null });
    const records = await second.records();
    expect(records.find((record) => record['id'] === id)).toMatchObject({ ending: 'completed' });
  });

  it('a port that is not shared is refused, with what to set', async () => {
    await using upstream = await startFakeUpstream((_incoming, response) => answerJson(response, {}));
    const place = { port: await freePort(), dataDir: temporaryFolder(), upstreamUrl: upstream.url };
    await startProcess(place, false);
    await expect(startProcess(place)).rejects.toThrow('listen.reuse_port');
  });
});
