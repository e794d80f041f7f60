import type { ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import { CHAT, CLIENT_KEY, errorOf, post, postWhole } from '../support/calls.ts';
import { type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, rawRequest, readRawAnswer } from '../support/raw-client.ts';
import { startProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CONTENT = 'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n';
const USAGE = 'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}\n\n';
const DONE = 'data: [DONE]\n\n';
const STREAM = { ...CHAT, stream: true, stream_options: { include_usage: true } };

/** An upstream that begins a stream and lets the test go on with it. */
async function startOpenStream(): Promise<{ upstream: FakeUpstream; answering: Promise<ServerResponse> }> {
  const answering = Promise.withResolvers<ServerResponse>();
  const upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(CONTENT, () => answering.resolve(response));
  });
  return { upstream, answering: answering.promise };
}

/** The records of a data folder, as the next proxy on it tells them. */
async function recordsIn(dataDir: string, upstreamUrl: string): Promise<Record<string, unknown>[]> {
  await using proxy = await startProxy({ upstreamUrl, dataDir });
  return await proxy.records();
}

it('lets an open stream come to its end, admits no further call, and says so', async () => {
  const dataDir = temporaryFolder();
  const { upstream, answering } = await startOpenStream();
  await using _closing = upstream;
  await using proxy = await startProxy({ upstreamUrl: upstream.url, dataDir });
  const answer = await post(proxy, 'chat/completions', STREAM);
  const response = await answering;
  const closed = proxy.close();

  const ready = await fetch(`${proxy.url}/readyz`);
  expect([ready.status, await ready.json()]).toMatchObject([503, { reasons: [{ code: 'shutting_down' }] }]);
  const refused = await postWhole(proxy, 'chat/completions', CHAT);
  expect(refused.status).toBe(503);
  expect(errorOf(refused.text)).toMatchObject({ type: 'server_error', code: 'shutting_down' });
  expect(refused.headers.get('x-metertap-request-id')).not.toBeNull();

  response.end(USAGE + DONE);
  expect(await answer.text()).toBe(CONTENT + USAGE + DONE);
  await closed;
  await expect(fetch(`${proxy.url}/healthz`)).rejects.toThrow();
  expect(await recordsIn(dataDir, upstream.url)).toMatchObject([{ ending: 'completed', usage: { total_tokens: 6 } }]);
});

it('interrupts what is still open after the grace', async () => {
  const dataDir = temporaryFolder();
  const { upstream, answering } = await startOpenStream();
  await using _closing = upstream;
  await using proxy = await startProxy({ upstreamUrl: upstream.url, dataDir, yaml: 'shutdown_grace_ms: 50' });
  const answer = await post(proxy, 'chat/completions', STREAM);
  await answering;
  const text = answer.text();
  const cut = expect(text).rejects.toThrow();
  await proxy.close();
  await cut;
  expect(await recordsIn(dataDir, upstream.url)).toMatchObject([
    { status: 200, ending: 'interrupted', error_code: 'shutting_down', usage_source: 'estimated' },
  ]);
});

it('tells a client that has no answer yet that it is interrupted', async () => {
  const dataDir = temporaryFolder();
  const arrived = Promise.withResolvers<void>();
  await using upstream = await startFakeUpstream(() => arrived.resolve());
  await using proxy = await startProxy({ upstreamUrl: upstream.url, dataDir, yaml: 'shutdown_grace_ms: 50' });
  const answering = postWhole(proxy, 'chat/completions', CHAT);
  await arrived.promise;
  await proxy.close();
  const answer = await answering;
  expect(answer.status).toBe(503);
  expect(errorOf(answer.text)).toMatchObject({ code: 'shutting_down' });
  expect(await recordsIn(dataDir, upstream.url)).toMatchObject([
    { status: 503, ending: 'interrupted', error_code: 'shutting_down' },
  ]);
});

it('does not wait beyond the grace for a client that never sends the whole of its request', async () => {
  await using upstream = await startFakeUpstream(() => undefined);
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml: 'shutdown_grace_ms: 50' });
  await using client = await connectRaw(proxy.url);
  const head = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${CLIENT_KEY}`];
  client.send(`${head.join('\r\n')}\r\nexpect: 100-continue\r\ncontent-length: 1000\r\n\r\n{"model":`);
  await client.until('100 Continue');
  await proxy.close();
  await client.closed();
  expect(upstream.requests).toHaveLength(0);
});

it('lets an answer that is over at the upstream reach a slow client whole', async () => {
  // More than fits into the buffers of the kernel, and little enough to be held until its record is written.
  const body = JSON.stringify({ id: 'c1', choices: [], text: 'x'.repeat(7 * 1024 * 1024) });
  const upstreamDone = Promise.withResolvers<void>();
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(body.length) });
    response.end(body, () => upstreamDone.resolve());
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  await using client = await connectRaw(proxy.url);
  const head = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${CLIENT_KEY}`];
  client.send(rawRequest([...head, 'content-type: application/json'], JSON.stringify(CHAT)));
  await client.until('HTTP/1.1 200');
  client.pause();
  await upstreamDone.promise;
  await proxy.records();
  const closed = proxy.close();
  await expect.poll(async () => (await fetch(`${proxy.url}/readyz`)).status).toBe(503);
  client.resume();
  const received = await client.closed();
  expect(readRawAnswer(received).body.length).toBe(body.length);
  await closed;
});
