import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { CHAT, CLIENT_KEY, errorOf } from '../support/calls.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { readGreeting, spawnMetertap, spawnNpmStart } from '../support/spawned-proxy.ts';
import { startProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CONTENT = 'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n';
const USAGE = 'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}\n\n';
const DONE = 'data: [DONE]\n\n';

async function startOpenStream(): Promise<{ upstream: FakeUpstream; answering: Promise<ServerResponse> }> {
  const answering = Promise.withResolvers<ServerResponse>();
  const upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(CONTENT, () => answering.resolve(response));
  });
  return { upstream, answering: answering.promise };
}

function ask(url: string, body: object): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${CLIENT_KEY}` },
    body: JSON.stringify(body),
  });
}

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  it('lets an open stream come to its end, is not ready meanwhile, and ends with 0', async () => {
    const dataDir = temporaryFolder();
    const { upstream, answering } = await startOpenStream();
    await using _closing = upstream;
    const env = { METERTAP_PORT: '0', METERTAP_UPSTREAM_URL: upstream.url, METERTAP_DATA_DIR: dataDir };
    await using metertap = spawnMetertap(['serve', '--json'], env);
    const { url } = await readGreeting(metertap);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const stream = { ...CHAT, stream: true, stream_options: { include_usage: true } };
    const answer = await ask(url, stream);
    const response = await answering;

    metertap.signal(signal);
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const refused = await ask(url, CHAT);
    expect([refused.status, errorOf(await refused.text())['code']]).toEqual([503, 'shutting_down']);
    response.end(USAGE + DONE);
    expect(await answer.text()).toBe(CONTENT + USAGE + DONE);
    expect(await metertap.exited()).toBe(0);
    expect(metertap.stderr).toBe('');

    await using proxy = await startProxy({ upstreamUrl: upstream.url, dataDir });
    expect(await proxy.records()).toMatchObject([{ ending: 'completed', usage: { total_tokens: 6 } }]);
  });

  it('to npm ends what npm has started, with 0', async () => {
    await using metertap = spawnNpmStart({ METERTAP_PORT: '0', METERTAP_DATA_DIR: temporaryFolder() });
    const { url } = await readGreeting(metertap);
    metertap.signal(signal);
    expect(await metertap.exited()).toBe(0);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  it('ends with 0 at once where nothing is open', async () => {
    const env = { METERTAP_PORT: '0', METERTAP_DATA_DIR: temporaryFolder() };
    await using metertap = spawnMetertap(['serve', '--json'], env);
    await readGreeting(metertap);
    metertap.signal(signal);
    expect(await metertap.exited()).toBe(0);
  });
});
