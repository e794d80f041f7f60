import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { onlyRecord } from '../support/calls.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { heldBytesMeter, letOthersRun } from '../support/held-memory.ts';
import { connectRaw, rawRequest } from '../support/raw-client.ts';
import { startProxy } from '../support/start-proxy.ts';

const EVENT = Buffer.from(
  `data: {"id":"c","choices":[{"index":0,"delta":{"content":"${'x'.repeat(16_000)}"}}],"usage":null}\n\n`,
);
const EVENTS = 4000;
const LOOK_EVERY_BYTES = 2_000_000;
const USAGE = 'data: {"id":"c","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}\n\n';
const ASKING = '{"model":"m","stream":true,"stream_options":{"include_usage":true}}';
const HEADERS = { authorization: 'Bearer sk-client', 'content-type': 'application/json' };

function* stream(): Generator<Buffer> {
  for (let i = 0; i < EVENTS; i++) yield EVENT;
  yield Buffer.from(`${USAGE}data: [DONE]\n\n`);
}

describe.each([
  ['that passes as it is', ASKING, EVENT.length],
  ['that is edited', '{"model":"m","stream":true}', EVENT.length - ',"usage":null'.length],
])('of a stream of 64 MB %s', (_, body, shownBytes) => {
  it('only a little is held while its client reads slowly', async () => {
    const heldBytes = heldBytesMeter();
    await using upstream = await startFakeUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      Readable.from(stream()).pipe(response);
    });
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    const before = heldBytes();
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { method: 'POST', headers: HEADERS };
      request(`${proxy.baseUrl}/chat/completions`, options, resolve).on('error', reject).end(body);
    });
    let received = 0;
    let mostHeld = 0;
    let looks = 0;
    for await (const chunk of answer) {
      received += chunk.length;
      if (received < looks * LOOK_EVERY_BYTES) continue;
      looks++;
      await letOthersRun();
      mostHeld = Math.max(mostHeld, heldBytes() - before);
    }
    expect(received).toBeGreaterThanOrEqual(EVENTS * shownBytes);
    expect(received).toBeLessThan(EVENTS * shownBytes + 1000);
    expect(mostHeld).toBeLessThan(20_000_000);
    expect(await onlyRecord(proxy)).toMatchObject({ ending: 'completed', usage: { total_tokens: 10 } });
  });
});

describe('a client that takes nothing at all', () => {
  const patience = 'streams: { client_stall_max_ms: 200 }';
  const call = rawRequest(
    ['POST /v1/chat/completions HTTP/1.1', ...Object.entries({ host: 'x', ...HEADERS }).map((pair) => pair.join(': '))],
    ASKING,
  );

  it('counts as gone after a while', async () => {
    await using upstream = await startFakeUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      Readable.from(stream()).pipe(response);
    });
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml: `${patience}\n` });
    await using client = await connectRaw(proxy.url);
    client.pause();
    client.send(call);
    const record = await onlyRecord(proxy);
    // 64 MB are more than is drained.
    expect(record).toMatchObject({ ending: 'client_left', usage_source: expect.stringMatching(/missing|estimated/) });
  });

  it('is cut off where only the last bytes are left', async () => {
    // More than the kernel takes for a client that reads nothing, less than is held of a document.
    const document = `{"id":"c","x":"${'x'.repeat(7_000_000)}","usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}`;
    await using upstream = await startFakeUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(document.length) });
      response.end(document);
    });
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml: `${patience}\n` });
    await using client = await connectRaw(proxy.url);
    client.pause();
    client.send(call);
    expect(await onlyRecord(proxy)).toMatchObject({ ending: 'completed', usage: { total_tokens: 10 } });
    // An empty line between requests means nothing to a server that is there, and resets one that is not.
    const knocking = setInterval(() => client.send('\r\n'), 500);
    const received = await client.closed();
    clearInterval(knocking);
    expect(received.length).toBeLessThan(document.length);
  });
});
