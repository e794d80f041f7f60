import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { CHAT, CLIENT_KEY } from '../support/calls.ts';
import { type ReceivedRequest, startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, rawRequest, readRawAnswer } from '../support/raw-client.ts';
import { startProxy } from '../support/start-proxy.ts';

/** The same bytes as Latin-1 text, as Node and the raw client have them: a Latin-1 é, then a UTF-8 é. */
const BYTES = '\u00e9 \u00c3\u00a9';

function answer(type: string, body: string, status = 200) {
  return (_request: ReceivedRequest, response: ServerResponse) => {
    response.writeHead(status, { 'content-type': type, 'X-Note': BYTES });
    response.end(Buffer.from(body));
  };
}

const ANSWERS = [
  ['a stream', 'POST /v1/chat/completions', answer('text/event-stream', 'data: [DONE]\n\n')],
  ['a document', 'POST /v1/chat/completions', answer('application/json', '{"id":"c1"}')],
  ['an error', 'POST /v1/chat/completions', answer('application/json', '{"error":{}}', 400)],
  ['a sound', 'POST /v1/audio/speech', answer('audio/mpeg', 'ID3')],
  ['a free answer', 'GET /v1/models', answer('application/json', '{"data":[]}')],
  ['an answer without a body', 'HEAD /v1/models', answer('application/json', '')],
] as const;

describe('bytes beyond ASCII in headers', () => {
  it.each(ANSWERS)('reach the client as they were in %s', async (_what, firstLine, script) => {
    await using upstream = await startFakeUpstream(script);
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    await using client = await connectRaw(proxy.url);
    const lines = [`${firstLine} HTTP/1.1`, 'host: x', `authorization: Bearer ${CLIENT_KEY}`, 'connection: close'];
    client.send(rawRequest(lines, firstLine.startsWith('POST') ? JSON.stringify(CHAT) : ''));
    const received = await client.closed();
    expect(received).toContain(`X-Note: ${BYTES}\r\n`);
  });

  it('reach the upstream as they were', async () => {
    await using upstream = await startFakeUpstream(answer('application/json', '{"id":"c1"}'));
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    await using client = await connectRaw(proxy.url);
    const lines = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${CLIENT_KEY}`];
    client.send(Buffer.from(`${lines.join('\r\n')}\r\nX-Note: ${BYTES}\r\n`, 'latin1'));
    client.send(rawRequest(['connection: close'], JSON.stringify(CHAT)));
    expect(readRawAnswer(await client.closed()).status).toBe(200);
    expect(upstream.requests[0]?.headers['x-note']).toBe(BYTES);
  });
});
