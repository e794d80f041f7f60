import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Simulator } from '../../../src/simulator/server.ts';
import { eventData, HELLO, startSimulator } from './start-simulator.ts';

const STREAM = { ...HELLO, stream: true, stream_options: { include_usage: true } };

/** The bytes that come back over a plain socket until it closes. */
async function rawAnswer(
  simulator: Simulator,
  headers: Record<string, string>,
  body: unknown = STREAM,
): Promise<string> {
  const text = JSON.stringify(body);
  const lines = [
    'POST /v1/chat/completions HTTP/1.1',
    'host: simulator',
    'authorization: Bearer x',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  const socket = connect(simulator.port, '127.0.0.1');
  socket.write(`${lines.join('\r\n')}\r\n\r\n${text}`);
  let answer = '';
  socket.on('data', (bytes) => {
    answer += bytes.toString('latin1');
  });
  await once(socket, 'close');
  return answer;
}

const countEvents = (answer: string) => answer.split('data: ').length - 1;

describe('bad values', () => {
  it.each([
    ['x-sim-dialect', 'klingon'],
    ['x-sim-id', 'a b'],
    ['x-sim-any-model', 'maybe'],
    ['x-sim-events', '-1'],
    ['x-sim-events', '1.5'],
    ['x-sim-events', '100001'],
    ['x-sim-event-bytes', 'many'],
    ['x-sim-interval-ms', '1s'],
    ['x-sim-delay-ms', ''],
    ['x-sim-hang', 'yes'],
    ['x-sim-cut-after', 'middle'],
    ['x-sim-status', '200'],
    ['x-sim-status-attempts', 'x'],
    ['x-sim-retry-after-ms', 'x'],
    ['x-sim-error-html', 'x'],
    ['x-sim-error-in-stream', 'x'],
    ['x-sim-no-done', 'x'],
    ['x-sim-no-usage', 'x'],
    ['x-sim-crlf', 'x'],
    ['x-sim-encoding', 'lzw'],
    ['x-sim-echo', 'x'],
    ['x-sim-input-tokens', 'x'],
    ['x-sim-output-tokens', 'x'],
    ['x-sim-cached-tokens', 'x'],
    ['x-sim-cache-write-tokens', 'x'],
    ['x-sim-reasoning-tokens', 'x'],
    ['x-sim-tool-calls', 'x'],
    ['x-sim-responses-end', 'x'],
    ['x-sim-background-polls', 'x'],
  ])('%s: %j is a 400 that names the header', async (name, value) => {
    const { post } = await startSimulator();
    const answer = await post('chat/completions', HELLO, { [name]: value });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param: name, code: 'invalid_steering' } });
  });

  it('more text than fits is refused', async () => {
    const { post } = await startSimulator();
    const headers = { 'x-sim-events': '100000', 'x-sim-event-bytes': '100000' };
    expect((await post('chat/completions', STREAM, headers)).status).toBe(400);
  });

  it('unknown x-sim headers are ignored', async () => {
    const { post } = await startSimulator();
    expect((await post('chat/completions', HELLO, { 'x-sim-future': '?' })).status).toBe(200);
  });

  it('docs/simulator.md and the code know the same headers', () => {
    const headersOf = (path: string) => {
      const text = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
      return [...new Set(text.match(/x-sim-[a-z]+(?:-[a-z]+)*/g))].sort();
    };
    expect(headersOf('docs/simulator.md')).toEqual(headersOf('src/simulator/steering.ts'));
  });
});

