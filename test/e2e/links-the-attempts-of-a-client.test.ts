import OpenAI from 'openai';
import { expect, it } from 'vitest';
import { createSimulator } from '../../src/simulator/server.ts';
import { startProxy } from '../support/start-proxy.ts';

it('links what a client repeats to the attempt before, and only that', async () => {
  const simulator = await createSimulator({ port: 0 });
  await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
  const client = new OpenAI({ apiKey: 'sk-client', baseURL: proxy.baseUrl, maxRetries: 2 });
  const headers = { 'x-sim-status': '500', 'x-sim-retry-after-ms': '1', 'x-metertap-run-id': 'nightly' };
  const ask = (content: string) =>
    client.chat.completions.create({ model: 'gpt-5-mini', messages: [{ role: 'user', content }] }, { headers });
  await expect(ask('once')).rejects.toThrow();
  await expect(ask('again')).rejects.toThrow();
  const records = await proxy.records();
  const [first, second, third, ...next] = records;
  expect(records.map((record) => record['client_retry'])).toEqual([0, 1, 2, 0, 1, 2]);
  expect([first, second, third].map((record) => record?.['retry_of'])).toEqual([null, first?.['id'], second?.['id']]);
  expect(next.map((record) => record['retry_of'])).toEqual([null, next[0]?.['id'], next[1]?.['id']]);
  expect(await proxy.ask('/api/v1/runs/nightly')).toMatchObject({ not_counted: { client_retries: 4, failed: 6 } });
  await simulator.close();
});
