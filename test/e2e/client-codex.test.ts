import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { runShell } from '../support/client-program.ts';
import { settledRun } from '../support/client-report.ts';
import { readClientSnippet } from '../support/client-snippets.ts';
import { asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

/** The Codex CLI is 404 MB: `npm run test:codex` installs it and runs these tests; `npm test` goes without. */
const CODEX = fileURLToPath(new URL('../codex/node_modules/.bin/codex', import.meta.url));
const installed = existsSync(CODEX);
if (!installed) console.log('skipped: the Codex CLI is not installed; npm run test:codex does both');

const QUIET = '-c analytics.enabled=false -c check_for_update_on_startup=false';
const ALONE = '--json --ephemeral --skip-git-repo-check --sandbox read-only --model gpt-5-mini';

describe.skipIf(!installed)('the Codex CLI as docs/clients.md sets it up', () => {
  let simulator: Simulator;
  let proxy: TestProxy;
  let folder: string;

  beforeAll(async () => {
    simulator = await createSimulator({ port: 0 });
    proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    folder = mkdtempSync(join(tmpdir(), 'metertap-codex-'));
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'bin/codex'), `#!/bin/sh\nexec "${CODEX}" "$@" ${ALONE} ${QUIET}\n`, { mode: 0o755 });
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await proxy?.close();
    await simulator?.close();
  });

  /** Runs a line of shell with a Codex of its own, and gives the events that it wrote. */
  async function runCodex(line: string, runId: string, config = ''): Promise<Record<string, unknown>[]> {
    const home = join(folder, runId);
    mkdirSync(home);
    writeFileSync(join(home, 'config.toml'), config);
    const stdout = await runShell(`PATH="$CODEX_BIN:$PATH"\n${line}`, {
      cwd: home,
      env: {
        CODEX_BIN: join(folder, 'bin'),
        CODEX_HOME: home,
        CODEX_API_KEY: 'sk-test-of-clients',
        OPENAI_API_KEY: 'sk-test-of-clients',
        OPENAI_BASE_URL: proxy.baseUrl,
        RUN_ID: runId,
      },
    });
    const lines = stdout.split('\n').filter((text) => text.startsWith('{'));
    return lines.map((json) => asRecord(JSON.parse(json)));
  }

  /** The run's totals must be what Codex says of its turn: a command, and an answer. */
  async function expectTurnOf(runId: string, events: readonly Record<string, unknown>[]): Promise<void> {
    const turn = events.find((event) => event['type'] === 'turn.completed');
    const told = asRecord(turn?.['usage']);
    const run = await settledRun(proxy, runId);
    expect(run['usage']).toMatchObject({
      requests: 2,
      tool_calls: 1,
      input_tokens: told['input_tokens'],
      input_tokens_details: { cached_tokens: told['cached_input_tokens'] },
      output_tokens: told['output_tokens'],
      output_tokens_details: { reasoning_tokens: told['reasoning_output_tokens'] },
    });
    expect(run['not_counted']).toEqual({ missing_usage: 0, estimated: 0, failed: 0, client_retries: 0 });
  }

  async function refusedWebSockets(): Promise<number> {
    const metrics = await (await fetch(`${proxy.url}/metrics`)).text();
    return Number(/^metertap_refused_total\{code="websocket_not_supported"\} (\d+)$/m.exec(metrics)?.[1]);
  }

  it('falls back from its WebSocket on our 426, and the base URL names the run', async () => {
    const before = await refusedWebSockets();
    const events = await runCodex(readClientSnippet('codex').code, 'run-of-codex');
    await expectTurnOf('run-of-codex', events);
    expect(await refusedWebSockets()).toBe(before + 1);
  });

  it('its session is the run where nothing names one', async () => {
    const line = `codex exec -c openai_base_url="\\"$OPENAI_BASE_URL\\"" 'Say hello.'`;
    const events = await runCodex(line, 'unnamed');
    const session = events.find((event) => event['type'] === 'thread.started')?.['thread_id'];
    await expectTurnOf(String(session), events);
  });

  it('tries no WebSocket as a provider of its own, and a header names the run', async () => {
    const before = await refusedWebSockets();
    const { code } = readClientSnippet('codex-provider');
    const config = code.replace('http://127.0.0.1:8787/v1', proxy.baseUrl);
    const events = await runCodex(`codex exec 'Say hello.'`, 'run-of-codex-provider', config);
    await expectTurnOf('run-of-codex-provider', events);
    expect(await refusedWebSockets()).toBe(before);
  });

  it('shows no usage of an incomplete response, and the run counts it', async () => {
    const steering = 'http_headers = { "x-sim-responses-end" = "incomplete", "x-sim-tool-calls" = "0" }';
    const { code } = readClientSnippet('codex-provider');
    const config = `${code.replace('http://127.0.0.1:8787/v1', proxy.baseUrl)}${steering}\n`;
    const events = await runCodex(`codex exec 'Say hello.' || true`, 'run-of-incomplete', config);
    expect(events.at(-1)).toMatchObject({ type: 'turn.failed' });
    expect(JSON.stringify(events)).not.toContain('usage');
    const run = await settledRun(proxy, 'run-of-incomplete');
    expect(run['usage']).toMatchObject({ requests: 1, output_tokens: 5 });
  });
});
