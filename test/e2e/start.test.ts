import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createSimulator } from '../../src/simulator/server.ts';
import { type CliOptions, type CliProcess, runCli, startCli } from '../support/cli-process.ts';
import { asList, asRecord } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** The commands as a person runs them: processes of their own, with nothing in their environment but what is said. */
const VERSION: unknown = asRecord(JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')))[
  'version'
];
const GREETING = /Base URL for SDKs {3}(http:\/\/127\.0\.0\.1:\d+)\/v1\n.*Ledger[^\n]*\n/s;
const CLEAN_STOP = { code: 0, signal: null };

/** Starts a command that goes on until it is stopped; whatever becomes of the test, it is gone after it. */
function start(args: readonly string[], options: CliOptions): CliProcess {
  const cli = startCli(args, options);
  onTestFinished(() => cli[Symbol.asyncDispose]());
  return cli;
}

/** A folder to start in whose configuration takes any free port. */
function folderWithPort(): string {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'config'));
  writeFileSync(join(cwd, 'config', 'metertap.yaml'), 'listen: { port: 0 }\n');
  return cwd;
}

async function startSimulator() {
  const simulator = await createSimulator({ port: 0 });
  onTestFinished(() => simulator.close());
  return simulator;
}

async function serve(
  env: Readonly<Record<string, string>>,
): Promise<{ cli: CliProcess; url: string; dataDir: string }> {
  const cwd = temporaryFolder();
  const dataDir = join(cwd, 'books');
  const cli = start(['serve'], { cwd, env: { METERTAP_PORT: '0', METERTAP_DATA_DIR: dataDir, ...env } });
  const [, url = ''] = await cli.output(GREETING);
  return { cli, url, dataDir };
}

function ask(url: string, credential: string): Promise<Record<string, unknown>> {
  return fetch(url, { headers: { authorization: `Bearer ${credential}` } })
    .then((answer) => answer.json())
    .then(asRecord);
}

function chat(url: string, headers: Readonly<Record<string, string>>, members: object = {}): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello' }], ...members }),
  });
}