describe('counts and content', () => {
  it('sets the number and size of the content events', async () => {
    const { post } = await startSimulator();
    const answer = await post('chat/completions', STREAM, { 'x-sim-events': '7', 'x-sim-event-bytes': '100' });
    const chunks = eventData(await answer.text());
    const contents = chunks.map((chunk) => chunk.choices[0]?.delta.content).filter((content) => content);
    expect(contents.map((content) => content?.length)).toEqual([100, 100, 100, 100, 100, 100, 100]);
    expect(chunks.at(-1)?.usage.completion_tokens).toBe(7);
  });

  it('sets each count', async () => {
    const { post } = await startSimulator();
    const answer = await post('chat/completions', HELLO, {
      'x-sim-input-tokens': '1000',
      'x-sim-cached-tokens': '800',
      'x-sim-cache-write-tokens': '100',
      'x-sim-output-tokens': '90',
      'x-sim-reasoning-tokens': '60',
    });
    expect(await answer.json()).toMatchObject({
      usage: {
        prompt_tokens: 1000,
        completion_tokens: 90,
        total_tokens: 1090,
        prompt_tokens_details: { cached_tokens: 800, cache_write_tokens: 100 },
        completion_tokens_details: { reasoning_tokens: 60 },
      },
    });
  });

  it('echoes the last message, surrogate pairs whole', async () => {
    const { post } = await startSimulator();
    const text = 'fünfzehn Zeich.😀😀 und mehr';
    const body = { ...STREAM, messages: [{ role: 'user', content: [{ type: 'text', text }] }] };
    const stream = await (await post('chat/completions', body, { 'x-sim-echo': '1' })).text();
    expect(
      eventData(stream)
        .map((chunk) => chunk.choices[0]?.delta.content ?? '')
        .join(''),
    ).toBe(text);
    expect(stream).not.toContain('\\ud83d');
  });

  it('leaves usage out', async () => {
    const { post } = await startSimulator();
    const headers = { 'x-sim-no-usage': '1' };
    expect(await (await post('chat/completions', HELLO, headers)).json()).not.toHaveProperty('usage');
    const chunks = eventData(await (await post('chat/completions', STREAM, headers)).text());
    expect(chunks.every((chunk) => chunk.usage === null)).toBe(true);
  });

  it('fixes the id', async () => {
    const { post } = await startSimulator();
    const answer = await post('chat/completions', HELLO, { 'x-sim-id': 'abc' });
    expect(answer.headers.get('x-request-id')).toBe('req_abc');
    expect(await answer.json()).toMatchObject({ id: 'chatcmpl-abc' });
  });
});

describe('how the bytes come', () => {
  it.each([
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
    ['zstd', zstdDecompressSync],
  ])('compresses with %s, JSON and streams', async (encoding, decompress) => {
    const { simulator, post } = await startSimulator();
    for (const body of [HELLO, STREAM]) {
      const plain = await (await post('chat/completions', body, { 'x-sim-id': 'a' })).text();
      const bytes: Buffer[] = [];
      const sent = request(`${simulator.baseUrl}/chat/completions`, {
        method: 'POST',
        headers: {
          authorization: 'Bearer x',
          'content-type': 'application/json',
          'x-sim-id': 'a',
          'x-sim-encoding': encoding,
        },
      });
      sent.end(JSON.stringify(body));
      const [answer] = await once(sent, 'response');
      for await (const chunk of answer) bytes.push(chunk);
      expect(answer.headers['content-encoding']).toBe(encoding);
      expect(decompress(Buffer.concat(bytes)).toString()).toBe(plain);
    }
  });

  it('ends lines with CRLF, leaves [DONE] out', async () => {
    const { post } = await startSimulator();
    const stream = await (await post('chat/completions', STREAM, { 'x-sim-crlf': '1', 'x-sim-no-done': '1' })).text();
    expect(stream).not.toMatch(/[^\r]\n/);
    expect(stream).not.toContain('[DONE]');
    expect(stream.endsWith('\r\n\r\n')).toBe(true);
  });

  it('gives the same bytes at an interval', async () => {
    const { post } = await startSimulator();
    const steer = { 'x-sim-id': 'a' };
    const atOnce = await (await post('chat/completions', STREAM, steer)).text();
    const paced = await (await post('chat/completions', STREAM, { ...steer, 'x-sim-interval-ms': '1' })).text();
    expect(paced).toBe(atOnce);
  });

  it('gives large streams whole to a slow reader', async () => {
    const { post } = await startSimulator();
    const answer = await post('chat/completions', STREAM, { 'x-sim-events': '2000', 'x-sim-event-bytes': '2000' });
    expect(eventData(await answer.text())).toHaveLength(2003);
  });
});

