import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runExportCommand } from '../../src/cli/export-command.ts';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { CHAT, postWhole } from '../support/calls.ts';
import { runCli } from '../support/cli-process.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const FORMATS = ['csv', 'jsonl', 'focus'] as const;
const ADMIN = 'the-configured-admin-key';

let simulator: Simulator;
let proxy: TestProxy;

beforeAll(async () => {
  simulator = await createSimulator({ port: 0 });
  const yaml = `
upstreams: [{ name: openai, base_url: "${simulator.baseUrl}", api_key: sk-upstream }]
keys: [{ id: r1, team: research, key: key-of-research-0001 }]
rates: { management_per_minute: 100000 }`;
  proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml, env: { METERTAP_ADMIN_KEY: ADMIN } });
  for (let n = 0; n < 12; n++) {
    const headers = { 'x-metertap-agent': `"ag,\u00e9nt" ${n}`, 'x-sim-cached-tokens': String(n % 3) };
    await postWhole(proxy, 'chat/completions', CHAT, { key: 'key-of-research-0001', headers });
  }
  await proxy.records();
});

afterAll(async () => {
  await proxy.close();
  await simulator.close();
});

interface Given {
  readonly baseUrl?: string;
  readonly stop?: AbortSignal;
}

async function run(args: readonly string[], given: Given = {}) {
  let output = '';
  let errors = '';
  const code = await runExportCommand({
    args,
    baseUrl: given.baseUrl ?? proxy.baseUrl,
    adminKey: ADMIN,
    stop: given.stop ?? new AbortController().signal,
    write: (text) => {
      output += text;
    },
    writeError: (text) => {
      errors += text;
    },
    writeBytes: async (bytes) => {
      output += Buffer.from(bytes).toString('utf8');
    },
    nowMs: () => 0,
    isWatched: false,
    exists: existsSync,
  });
  return { code, output, errors };
}

describe.each(FORMATS)('metertap export --format %s', (format) => {
  it('writes a file that has its name once it is whole', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'records');
    const whole = await run(['--format', format]);
    expect(whole.code).toBe(0);
    const { code, output } = await run(['--format', format, '--output', file, '--json']);
    expect(code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(whole.output);
    expect(asRecord(JSON.parse(output))).toMatchObject({
      output: file,
      format,
      bytes: Buffer.byteLength(whole.output),
    });
    expect(readdirSync(folder)).toEqual(['records']);
  });

  it('goes on after a break at any byte, to the same bytes', async () => {
    const { output: whole } = await run(['--format', format]);
    const bytes = Buffer.from(whole);
    const random = seededRandom(format.length);
    const cuts = [
      0,
      1,
      bytes.length - 1,
      bytes.length,
      ...Array.from({ length: 8 }, () => random.between(2, bytes.length)),
    ];
    for (const cut of cuts) {
      const file = join(temporaryFolder(), 'records');
      writeFileSync(`${file}.partial`, bytes.subarray(0, cut));
      const { code } = await run(['--format', format, '--output', file, '--resume']);
      expect(code).toBe(0);
      expect(readFileSync(file, 'utf8')).toBe(whole);
    }
  });

  it('leaves what came of a connection that broke, and says how to go on', async () => {
    const { output: whole } = await run(['--format', format]);
    const file = join(temporaryFolder(), 'records');
    const half = Math.floor(Buffer.byteLength(whole) / 2);
    const hasCome = () => expect(statSync(`${file}.partial`).size).toBe(half);
    await using relay = await startBreakingRelay(half, () => vi.waitFor(hasCome, { timeout: 20_000 }));
    const broken = await run(['--format', format, '--output', file], { baseUrl: relay.url });
    expect(broken).toMatchObject({ code: 1, errors: expect.stringContaining('--resume') });
    expect(existsSync(file)).toBe(false);
    expect(whole.startsWith(readFileSync(`${file}.partial`, 'utf8'))).toBe(true);
    expect(await run(['--format', format, '--output', file, '--resume'])).toMatchObject({ code: 0 });
    expect(readFileSync(file, 'utf8')).toBe(whole);
  });
});

it('goes on after an earlier export by its cursor', async () => {
  const file = join(temporaryFolder(), 'records');
  const first = await run(['--format', 'jsonl', '--team', 'research', '--output', file, '--json']);
  const cursor = String(asRecord(JSON.parse(first.output))['next_cursor']);
  const second = await run(['--format', 'jsonl', '--team', 'research', '--cursor', cursor]);
  expect(second).toMatchObject({ code: 0, output: '' });
});

it('does not go on with a file of other columns', async () => {
  const file = join(temporaryFolder(), 'records');
  writeFileSync(`${file}.partial`, 'name,age\r\nx,1\r\n');
  const { code, errors } = await run(['--output', file, '--resume']);
  expect(code).toBe(1);
  expect(errors).toContain('other columns');
  expect(readFileSync(`${file}.partial`, 'utf8')).toBe('name,age\r\nx,1\r\n');
});

it('tells a refusal, a file that cannot be written, and a stop in one line each', async () => {
  expect(await run(['--from', 'yesterday'])).toMatchObject({ code: 1, errors: expect.stringContaining('ISO 8601') });
  const nowhere = join(temporaryFolder(), 'nowhere', 'records');
  expect(await run(['--output', nowhere])).toMatchObject({ code: 1, errors: expect.stringContaining('ENOENT') });
  expect(await run([], { stop: AbortSignal.abort() })).toMatchObject({ code: 1, errors: 'Stopped.\n' });
});

it.each([['--format', 'xml'], ['--resume'], ['--json'], ['--unknown'], ['extra']])(
  'shows its usage for %s %s',
  async (...args) => {
    const { code, errors } = await run(args);
    expect(code).toBe(2);
    expect(errors).toMatch(/^metertap export: .+\n\nUsage: metertap export/);
  },
);

it('is a command of metertap', async () => {
  const env = { METERTAP_URL: proxy.url, METERTAP_ADMIN_KEY: ADMIN };
  const { code, stdout, stderr } = await runCli(['export', '--format', 'jsonl'], { cwd: temporaryFolder(), env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe((await run(['--format', 'jsonl'])).output);
});

/** A relay before the proxy that breaks the connection after so many bytes of an answer, once they have come. */
async function startBreakingRelay(
  bytes: number,
  whenCome: () => Promise<void>,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const relay = async () => {
      const headers = { authorization: request.headers.authorization ?? '' };
      const answer = await fetch(`${proxy.url}${request.url ?? ''}`, { headers });
      const body = Buffer.from(await answer.arrayBuffer());
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.write(body.subarray(0, bytes));
      await whenCome();
      response.destroy();
    };
    void relay();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