describe('metertap serve', () => {
  it('serves with an empty environment, and says where SDKs point, where to look and where the admin key is', async () => {
    const cwd = folderWithPort();
    const cli = start(['serve'], { cwd, env: {} });
    const [greeting, url = ''] = await cli.output(GREETING);
    expect(greeting).toContain(`Dashboard           ${url}/dashboard`);
    expect(greeting).toContain('https://api.openai.com/v1');
    const keyPath = join(cwd, /Admin key {11}(\S+)/.exec(greeting)?.[1] ?? '');
    expect(keyPath).toBe(join(cwd, 'data', 'secrets', 'admin.key'));
    expect(statSync(keyPath).mode & 0o777).toBe(0o600);
    expect(await ask(`${url}/api/v1/runs`, readFileSync(keyPath, 'utf8').trim())).toMatchObject({ data: [] });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await cli.kill('SIGTERM')).toEqual(CLEAN_STOP);
    expect(cli.stderr).toBe('');
  });

  it('passes the client’s own credential on to METERTAP_UPSTREAM_URL, and shows it its own run', async () => {
    const simulator = await startSimulator();
    const { cli, url } = await serve({ METERTAP_UPSTREAM_URL: simulator.baseUrl });
    const answer = await chat(url, { authorization: 'Bearer sk-own-4711', 'x-run-id': 'first' });
    expect(answer.status).toBe(200);
    const { usage } = asRecord(await answer.json());
    expect(simulator.requests()[0]?.headers['authorization']).toMatch(/4711$/);
    const total = asRecord(usage)['total_tokens'];
    expect(await ask(`${url}/api/v1/runs/first`, 'sk-own-4711')).toMatchObject({
      usage: { requests: 1, total_tokens: total },
    });
    expect(await ask(`${url}/api/v1/runs/first`, 'sk-other')).toMatchObject({ error: { code: 'not_found' } });
    expect(await cli.kill('SIGINT')).toEqual(CLEAN_STOP);
  });

  it('has its own figures after a restart on the same folder', async () => {
    const simulator = await startSimulator();
    const first = await serve({ METERTAP_UPSTREAM_URL: simulator.baseUrl });
    await (await chat(first.url, { authorization: 'Bearer sk-own', 'x-run-id': 'kept' })).arrayBuffer();
    const before = await ask(`${first.url}/api/v1/runs/kept`, 'sk-own');
    await first.cli.kill('SIGTERM');
    const second = await serve({ METERTAP_UPSTREAM_URL: simulator.baseUrl, METERTAP_DATA_DIR: first.dataDir });
    expect(before).toMatchObject({ run_id: 'kept', usage: { requests: 1 } });
    expect(await ask(`${second.url}/api/v1/runs/kept`, 'sk-own')).toEqual(before);
  });

  it('stops although nobody reads what it writes', async () => {
    const simulator = await startSimulator();
    const { cli, url } = await serve({ METERTAP_UPSTREAM_URL: simulator.baseUrl, METERTAP_LOG_LEVEL: 'info' });
    cli.stopReading();
    // Log lines of about 400 bytes each: several times what a pipe holds.
    for (let call = 0; call < 1_500; call += 50) {
      const calls = Array.from({ length: 50 }, () => chat(url, { authorization: 'Bearer sk-own' }));
      for (const answer of await Promise.all(calls)) await answer.arrayBuffer();
    }
    expect(await cli.kill('SIGTERM')).toEqual(CLEAN_STOP);
  });

  it('says what to do where its port is taken, and exits with 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await vi.waitFor(() => expect(taken.listening).toBe(true));
    const address = taken.address();
    const port = String(typeof address === 'object' ? address?.port : '');
    const ended = await runCli(['serve'], { cwd: temporaryFolder(), env: { METERTAP_PORT: port } });
    expect(ended).toMatchObject({ code: 1, signal: null });
    expect(ended.stderr).toContain('METERTAP_PORT');
  });

  it('lists every fault of its configuration, and exits with 78', async () => {
    const ended = await runCli(['serve'], {
      cwd: temporaryFolder(),
      env: { METERTAP_PORT: 'many', METERTAP_LOG_LEVEL: 'loud', METERTAP_ADMIN_KEY: 'short' },
    });
    expect(ended.code).toBe(78);
    for (const name of ['METERTAP_PORT', 'METERTAP_LOG_LEVEL', 'METERTAP_ADMIN_KEY'])
      expect(ended.stderr).toContain(name);
  });
});

describe('metertap demo', () => {
  async function startDemo(): Promise<{ cli: CliProcess; url: string; dataDir: string }> {
    const cwd = temporaryFolder();
    const dataDir = join(cwd, 'books');
    const cli = start(['demo'], { cwd, env: { METERTAP_PORT: '0', METERTAP_DATA_DIR: dataDir } });
    const [, url = ''] = await cli.output(GREETING);
    return { cli, url, dataDir };
  }

  it('has made runs with usage, shows them at the URLs that it prints, and stops when it is told to', async () => {
    const { cli, url, dataDir } = await startDemo();
    expect(statSync(dataDir).isDirectory()).toBe(true);
    const [, runUrl = '', runsUrl = ''] =
      /'(http:\S+nightly-42\S*)'[\s\S]*? Bearer mt_admin_\w+' (http:\S+)/.exec(cli.stdout) ?? [];
    expect(runUrl).toMatch(url);
    const adminKey = readFileSync(join(dataDir, 'secrets', 'admin.key'), 'utf8').trim();

    const runs = asList((await ask(runsUrl, adminKey))['data']).map(asRecord);
    expect(runs.map((run) => run['run_id']).sort()).toEqual([
      'nightly-42',
      'nightly-42-summary',
      'ticket-1001',
      'ticket-1002',
      'ticket-1003',
    ]);
    for (const run of runs) expect(asRecord(run['usage'])['total_tokens']).toBeGreaterThan(0);
    const nightly = await ask(runUrl, 'demo-research-key');
    expect(nightly).toMatchObject({ run_id: 'nightly-42', team: 'research', usage: { requests: 4, tool_calls: 2 } });
    expect(nightly['children_tree']).toMatchObject([{ run_id: 'nightly-42-summary', usage: { requests: 2 } }]);
    expect(nightly['cost_usd']).not.toBe('0.000000000');

    expect(await cli.kill('SIGTERM')).toEqual(CLEAN_STOP);
    expect(cli.stderr).toBe('');
  });

  it('stops as soon as a call that its client has left is drained', async () => {
    const { cli, url } = await startDemo();
    const leaving = new AbortController();
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      signal: leaving.signal,
      headers: {
        authorization: 'Bearer demo-research-key',
        'content-type': 'application/json',
        'x-sim-events': '100',
        'x-sim-interval-ms': '5',
      },
      body: JSON.stringify({ model: 'gpt-5-mini', stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
    });
    await answer.body?.getReader().read();
    leaving.abort();
    expect(await cli.kill('SIGTERM')).toEqual(CLEAN_STOP);
  });
});

