import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { CHAT, CLIENT_KEY, onlyRecord, post } from '../support/calls.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, rawRequest } from '../support/raw-client.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

const CONTENT = 'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n';
const USAGE = 'data: {"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}\n\n';
/** How a chunked answer ends when it is whole. */
const LAST_CHUNK = '\r\n0\r\n\r\n';
const ASKED = { ...CHAT, stream: true, stream_options: { include_usage: true } };

/** Writes `events`, and calls `then` when all of them are on their way to the proxy. */
function writeEvents(response: ServerResponse, events: readonly string[], then: () => void): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(events.join(''), () => then());
}

/** Posts a stream over a raw socket and gives what came until the proxy closed the connection. */
async function streamUntilCut(proxy: TestProxy, events: readonly string[]): Promise<string> {
  await using client = await connectRaw(proxy.url);
  const head = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${CLIENT_KEY}`];
  client.send(rawRequest([...head, 'content-type: application/json'], JSON.stringify(ASKED)));
  for (const event of events) await client.until(event);
  return await client.closed();
}

const CASES: readonly (readonly [string, readonly string[], number | null])[] = [
  ['before the usage', [CONTENT], null],
  ['after the usage', [CONTENT, USAGE], 6],
];

describe.each(CASES)('%s', (_when, events, totalTokens) => {
  const told = { usage_source: 'reported', usage: { total_tokens: totalTokens } };
  const expected = { status: 200, ...(totalTokens === null ? { usage_source: 'estimated' } : told) };

  it('cuts the client where the upstream cuts the stream', async () => {
    await using upstream = await startFakeUpstream((_request, response) => {
      // The proxy has all of the events when it has sent them on; only then the cut.
      writeEvents(response, events, () => cut.promise.then(() => response.socket?.destroy()));
    });
    const cut = Promise.withResolvers<void>();
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    const answer = await post(proxy, 'chat/completions', ASKED);
    const reader = answer.body?.getReader();
    let text = '';
    while (!text.endsWith(events.join(''))) text += Buffer.from((await reader?.read())?.value ?? []).toString();
    cut.resolve();
    await expect(reader?.read()).rejects.toThrow();
    expect(await onlyRecord(proxy)).toMatchObject({ ...expected, ending: 'upstream_cut', error_code: 'upstream_cut' });
  });

  it('cuts the client without an end of its answer where the upstream falls silent', async () => {
    await using upstream = await startFakeUpstream((_request, response) => {
      writeEvents(response, events, () => undefined);
    });
    const yaml = `upstreams: [{ name: slow, base_url: "${upstream.url}", timeouts: { idle_ms: 100 } }]`;
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
    const received = await streamUntilCut(proxy, events);
    expect(received).not.toContain(LAST_CHUNK);
    expect(await onlyRecord(proxy)).toMatchObject({ ...expected, ending: 'timed_out', error_code: 'upstream_timeout' });
  });
});

it('has a whole call where the upstream closes its connection after [DONE]', async () => {
  await using upstream = await startFakeUpstream((_request, response) => {
    writeEvents(response, [CONTENT, USAGE, 'data: [DONE]\n\n'], () => response.socket?.destroy());
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  await using client = await connectRaw(proxy.url);
  const head = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${CLIENT_KEY}`];
  client.send(rawRequest([...head, 'content-type: application/json'], JSON.stringify(ASKED)));
  await client.until('data: [DONE]\n\n');
  expect(await onlyRecord(proxy)).toMatchObject({
    ending: 'completed',
    error_code: null,
    usage_source: 'reported',
    usage: { total_tokens: 6 },
  });
});