describe('cuts', () => {
  it('0: before the headers', async () => {
    const { simulator } = await startSimulator();
    expect(await rawAnswer(simulator, { 'x-sim-cut-after': '0' })).toBe('');
  });

  it.each([STREAM, HELLO])('headers: after them', async (body) => {
    const { simulator } = await startSimulator();
    const answer = await rawAnswer(simulator, { 'x-sim-cut-after': 'headers' }, body);
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  it.each([
    ['3', 3],
    ['6', 6],
    ['8', 8],
  ])('%s: after as many events', async (value, events) => {
    const { simulator } = await startSimulator();
    const answer = await rawAnswer(simulator, { 'x-sim-cut-after': value });
    expect(countEvents(answer)).toBe(events);
    expect(answer).not.toContain('\r\n0\r\n');
    expect(answer).toMatch(/\n\n\r\n$/);
  });

  it('mid:N: within the event after them', async () => {
    const { simulator } = await startSimulator();
    const answer = await rawAnswer(simulator, { 'x-sim-cut-after': 'mid:2' });
    expect(countEvents(answer)).toBe(3);
    expect(answer).not.toMatch(/\n\n\r\n$/);
    expect(countEvents(await rawAnswer(simulator, { 'x-sim-cut-after': 'mid' }))).toBe(1);
  });

  it('mid: half of a JSON answer', async () => {
    const { simulator } = await startSimulator();
    const answer = await rawAnswer(simulator, { 'x-sim-cut-after': 'mid' }, HELLO);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    const length = Number(/content-length: (\d+)/.exec(head)?.[1]);
    expect(body).toHaveLength(length >> 1);
  });

  it('cuts paced and compressed streams too', async () => {
    const { simulator } = await startSimulator();
    const cut = { 'x-sim-cut-after': '3' };
    expect(countEvents(await rawAnswer(simulator, { ...cut, 'x-sim-interval-ms': '1' }))).toBe(3);
    const compressed = await rawAnswer(simulator, { ...cut, 'x-sim-encoding': 'gzip' });
    expect(compressed).toContain('content-encoding: gzip');
    expect(compressed).not.toContain('\r\n0\r\n');
  });

  it('an event count beyond the end leaves the stream whole', async () => {
    const { post } = await startSimulator();
    const stream = await (await post('chat/completions', STREAM, { 'x-sim-cut-after': '500' })).text();
    expect(stream.endsWith('data: [DONE]\n\n')).toBe(true);
  });
});

describe('clients that leave', () => {
  it.each([{}, { 'x-sim-encoding': 'gzip' }, { 'x-sim-interval-ms': '1' }, { 'x-sim-delay-ms': '5' }])(
    'within an answer, steered by %j, do no harm',
    async (headers) => {
      const { simulator, post } = await startSimulator();
      const leaving = new AbortController();
      const answering = fetch(`${simulator.baseUrl}/chat/completions`, {
        method: 'POST',
        headers: {
          authorization: 'Bearer x',
          'content-type': 'application/json',
          'x-sim-events': '5000',
          'x-sim-event-bytes': '2000',
          ...headers,
        },
        body: JSON.stringify(STREAM),
        signal: leaving.signal,
      });
      if (!('x-sim-delay-ms' in headers)) await (await answering).body?.getReader().read();
      leaving.abort();
      await answering.catch(() => undefined);
      expect((await post('chat/completions', HELLO)).status).toBe(200);
    },
  );

  it('within a request do no harm', async () => {
    const { simulator, post } = await startSimulator();
    const socket = connect(simulator.port, '127.0.0.1');
    socket.write('POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{');
    await once(socket, 'connect');
    socket.resetAndDestroy();
    expect((await post('chat/completions', HELLO)).status).toBe(200);
  });
});

describe('errors', () => {
  it('answers a status in the envelope, with retry headers', async () => {
    const { post } = await startSimulator();
    const answer = await post('chat/completions', HELLO, { 'x-sim-status': '429', 'x-sim-retry-after-ms': '1500' });
    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after-ms')).toBe('1500');
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(await answer.json()).toMatchObject({ error: { type: 'requests', code: 'rate_limit_exceeded' } });
  });

  it('answers a status with a page', async () => {
    const { post } = await startSimulator();
    const answer = await post('chat/completions', HELLO, { 'x-sim-status': '502', 'x-sim-error-html': '1' });
    expect(answer.headers.get('content-type')).toBe('text/html');
    expect(await answer.text()).toContain('<h1>502</h1>');
  });

  it('sends an error in the place of an event, and no [DONE]', async () => {
    const { post } = await startSimulator();
    const stream = await (await post('chat/completions', STREAM, { 'x-sim-error-in-stream': '3' })).text();
    const events = eventData(stream);
    expect(events).toHaveLength(4);
    expect(events[3]).toMatchObject({ error: { type: 'server_error', code: 'server_error' } });
    expect(stream).not.toContain('[DONE]');
  });

  it('never answers when it hangs, and still closes', async () => {
    const { simulator } = await startSimulator();
    const hanging = rawAnswer(simulator, { 'x-sim-hang': '1' });
    await expect.poll(() => simulator.requests().length).toBe(1);
    await simulator.close();
    expect(await hanging).toBe('');
  });

  it('forgets a delayed answer when it closes', async () => {
    const { simulator } = await startSimulator();
    const delayed = rawAnswer(simulator, { 'x-sim-delay-ms': '600000' });
    await expect.poll(() => simulator.requests().length).toBe(1);
    await simulator.close();
    expect(await delayed).toBe('');
  });

  it('answers after a delay', async () => {
    const { post } = await startSimulator();
    expect((await post('chat/completions', HELLO, { 'x-sim-delay-ms': '5' })).status).toBe(200);
  });
});
