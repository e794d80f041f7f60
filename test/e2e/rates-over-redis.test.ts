import { describe, expect, it } from 'vitest';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { findServer, startRedis } from '../support/servers.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

const program = findServer('redis-server', 'METERTAP_TEST_REDIS_SERVER');

const YAML = `
keys: [{ id: ci, team: research, key: a-key-of-the-file-1, requests_per_minute: 3 }]
log: { level: warn }
`;

describe.skipIf(program === null)('requests per minute with Redis', () => {
  it('are one rate over two proxies', async () => {
    await using redis = await startRedis(program ?? '');
    await using upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'x' }));
    const options = { upstreamUrl: upstream.url, yaml: YAML, env: { METERTAP_REDIS_URL: redis.url } };
    await using first = await startProxy(options);
    await using second = await startProxy(options);
    const statuses: number[] = [];
    for (const proxy of [first, second, first, second, first]) statuses.push(await call(proxy));
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
  });

  it('stop nobody while Redis is away', async () => {
    const redis = await startRedis(program ?? '');
    await using upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'x' }));
    await using proxy = await startProxy({
      upstreamUrl: upstream.url,
      yaml: YAML,
      env: { METERTAP_REDIS_URL: redis.url },
    });
    expect(await call(proxy)).toBe(200);
    await redis.kill();
    for (let i = 0; i < 5; i++) expect(await call(proxy)).toBe(200);
    const toldOfIt = () => proxy.logLines.some((line) => String(line['msg']).includes('Redis is away'));
    await expect.poll(toldOfIt).toBe(true);
  });
});

async function call(proxy: TestProxy): Promise<number> {
  const answer = await fetch(`${proxy.baseUrl}/embeddings`, {
    method: 'POST',
    headers: { authorization: 'Bearer a-key-of-the-file-1', 'content-type': 'application/json' },
    body: '{"model":"text-embedding-3-small","input":"x"}',
  });
  await answer.arrayBuffer();
  return answer.status;
}
