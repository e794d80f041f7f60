import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { serveProxy } from '../support/served-proxy.ts';
import { findServer, startRedis } from '../support/servers.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const program = findServer('redis-server', 'METERTAP_TEST_REDIS_SERVER');
const KEY = 'a-key-of-the-file-1';

const yamlOf = (limits: string) => `
keys: [{ id: ci, team: research, key: ${KEY} }]
teams: [{ id: research, limits: [${limits}] }]
log: { level: info }
`;

describe.skipIf(program === null)('limits with Redis', () => {
  it('admit exactly as many calls over two processes as over one', async () => {
    await using redis = await startRedis(program ?? '');
    await using upstream = await startUpstream();
    const dataDir = temporaryFolder();
    writeFileSync(join(dataDir, 'metertap.yaml'), yamlOf('{ requests: 10, per: month }'));
    const options = {
      upstreamUrl: upstream.url,
      dataDir,
      env: { METERTAP_REDIS_URL: redis.url, METERTAP_CONFIG: join(dataDir, 'metertap.yaml') },
    };
    await using first = await serveProxy(options);
    await using second = await serveProxy(options);
    const calls = Array.from({ length: 1_000 }, (_, i) => call(i % 2 === 0 ? first : second));
    const statuses = await Promise.all(calls);
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(990);
    expect(upstream.requests).toHaveLength(10);
  });

  it('hold when Redis is killed and comes back empty: it is filled again from the ledger', async () => {
    const redis = await startRedis(program ?? '');
    await using upstream = await startUpstream();
    await using proxy = await startProxy({
      upstreamUrl: upstream.url,
      yaml: yamlOf('{ requests: 10, per: month }'),
      env: { METERTAP_REDIS_URL: redis.url },
    });
    expect(await callInTurn(proxy, 4)).toEqual([200, 200, 200, 200]);
    await redis.kill();
    // Counted in this process meanwhile, from what the ledger knows on.
    expect(await callInTurn(proxy, 3)).toEqual([200, 200, 200]);
    expect(await gauge(proxy, 'metertap_limit_store_unavailable')).toBe(1);
    await using _again = await startRedis(program ?? '', redis.port);
    await expect.poll(() => gauge(proxy, 'metertap_limit_store_unavailable'), { timeout: 15_000 }).toBe(0);
    expect(await callInTurn(proxy, 5)).toEqual([200, 200, 200, 429, 429]);
    const told = proxy.logLines
      .map((line) => String(line['msg']))
      .filter((text) => /^Redis is (away; limits|back)/.test(text));
    expect(told).toHaveLength(2);
  });

  it('get back what the calls of a killed process held', async () => {
    await using redis = await startRedis(program ?? '');
    let isOpen = false;
    let isSilent = true;
    await using upstream = await startFakeUpstream((_request, response) => {
      isOpen = true;
      if (!isSilent) answerJson(response, { id: 'chatcmpl-1', model: 'gpt-5-mini', choices: [] });
    });
    const dataDir = temporaryFolder();
    writeFileSync(join(dataDir, 'metertap.yaml'), yamlOf('{ parallel: 1 }'));
    const env = { METERTAP_REDIS_URL: redis.url, METERTAP_CONFIG: join(dataDir, 'metertap.yaml') };
    const options = { upstreamUrl: upstream.url, dataDir, env };
    const killed = await serveProxy(options);
    const cut = call(killed).catch(() => 'cut');
    await expect.poll(() => isOpen).toBe(true);
    // The row of the call must be in the ledger, for it is what tells the next process of the hold.
    await expect.poll(async () => (await killed.records()).length).toBe(1);
    expect(await call(killed)).toBe(429);
    await killed.kill('SIGKILL');
    expect(await cut).toBe('cut');
    await using next = await serveProxy(options);
    isSilent = false;
    await expect.poll(() => call(next)).toBe(200);
  });

  it('that are closed refuse while Redis is away, and those that are open do not', async () => {
    const redis = await startRedis(program ?? '');
    await using upstream = await startUpstream();
    const options = (rule: string) => ({
      upstreamUrl: upstream.url,
      yaml: yamlOf(rule),
      env: { METERTAP_REDIS_URL: redis.url },
    });
    await using closed = await startProxy(options('{ requests: 10, per: month, on_store_failure: closed }'));
    await using open = await startProxy(options('{ requests: 2, per: month }'));
    expect(await call(closed)).toBe(200);
    await redis.kill();
    expect(await callInTurn(closed, 2)).toEqual([503, 503]);
    expect(await callInTurn(open, 3)).toEqual([200, 200, 429]);
  });
});

function startUpstream(): Promise<FakeUpstream> {
  return startFakeUpstream((_request, response) =>
    answerJson(response, {
      id: 'chatcmpl-1',
      model: 'gpt-5-mini',
      choices: [],
      usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
    }),
  );
}

async function callInTurn(proxy: { readonly baseUrl: string }, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < count; i++) statuses.push(await call(proxy));
  return statuses;
}

async function call(proxy: { readonly baseUrl: string }): Promise<number> {
  const answer = await fetch(`${proxy.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-5-mini', max_tokens: 20, messages: [{ role: 'user', content: 'hi' }] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

async function gauge(proxy: TestProxy, name: string): Promise<number> {
  const answer = await fetch(`${proxy.url}/metrics`);
  const line = (await answer.text()).split('\n').find((text) => text.startsWith(`${name} `));
  return Number(line?.split(' ')[1]);
}
