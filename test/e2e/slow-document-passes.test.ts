import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { onlyRecord } from '../support/calls.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, rawRequest, readRawAnswer } from '../support/raw-client.ts';
import { startProxy } from '../support/start-proxy.ts';

const HEAD = ['POST /v1/chat/completions HTTP/1.1', 'host: x', 'authorization: Bearer sk-client'];
const REQUEST = rawRequest([...HEAD, 'content-type: application/json'], '{"model":"gpt-5-mini","messages":[]}');
const DOCUMENT =
  '{"id":"chatcmpl-1","model":"gpt-5-mini","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}';

describe('a JSON answer that keeps its client waiting with white space', () => {
  it.each([
    ['before patience is over', '\n'],
    ['only after', ''],
  ])('that begins %s, reaches the client before its end, and is metered', async (_, atOnce) => {
    const begun = Promise.withResolvers<ServerResponse>();
    await using upstream = await startFakeUpstream((_request, response) => begun.resolve(response));
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    await using client = await connectRaw(proxy.url);
    client.send(REQUEST);
    const response = await begun.promise;
    response.writeHead(201, 'Made Slowly', { 'content-type': 'application/json', 'x-upstream': 'yes' });
    response.flushHeaders();
    if (atOnce !== '') response.write(atOnce);
    // The upstream goes on with its white space until the client has some of it.
    const waiting = setInterval(() => response.write(' '), 50);
    const received = await client.until('\r\n1\r\n \r\n');
    clearInterval(waiting);
    const { status, headers } = readRawAnswer(received);
    expect(received.startsWith('HTTP/1.1 201 Made Slowly\r\n')).toBe(true);
    expect([status, headers.get('x-upstream')]).toEqual([201, 'yes']);
    response.end(DOCUMENT);
    const whole = await client.until('\r\n0\r\n\r\n');
    expect(whole).toContain(DOCUMENT);
    expect(await onlyRecord(proxy)).toMatchObject({
      id: headers.get('x-metertap-request-id'),
      status: 201,
      ending: 'completed',
      usage_source: 'reported',
      usage: { total_tokens: 10 },
    });
  });
});

it('a JSON answer that comes at once tells its cost in its head', async () => {
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(DOCUMENT.length) });
    response.write(DOCUMENT.slice(0, 20));
    response.end(DOCUMENT.slice(20));
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  await using client = await connectRaw(proxy.url);
  client.send(REQUEST);
  const { headers, body } = readRawAnswer(await client.until('}}'));
  expect(headers.get('x-metertap-usage-source')).toBe('reported');
  expect(body).toBe(DOCUMENT);
});

it('a JSON answer that is larger than is held passes as it comes, and is metered', async () => {
  const begun = Promise.withResolvers<ServerResponse>();
  await using upstream = await startFakeUpstream((_request, response) => begun.resolve(response));
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  await using client = await connectRaw(proxy.url);
  client.send(REQUEST);
  const response = await begun.promise;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write(`{"image":"${'A'.repeat(9 * 1024 * 1024)}`);
  response.write('middle');
  await client.until('middle');
  response.end(`","usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}`);
  await client.until('\r\n0\r\n\r\n');
  expect(await onlyRecord(proxy)).toMatchObject({ usage_source: 'reported', usage: { total_tokens: 10 } });
});
