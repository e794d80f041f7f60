import type { ServerResponse } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, type RawClient, rawRequest } from '../support/raw-client.ts';
import { startProxy } from '../support/start-proxy.ts';

/** More than may be open before the end of a stream waits for its record together with what comes with it. */
const CLIENTS = 12;
const REQUEST = rawRequest(
  ['POST /v1/chat/completions HTTP/1.1', 'host: x', 'authorization: Bearer sk-c', 'content-type: application/json'],
  '{"model":"m","stream":true}',
);
const event = (rest: string) => `data: {"id":"c","model":"m",${rest}}\n\n`;
const CHOICE = '"choices":[{"index":0,"delta":{"content":"one"}}]';
const USAGE = '"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}';
const SENT = `${event(`${CHOICE},"usage":null`)}${event(USAGE)}data: [DONE]\n\n`;
const RECEIVED = `${event(CHOICE)}data: [DONE]\n\n`;

/** Lets every client ask, and answers none before all have. */
async function askAll(url: string, answers: readonly ServerResponse[]): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connectRaw(url)));
  for (const client of clients) client.send(REQUEST);
  await vi.waitFor(() => expect(answers.length).toBe(CLIENTS), { timeout: 15_000 });
  return clients;
}

function answerAll(answers: readonly ServerResponse[]): void {
  for (const answer of answers) answer.writeHead(200, { 'content-type': 'text/event-stream' }).end(SENT);
}

/** The body of a chunked answer without its frames, which may be cut anywhere. */
function unframed(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4).replace(/(?:^|\r\n)[0-9a-f]+\r\n(?:\r\n)?/g, '');
}

describe('many streams that come at once', () => {
  it('reach their clients as they would one by one, each with a record', async () => {
    const answers: ServerResponse[] = [];
    await using upstream = await startFakeUpstream((_request, response) => void answers.push(response));
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    const clients = await askAll(proxy.url, answers);
    answerAll(answers);
    for (const client of clients) {
      const answer = await client.until('\r\n0\r\n\r\n');
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(unframed(answer)).toBe(RECEIVED);
    }
    const records = await proxy.records();
    expect(records.map(({ ending, usage_source: source }) => [ending, source])).toEqual(
      Array(CLIENTS).fill(['completed', 'reported']),
    );
    for (const client of clients) client.leave();
  });
});
