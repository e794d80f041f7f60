import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSimulator } from '../../src/simulator/server.ts';
import { CHAT, postWhole } from '../support/calls.ts';
import { boardQueries, ruleQueries } from '../support/prometheus-queries.ts';
import { findServer, freePort } from '../support/servers.ts';
import { asList, asRecord, startProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Debian's package `prometheus` has both. */
const promtool = findServer('promtool', 'PROMTOOL');
const prometheus = findServer('prometheus', 'PROMETHEUS');
const FILES = join(import.meta.dirname, '../../config/prometheus');

describe.runIf(promtool !== null)('promtool', () => {
  it('finds no fault with the configuration and its rules, and the rules do what their test says', () => {
    const run = (...args: string[]) =>
      execFileSync(promtool ?? '', args, { cwd: FILES, encoding: 'utf8', stdio: 'pipe' });
    expect(run('check', 'config', 'prometheus.yml')).toContain('SUCCESS');
    expect(run('test', 'rules', 'rules-test.yml')).toContain('SUCCESS');
  });

  it('finds no fault with any metric of ours', async () => {
    const simulator = await createSimulator({ port: 0 });
    onTestFinished(() => simulator.close());
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    await postWhole(proxy, 'chat/completions', { ...CHAT, stream: true });
    await proxy.records();
    const input = await (await fetch(`${proxy.url}/metrics`)).text();
    expect(input).toMatch(/^metertap_requests_total\{.*\} 1$/m);
    const checked = spawnSync(promtool ?? '', ['check', 'metrics'], { input, encoding: 'utf8' });
    expect(checked.stderr.split('\n').filter((line) => line.startsWith('metertap_'))).toEqual([]);
    expect(checked.stderr).not.toContain('error while linting');
  });
});

describe.runIf(prometheus !== null)('a real Prometheus', () => {
  it('scrapes the proxy with the files of the repository, and understands every query of the boards', async () => {
    const simulator = await createSimulator({ port: 0 });
    onTestFinished(() => simulator.close());
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    await postWhole(proxy, 'chat/completions', CHAT);
    await proxy.records();
    const url = await startPrometheus(proxy.url);
    const ask = async (path: string) => asRecord(await (await fetch(`${url}/api/v1/${path}`)).json());
    const query = (expr: string) => ask(`query?query=${encodeURIComponent(expr)}`);

    await expect.poll(() => query('sum(metertap_requests_total)').then(sampleOf), { timeout: 30_000 }).toBe('1');
    expect(sampleOf(await query('up{job="metertap"}'))).toBe('1');

    for (const { where, expr } of [...boardQueries(), ...ruleQueries()]) {
      const filled = expr
        .replaceAll('$__rate_interval', '1m')
        .replaceAll('$__range', '1h')
        .replace(/\$(?:team|model|upstream)\b/g, '.*');
      expect(await query(filled), where).toMatchObject({ status: 'success' });
    }
    const healths = async () => {
      const groups = asList(asRecord((await ask('rules'))['data'])['groups']).map(asRecord);
      return groups.flatMap(({ rules }) => asList(rules).map((rule) => asRecord(rule)['health']));
    };
    await expect.poll(async () => new Set(await healths()), { timeout: 40_000 }).toEqual(new Set(['ok']));
  });
});

/** Starts it over the repository's own files; only the target and the intervals are the test's. */
async function startPrometheus(proxyUrl: string): Promise<string> {
  const folder = temporaryFolder();
  cpSync(FILES, folder, { recursive: true });
  const config = readFileSync(join(FILES, 'prometheus.yml'), 'utf8')
    .replace('127.0.0.1:8787', new URL(proxyUrl).host)
    .replaceAll(/interval: \d+s/g, 'interval: 1s');
  writeFileSync(join(folder, 'prometheus.yml'), config);
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    prometheus ?? '',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  );
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
        if (!child.kill('SIGKILL')) resolve();
      }),
  );
  const isReady = () =>
    fetch(`http://${address}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  await expect.poll(isReady, { timeout: 30_000, interval: 200 }).toBe(true);
  return `http://${address}`;
}

function sampleOf(answer: Record<string, unknown>): unknown {
  const [first] = asList(asRecord(answer['data'])['result']);
  return first === undefined ? null : asList(asRecord(first)['value'])[1];
}
