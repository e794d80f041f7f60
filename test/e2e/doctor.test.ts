import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { runCli } from '../support/cli-process.ts';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { serveProxy } from '../support/served-proxy.ts';
import { findServer, freePort, startRedis } from '../support/servers.ts';
import { asList, asRecord } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ADMIN_KEY = 'an-admin-key-of-the-tests';
const UPSTREAM_KEY = 'sk-upstream-of-the-tests';
const CLIENT_KEY = 'a-static-key-of-the-tests';

interface Examined {
  readonly code: number | null;
  readonly text: string;
  /** `state text` of each check, by its name. */
  readonly findings: ReadonlyMap<string, string>;
  readonly hints: ReadonlyMap<string, string>;
}

async function examine(env: Readonly<Record<string, string>>, args: readonly string[] = []): Promise<Examined> {
  const port = await freePort();
  const all = { METERTAP_PORT: String(port), METERTAP_DATA_DIR: temporaryFolder(), ...env };
  const { code, stdout, stderr } = await runCli(['doctor', '--json', '--timeout', '5', ...args], {
    cwd: temporaryFolder(),
    env: all,
  });
  expect(stderr).toBe('');
  const told = asRecord(JSON.parse(stdout));
  const rows = asList(told['findings']).map(asRecord);
  const states = rows.map(({ state }) => state);
  expect(told['failures']).toBe(states.filter((state) => state === 'fail').length);
  expect(told['warnings']).toBe(states.filter((state) => state === 'warn').length);
  expect([told['ok'], code]).toEqual(told['failures'] === 0 ? [true, 0] : [false, 1]);
  for (const { state, hint } of rows) expect(hint === null).toBe(state === 'ok');
  return {
    code,
    text: stdout,
    findings: new Map(rows.map(({ check, state, text }) => [String(check), `${state}: ${text}`])),
    hints: new Map(rows.map(({ check, hint }) => [String(check), String(hint)])),
  };
}

async function startSimulator(): Promise<Simulator> {
  const simulator = await createSimulator({ port: 0 });
  onTestFinished(() => simulator.close());
  return simulator;
}

function configFile(yaml: string): string {
  const path = join(temporaryFolder(), 'metertap.yaml');
  writeFileSync(path, yaml, { mode: 0o600 });
  return path;
}

describe('metertap doctor with a proxy that runs', () => {
  it('finds all well, makes a call and reads its record back', async () => {
    const simulator = await startSimulator();
    const dataDir = temporaryFolder();
    const env = {
      METERTAP_CONFIG: configFile(`
upstreams: [{ name: openai, base_url: "${simulator.baseUrl}", api_key: "${UPSTREAM_KEY}" }]
keys: [{ id: ci, team: research, key: ${CLIENT_KEY} }]`),
      METERTAP_ADMIN_KEY: ADMIN_KEY,
      METERTAP_DATA_DIR: dataDir,
    };
    await using proxy = await serveProxy({ upstreamUrl: simulator.baseUrl, dataDir, env });
    const { code, findings, text } = await examine({ ...env, METERTAP_URL: proxy.baseUrl }, ['--call', 'gpt-5-mini']);
    expect(code).toBe(0);
    expect(findings.get('proxy')).toMatch(/^ok: runs, version \d/);
    expect(findings.get('readiness')).toBe('ok: calls can be served');
    expect(findings.get('admin key')).toBe('ok: is taken');
    expect(findings.get('ledger')).toMatch(/^ok: schema \d+, /);
    expect(findings.get('integrity')).toMatch(/^ok/);
    expect(findings.get('processes')).toBe('ok: one writes to the ledger');
    expect(findings.get('upstream openai')).toBe('ok: reached, and takes the key');
    expect(findings.get('prices openai')).toMatch(/^ok: \d+ rows/);
    expect(findings.get('calls without a price')).toBe('ok: none in 30 days');
    expect(findings.get('call of gpt-5-mini')).toBe('ok: was answered');
    expect(findings.get('its record')).toMatch(/^ok: \d+ \+ \d+ tokens as the upstream reported them, 0\.\d{9} USD$/);
    for (const secret of [ADMIN_KEY, UPSTREAM_KEY, CLIENT_KEY]) expect(text).not.toContain(secret);
    const [record] = await proxy.records();
    expect(record).toMatchObject({
      team: 'research',
      agent: 'metertap-doctor',
      stream: true,
      usage_source: 'reported',
    });

    const refused = await examine({ ...env, METERTAP_URL: proxy.url }, ['--call', 'no-such-model']);
    expect(refused.findings.get('call of no-such-model')).toMatch(/^fail: was refused with 404: /);
    const stranger = await examine({ ...env, METERTAP_URL: proxy.url, METERTAP_ADMIN_KEY: 'another-admin-key' });
    expect(stranger.findings.get('admin key')).toBe('fail: is not taken (401)');
    expect(stranger.findings.has('calls without a price')).toBe(false);
  });

  it('warns of calls without a price, without usage, and of sinks that fail', async () => {
    const upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'c1', choices: [] }));
    onTestFinished(() => upstream.close());
    const dataDir = temporaryFolder();
    const sinkPort = await freePort();
    const env = {
      METERTAP_CONFIG: configFile(`
upstreams: [{ name: local, base_url: "${upstream.url}", models: [our-model] }]
estimates: { missing_usage: leave }
sinks: [{ name: pager, kind: webhook, url: "http://127.0.0.1:${sinkPort}/hook?token=of-the-tests" }]`),
      METERTAP_ADMIN_KEY: ADMIN_KEY,
      METERTAP_DATA_DIR: dataDir,
      METERTAP_UPSTREAM_KEY: UPSTREAM_KEY,
    };
    await using proxy = await serveProxy({ upstreamUrl: upstream.url, dataDir, env });
    const { code, findings, text } = await examine(
      { ...env, METERTAP_UPSTREAM_URL: upstream.url, METERTAP_URL: proxy.url },
      ['--call', 'our-model'],
    );
    expect(findings.get('its record')).toMatch(/^warn: the upstream reported no usage for the stream: missing/);
    expect(findings.get('prices local')).toBe('warn: no model of it has a price');
    expect(findings.get('sink pager')).toBe(`warn: nothing listens at 127.0.0.1:${sinkPort}`);
    expect(code).toBe(0);
    expect(text).not.toContain('of-the-tests');
    const again = await examine({ ...env, METERTAP_UPSTREAM_URL: upstream.url, METERTAP_URL: proxy.url });
    expect(again.findings.get('usage')).toMatch(/^warn: in a day 1 calls without usage, 0 estimated/);
  });
});

