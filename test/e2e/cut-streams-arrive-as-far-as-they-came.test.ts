import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { recordsOnceThere } from '../support/calls.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, rawRequest } from '../support/raw-client.ts';
import { startProxy } from '../support/start-proxy.ts';

const HEAD = ['POST /v1/chat/completions HTTP/1.1', 'host: x', 'authorization: Bearer sk-client'];
const callWith = (body: string) => rawRequest([...HEAD, 'content-type: application/json'], body);
const ASKING = '{"model":"m","stream":true,"stream_options":{"include_usage":true}}';

describe('a stream that its upstream cuts', () => {
  it.each([
    ['as it is', ASKING],
    ['edited', '{"model":"m","stream":true}'],
  ])('reaches a slow client, %s, as far as it came, and ends without an end', async (_, body) => {
    const begun = Promise.withResolvers<ServerResponse>();
    await using upstream = await startFakeUpstream((_request, response) => begun.resolve(response));
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    await using client = await connectRaw(proxy.url);
    client.pause();
    client.send(callWith(body));
    const response = await begun.promise;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    // More than the kernel takes for a client that reads nothing, so that some of it waits in the proxy.
    const event = `data: {"id":"c","choices":[{"delta":{"content":"${'x'.repeat(60_000)}"}}]}\n\n`;
    let sent = 0;
    while (!response.writableNeedDrain || response.writableLength < 1_000_000) {
      response.write(event);
      sent++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.write('data: {"id":"c","choices":[{"delta":{"content":"the last"}}]}\n\n');
    client.resume();
    await new Promise<void>((resolve) => response.write(': end\n\n', () => resolve()));
    response.destroy();
    const received = await client.closed();
    expect(received.split('xxx"}}]}').length - 1).toBe(sent);
    expect(received).toContain('"the last"');
    expect(received.endsWith('\r\n0\r\n\r\n')).toBe(false);
    const records = await recordsOnceThere(proxy, 1);
    expect(records).toMatchObject([{ ending: 'upstream_cut', error_code: 'upstream_cut' }]);
  });
});

it('of two calls on one connection both end when the client leaves', async () => {
  const begun = Promise.withResolvers<ServerResponse>();
  await using upstream = await startFakeUpstream((request, response) => {
    if (request.headers['x-call'] === 'first') {
      begun.resolve(response);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const event = `data: {"id":"c","choices":[{"delta":{"content":"${'x'.repeat(60_000)}"}}]}\n\n`;
    for (let i = 0; i < 100; i++) response.write(event);
    response.end('data: [DONE]\n\n');
  });
  await using proxy = await startProxy({
    upstreamUrl: upstream.url,
    yaml: 'streams: { client_stall_max_ms: 200, drain_max_ms: 500 }\n',
  });
  await using client = await connectRaw(proxy.url);
  const call = (name: string) => rawRequest([...HEAD, `x-call: ${name}`, 'content-type: application/json'], ASKING);
  client.send(call('first') + call('second'));
  const response = await begun.promise;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(': begun\n\n');
  await client.until(': begun');
  client.leave();
  const records = await recordsOnceThere(proxy, 2);
  expect(records.map((record) => record['ending'])).toEqual(['client_left', 'client_left']);
});
