import { expect, it } from 'vitest';
import { CHAT, CLIENT_KEY, onlyRecord } from '../support/calls.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, rawRequest } from '../support/raw-client.ts';
import { startProxy } from '../support/start-proxy.ts';

const EVENT = `data: {"id":"c1","choices":[{"index":0,"delta":{"content":"${'x'.repeat(64 * 1024)}"}}]}\n\n`;
const USAGE = 'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}\n\n';
const DONE = 'data: [DONE]\n\n';
/** More than the kernel and the proxy keep for a client that does not read. */
const EVENTS = 400;
const HEAD = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${CLIENT_KEY}`];

it('counts a client that stops reading as one that has left, and learns the usage without it', async () => {
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(EVENT.repeat(EVENTS) + USAGE + DONE);
  });
  const yaml = 'streams: { client_stall_max_ms: 200, drain_max_bytes: 1000000000 }';
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
  await using client = await connectRaw(proxy.url);
  const body = { ...CHAT, stream: true, stream_options: { include_usage: true } };
  client.send(rawRequest([...HEAD, 'content-type: application/json'], JSON.stringify(body)));
  await client.until('data: ');
  client.pause();
  expect(await onlyRecord(proxy)).toMatchObject({
    status: 200,
    ending: 'client_left',
    usage_source: 'reported',
    usage: { total_tokens: 6 },
  });
  client.resume();
  const received = await client.closed();
  expect(received).not.toContain(DONE);
});

it('waits for a client that is slow but reads on', async () => {
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(EVENT.repeat(EVENTS) + USAGE + DONE);
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  await using client = await connectRaw(proxy.url);
  const body = { ...CHAT, stream: true, stream_options: { include_usage: true } };
  client.send(rawRequest([...HEAD, 'content-type: application/json'], JSON.stringify(body)));
  await client.until('data: ');
  client.pause();
  // The proxy goes on serving others meanwhile.
  expect((await fetch(`${proxy.url}/healthz`)).status).toBe(200);
  client.resume();
  await client.until(`${DONE}\r\n0\r\n\r\n`);
  expect(await onlyRecord(proxy)).toMatchObject({ ending: 'completed', usage: { total_tokens: 6 } });
});