describe('metertap simulate', () => {
  it('tells where it is as JSON, answers, and stops when it is told to', async () => {
    const cli = start(['simulate', '--port', '0', '--json'], { cwd: temporaryFolder() });
    const [line] = await cli.output(/^\{.*\}$/m);
    const baseUrl = String(asRecord(JSON.parse(line))['base_url']);
    const models = await ask(`${baseUrl}/models`, 'x');
    expect(asList(models['data']).map((model) => asRecord(model)['id'])).toContain('gpt-5-mini');
    expect(await cli.kill('SIGTERM')).toEqual(CLEAN_STOP);
  });

  it('refuses a port that is none with 2', async () => {
    expect(await runCli(['simulate', '--port', 'many'], { cwd: temporaryFolder() })).toMatchObject({ code: 2 });
  });
});

describe('metertap runs', () => {
  it('lists and shows the runs of a Metertap that runs', async () => {
    const simulator = await startSimulator();
    const { url, dataDir } = await serve({ METERTAP_UPSTREAM_URL: simulator.baseUrl });
    await (await chat(url, { authorization: 'Bearer sk-own', 'x-run-id': 'listed' })).arrayBuffer();
    const options = { cwd: temporaryFolder(), env: { METERTAP_URL: url, METERTAP_DATA_DIR: dataDir } };
    const listed = await runCli(['runs', 'list', '--json'], options);
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(listed.stdout)).toMatchObject({ data: [{ run_id: 'listed', usage: { requests: 1 } }] });
    const shown = await runCli(['runs', 'show', 'listed'], options);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toContain('listed');
    expect(await runCli(['runs', 'show', 'unheard-of'], options)).toMatchObject({ code: 1 });
  });

  it('says that none runs, and exits with 1', async () => {
    const options = { cwd: temporaryFolder(), env: { METERTAP_URL: 'http://127.0.0.1:1' } };
    const ended = await runCli(['runs', 'list'], options);
    expect(ended).toMatchObject({ code: 1 });
    expect(ended.stderr).toContain('Is it running?');
  });
});

describe('metertap config', () => {
  it('says that nothing is wrong where there is no file', async () => {
    const ended = await runCli(['config', 'check'], { cwd: temporaryFolder() });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('prints the defaults: the address and the upstream of the first start', async () => {
    const ended = await runCli(['config', 'print', '--json'], { cwd: temporaryFolder() });
    expect(JSON.parse(ended.stdout)).toMatchObject({
      listen: { host: '127.0.0.1', port: 8787 },
      data_dir: './data',
      upstreams: [{ base_url: 'https://api.openai.com/v1' }],
    });
  });

  it('exits with 78 where the file is faulty', async () => {
    const cwd = folderWithPort();
    writeFileSync(join(cwd, 'config', 'metertap.yaml'), 'listen: { prot: 1 }\n');
    const ended = await runCli(['config', 'check', '--json'], { cwd });
    expect(ended.code).toBe(78);
    expect(JSON.parse(ended.stdout)).toMatchObject({ ok: false, faults: [{ path: 'listen.prot' }] });
  });
});

describe('metertap', () => {
  it.each([
    [['dance'], 2],
    [[], 2],
    [['serve', '--unknown'], 2],
    [['runs', 'dance'], 2],
    [['--help'], 0],
  ])('%j exits with %i', async (args, code) => {
    const ended = await runCli(args, { cwd: temporaryFolder() });
    expect(ended).toMatchObject({ code });
    expect(ended.stdout + ended.stderr).toContain('Usage: metertap');
  });

  it('tells its version', async () => {
    expect(await runCli(['--version'], { cwd: temporaryFolder() })).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
  });
});
