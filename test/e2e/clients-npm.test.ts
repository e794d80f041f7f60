import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { runClientProgram, runShell } from '../support/client-program.ts';
import { expectSameUsage, reportedCalls, reportedRetries, settledRun } from '../support/client-report.ts';
import { readClientSnippet, readClientSnippets } from '../support/client-snippets.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

/** The lines of docs/clients.md, run by real clients through a proxy against the simulator. */

const JS_CLIENTS = readClientSnippets()
  .filter((snippet) => snippet.language === 'js')
  .map((snippet) => snippet.name);

let simulator: Simulator;
let proxy: TestProxy;

beforeAll(async () => {
  simulator = await createSimulator({ port: 0 });
  proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
});

afterAll(async () => {
  await proxy?.close();
  await simulator?.close();
});

function environment(runId: string) {
  return { OPENAI_BASE_URL: proxy.baseUrl, OPENAI_API_KEY: 'sk-test-of-clients', RUN_ID: runId };
}

const NOTHING_LEFT_OUT = { missing_usage: 0, estimated: 0, failed: 0, client_retries: 0 };

describe('a client as docs/clients.md sets it up', () => {
  it('is documented for each of these', () => {
    expect(JS_CLIENTS).toEqual([
      'openai-node',
      'agents-js',
      'agents-js-automatic',
      'vercel-ai',
      'vercel-ai-compatible',
      'langchain-js',
      'llamaindex-ts',
      'mastra',
      'instructor-js',
    ]);
  });

  it.each(JS_CLIENTS)('%s: its own usage is that of the run it named', async (name) => {
    const stdout = await runClientProgram(name, environment(`run-of-${name}`));
    const runId = /^@run (.+)$/m.exec(stdout)?.[1] ?? `run-of-${name}`;
    const run = await settledRun(proxy, runId);
    expect(run['not_counted']).toEqual(NOTHING_LEFT_OUT);
    expectSameUsage(run, reportedCalls(stdout));
    await expectRetries(stdout);
  });

  /** Retries that a client hides from its user are shown by the run. */
  async function expectRetries(stdout: string): Promise<void> {
    const retried = reportedRetries(stdout);
    if (retried === null) return;
    const run = await settledRun(proxy, retried.run);
    const { requests, ...notCounted } = retried.counts;
    expect(run['usage']).toMatchObject({ requests });
    expect(run['not_counted']).toEqual({ ...NOTHING_LEFT_OUT, ...notCounted });
  }
});

describe('no line of code', () => {
  /** A program that knows nothing of runs. */
  const PROGRAM = `
    import OpenAI from 'openai';
    const answer = await new OpenAI().responses.create({ model: 'gpt-5-mini', input: 'Say hello.' });
    console.log('@total', answer.usage.total_tokens);`;

  it.each(['any-sdk', 'base-url'])('%s: the environment names the run', async (name) => {
    const script = `${readClientSnippet(name).code}\nexec node --input-type=module --eval "$PROGRAM"`;
    const env = { ...environment(`run-of-${name}`), PROGRAM };
    const stdout = await runShell(script, { cwd: import.meta.dirname, env });
    const run = await settledRun(proxy, `run-of-${name}`);
    const total = Number(/@total (\d+)/.exec(stdout)?.[1]);
    expect(run['usage']).toMatchObject({ requests: 1, total_tokens: total });
  });

  const curl = spawnSync('curl', ['--version']).status === 0;
  if (!curl) console.log('skipped: curl is not on PATH');

  it.skipIf(!curl)('curl: its header names the run', async () => {
    const { code } = readClientSnippet('curl');
    const stdout = await runShell(code, { cwd: import.meta.dirname, env: environment('run-of-curl') });
    const answer: unknown = JSON.parse(stdout);
    const run = await settledRun(proxy, 'run-of-curl');
    expect(answer).toMatchObject({ usage: { total_tokens: Object(run['usage']).total_tokens } });
  });
});
