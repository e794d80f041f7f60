import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, rawRequest } from '../support/raw-client.ts';
import { startProxy } from '../support/start-proxy.ts';

const HEAD = ['host: x', 'authorization: Bearer sk-client', 'content-type: application/json'];
const chunk = (content: string) =>
  `data: {"id":"c","choices":[{"index":0,"delta":{"content":"${content}"}}],"usage":null}\n\n`;
const ASKING = '{"model":"m","stream":true,"stream_options":{"include_usage":true}}';

describe.each([
  ['a stream of a client that asked for usage', 'chat/completions', ASKING],
  ['a stream that is edited for its client', 'chat/completions', '{"model":"m","stream":true}'],
  ['a stream of responses', 'responses', '{"model":"m","stream":true}'],
  ['a stream of an endpoint that is not metered', 'brand/new', '{"stream":true}'],
])('%s', (_, path, body) => {
  it('reaches the client event by event, its head ahead of them', async () => {
    const begun = Promise.withResolvers<ServerResponse>();
    await using upstream = await startFakeUpstream((_request, response) => begun.resolve(response));
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    await using client = await connectRaw(proxy.url);
    client.send(rawRequest([`POST /v1/${path} HTTP/1.1`, ...HEAD], body));
    const response = await begun.promise;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    await client.until('\r\n\r\n');
    // Each is written only once the client has the one before.
    for (const content of ['one', 'two', 'three']) {
      response.write(chunk(content));
      await client.until(`"${content}"}}]`);
    }
    response.write(': keep-alive\n\n');
    await client.until(': keep-alive\n\n');
    response.end('data: [DONE]\n\n');
    expect(await client.until('\r\n0\r\n\r\n')).toContain('data: [DONE]\n\n');
  });
});

it('an event passes in parts where the client sees all of them', async () => {
  const begun = Promise.withResolvers<ServerResponse>();
  await using upstream = await startFakeUpstream((_request, response) => begun.resolve(response));
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  await using client = await connectRaw(proxy.url);
  client.send(rawRequest(['POST /v1/chat/completions HTTP/1.1', ...HEAD], ASKING));
  const response = await begun.promise;
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('data: {"id":"c","half');
  await client.until('"half');
  response.end('":1}\n\n');
  await client.until('\r\n0\r\n\r\n');
});

it('an answer that is neither JSON nor events passes as it comes', async () => {
  const begun = Promise.withResolvers<ServerResponse>();
  await using upstream = await startFakeUpstream((_request, response) => begun.resolve(response));
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  await using client = await connectRaw(proxy.url);
  client.send(rawRequest(['POST /v1/audio/speech HTTP/1.1', ...HEAD], '{"model":"m","input":"x"}'));
  const response = await begun.promise;
  response.writeHead(200, { 'content-type': 'audio/wav' });
  response.write('RIFF');
  await client.until('RIFF');
  response.end();
  await client.until('\r\n0\r\n\r\n');
});
