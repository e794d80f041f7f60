import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { freePort } from '../support/servers.ts';
import { startProxy } from '../support/start-proxy.ts';

const CALL = {
  method: 'POST',
  headers: { authorization: 'Bearer sk-client', 'content-type': 'application/json' },
  body: '{"model":"gpt-5-mini","messages":[]}',
};

it('tries once more where no connection could be opened, and says so', async () => {
  await using proxy = await startProxy({ upstreamUrl: `http://127.0.0.1:${await freePort()}/v1` });
  const answer = await fetch(`${proxy.baseUrl}/chat/completions`, CALL);
  expect(answer.status).toBe(502);
  expect(await answer.json()).toMatchObject({ error: { code: 'upstream_unreachable', type: 'server_error' } });
  const records = await proxy.records();
  expect(records).toHaveLength(1);
  expect(records[0]).toMatchObject({ ending: 'upstream_error', error_code: 'upstream_unreachable', usage: null });
  const metrics = await (await fetch(`${proxy.url}/metrics`)).text();
  expect(metrics).toContain('metertap_upstream_connection_retries_total{upstream="openai"} 1');
});

it('does not send twice what an upstream may have begun to work on', async () => {
  let connections = 0;
  const upstream = createServer((socket) => {
    connections++;
    socket.once('data', () => socket.destroy());
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const address = upstream.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await using proxy = await startProxy({ upstreamUrl: `http://127.0.0.1:${port}/v1` });
  const answer = await fetch(`${proxy.baseUrl}/chat/completions`, CALL);
  expect(answer.status).toBe(502);
  expect(await answer.json()).toMatchObject({ error: { code: 'upstream_cut' } });
  expect(connections).toBe(1);
  expect((await proxy.records())[0]).toMatchObject({ ending: 'upstream_cut', status: 502 });
  await new Promise((resolve) => upstream.close(resolve));
});