describe('metertap doctor without a proxy', () => {
  it('says that the port is free', async () => {
    const simulator = await startSimulator();
    const { code, findings } = await examine({ METERTAP_UPSTREAM_URL: simulator.baseUrl });
    expect(findings.get('proxy')).toMatch(/^ok: does not run; 127\.0\.0\.1:\d+ is free$/);
    expect(findings.get('ledger')).toBe('ok: none yet; it is made at the first start');
    expect(code).toBe(0);
  });

  it('says that another program has the port, whatever it answers', async () => {
    const server = createServer((_request, response) => response.end('{}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { findings } = await examine({ METERTAP_PORT: String(port), METERTAP_UPSTREAM_URL: 'http://127.0.0.1:1/v1' });
    expect(findings.get('proxy')).toBe(`fail: http://127.0.0.1:${port} is served by another program`);
    const named = await examine({ METERTAP_URL: 'http://127.0.0.1:1', METERTAP_UPSTREAM_URL: 'http://127.0.0.1:1/v1' });
    expect(named.findings.get('proxy')).toMatch(/^fail: http:\/\/127\.0\.0\.1:1 does not answer/);
  });

  it.each([
    ['passthrough', '', 401, /^ok: reached; it has no key of its own here/],
    ['keys', '', 401, /^fail: reached, but it asks for a key/],
    ['keys', UPSTREAM_KEY, 401, /^fail: reached, but it does not take the key \(401\)/],
    ['keys', UPSTREAM_KEY, 403, /^warn: reached, but the key may not list models/],
    ['keys', UPSTREAM_KEY, 404, /^warn: reached, but it has no \/models/],
    ['keys', UPSTREAM_KEY, 503, /^warn: reached, but it answers 503/],
  ])('in %s mode explains what an upstream answers (key %j, %i)', async (mode, key, status, said) => {
    const upstream = await startFakeUpstream((_request, response) => {
      response.writeHead(status).end();
    });
    onTestFinished(() => upstream.close());
    const { findings, text } = await examine({
      METERTAP_CONFIG: configFile(`auth: { mode: ${mode} }`),
      METERTAP_UPSTREAM_URL: upstream.url,
      ...(key === '' ? {} : { METERTAP_UPSTREAM_KEY: key }),
    });
    expect(findings.get('upstream openai')).toMatch(said);
    expect(text).not.toContain(UPSTREAM_KEY);
  });

  it('says how far it came to an upstream', async () => {
    const yaml = `
upstreams:
  - { name: refused, base_url: "http://127.0.0.1:1/v1", models: [a] }
  - { name: nowhere, base_url: "http://no-such-host.invalid/v1", models: [b] }`;
    const { findings, code } = await examine({ METERTAP_CONFIG: configFile(yaml) });
    expect(findings.get('upstream refused')).toBe('fail: nothing listens at 127.0.0.1:1');
    expect(findings.get('upstream nowhere')).toMatch(/^fail: the name no-such-host\.invalid is not found/);
    expect(code).toBe(1);
  });

  it('warns of a clock that is off', async () => {
    const upstream = await startFakeUpstream((_request, response) => {
      response.writeHead(200, { date: new Date(Date.now() - 3_600_000).toUTCString() }).end('{}');
    });
    onTestFinished(() => upstream.close());
    const { findings } = await examine({ METERTAP_UPSTREAM_URL: upstream.url });
    expect(findings.get('clock')).toMatch(/^warn: 36\d\d s ahead of that of the upstream$/);
  });

  it('ends at a faulty configuration', async () => {
    const { code, findings, hints } = await examine({ METERTAP_CONFIG: configFile('listen: { prot: 1 }') });
    expect(code).toBe(1);
    expect(findings.get('configuration')).toMatch(/^fail: listen\.prot: /);
    expect(hints.get('configuration')).toContain('metertap config check');
  });

  it('sees a data folder that is none, secrets that are open, and a ledger that is damaged or newer', async () => {
    const env = { METERTAP_UPSTREAM_URL: 'http://127.0.0.1:1/v1' };
    const file = join(temporaryFolder(), 'data');
    writeFileSync(file, '');
    expect((await examine({ ...env, METERTAP_DATA_DIR: file })).findings.get('data folder')).toMatch(/^fail: /);

    const dataDir = temporaryFolder();
    mkdirSync(join(dataDir, 'secrets'));
    writeFileSync(join(dataDir, 'secrets', 'admin.key'), 'mt_admin_of_the_tests');
    chmodSync(join(dataDir, 'secrets', 'admin.key'), 0o644);
    writeFileSync(
      join(dataDir, 'metertap.db'),
      'this is no database, but it is as long as one may well be'.repeat(100),
    );
    const damaged = await examine({ ...env, METERTAP_DATA_DIR: dataDir });
    expect(damaged.findings.get('permissions')).toMatch(/^warn: .*admin\.key can be read by others/);
    expect(damaged.findings.get('ledger')).toMatch(/^fail: /);
    expect(damaged.text).not.toContain('mt_admin_of_the_tests');

    const newer = temporaryFolder();
    const database = new DatabaseSync(join(newer, 'metertap.db'));
    database.exec('CREATE TABLE t (a); PRAGMA user_version = 9999');
    database.close();
    const { findings } = await examine({ ...env, METERTAP_DATA_DIR: newer });
    expect(findings.get('ledger')).toMatch(/^fail: schema 9999 is newer than this version, which knows \d+$/);
  });

  it('says that Redis is away, without its password', async () => {
    const { findings, text } = await examine({
      METERTAP_UPSTREAM_URL: 'http://127.0.0.1:1/v1',
      METERTAP_REDIS_URL: `redis://user:of-the-tests@127.0.0.1:${await freePort()}`,
    });
    expect(findings.get('redis')).toMatch(/^fail: does not answer: connect ECONNREFUSED/);
    expect(text).not.toContain('of-the-tests');
  });
});

const redis = findServer('redis-server', 'METERTAP_TEST_REDIS_SERVER');

it.runIf(redis !== null)('metertap doctor sees a Redis that answers', async () => {
  await using server = await startRedis(redis ?? '');
  const env = { METERTAP_UPSTREAM_URL: 'http://127.0.0.1:1/v1', METERTAP_REDIS_URL: server.url };
  expect((await examine(env)).findings.get('redis')).toBe('ok: answers');
});

it('metertap doctor writes a line for each check and its hints, without colours where nobody looks', async () => {
  const env = { METERTAP_UPSTREAM_URL: 'http://127.0.0.1:1/v1', METERTAP_PORT: String(await freePort()) };
  const { code, stdout } = await runCli(['doctor'], { cwd: temporaryFolder(), env });
  expect(code).toBe(1);
  expect(stdout).toMatch(/^ok {4}node +v\d+/);
  expect(stdout).toMatch(/^fail {2}upstream openai +nothing listens at 127\.0\.0\.1:1\n {6}hint: /m);
  expect(stdout).toMatch(/\n1 failure, \d+ warnings?\.\n$/);
  expect(stdout).not.toContain('\u001b');
  expect((await runCli(['doctor', '--timeout', 'soon'], { cwd: temporaryFolder(), env })).code).toBe(2);
});
