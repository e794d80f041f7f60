import { expect, it } from 'vitest';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy } from '../support/start-proxy.ts';

const STREAM = [
  'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-5-mini-2026-02-01","choices":[{"index":0,"delta":{"content":"Grüße 👋"}}],"usage":null}\n\n',
  ': a comment\n\n',
  'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-5-mini-2026-02-01","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}\n\n',
  'data: [DONE]\n\n',
].join('');

it('relays a stream byte for byte to a client that asked for usage, and records its usage', async () => {
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Upstream': 'Yes' });
    response.end(STREAM);
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const answer = await fetch(`${proxy.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-client', 'content-type': 'application/json' },
    body: '{"model":"gpt-5-mini","stream":true,"stream_options":{"include_usage":true},"messages":[]}',
  });
  expect(await answer.text()).toBe(STREAM);
  expect(answer.headers.get('x-upstream')).toBe('Yes');
  const [record] = await proxy.records();
  expect(record).toMatchObject({
    id: answer.headers.get('x-metertap-request-id'),
    ending: 'completed',
    usage_source: 'reported',
    usage: { input_tokens: 7, output_tokens: 3, total_tokens: 10 },
  });
});

it('hides from a client that did not ask what only asking has caused', async () => {
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.end(STREAM);
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const answer = await fetch(`${proxy.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-client', 'content-type': 'application/json' },
    body: '{"model":"gpt-5-mini","stream":true,"messages":[]}',
  });
  const events = STREAM.split('\n\n');
  const expected = [events[0]?.replace(',"usage":null', ''), events[1], events[3], ''].join('\n\n');
  expect(await answer.text()).toBe(expected);
  expect(upstream.requests[0]?.body.toString()).toBe(
    '{"stream_options":{"include_usage":true},"model":"gpt-5-mini","stream":true,"messages":[]}',
  );
  const [record] = await proxy.records();
  expect(record).toMatchObject({ usage_source: 'reported', usage: { total_tokens: 10 } });
});
