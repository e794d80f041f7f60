import OpenAI, { APIError } from 'openai';
import { describe, expect, it } from 'vitest';
import { type AnswerScript, startFakeUpstream } from '../support/fake-upstream.ts';
import { asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

const yamlOf = (rule: string) => `
keys: [{ id: ci, team: research, key: a-key-of-the-file-1 }]
teams: [{ id: research, limits: [${rule}] }]
log: { level: warn }
`;

const chatChunk = (content: string) =>
  JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    model: 'gpt-5-mini',
    choices: [{ index: 0, delta: { content }, finish_reason: null }],
  });
const responseDelta = (delta: string) =>
  JSON.stringify({ type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, content_index: 0, delta });

/** Streams a token at a time until the other side goes away. */
function endless(event: (text: string) => string, seen: { aborted: boolean }): AnswerScript {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let count = 0;
    const timer = setInterval(() => {
      // Several events and a half in one write: the network cuts where it likes.
      const text = Array.from({ length: 5 }, () => event(` word${count++}`)).join('');
      response.write(text);
    }, 1);
    response.on('close', () => {
      seen.aborted = true;
      clearInterval(timer);
    });
  };
}

function clientOf(proxy: TestProxy): OpenAI {
  return new OpenAI({ baseURL: proxy.baseUrl, apiKey: 'a-key-of-the-file-1', maxRetries: 0 });
}

describe('a hard limit', () => {
  it('ends a chat stream with an error that the SDK raises, and the record says so', async () => {
    const seen = { aborted: false };
    await using upstream = await startFakeUpstream(endless((text) => `data: ${chatChunk(text)}\n\n`, seen));
    await using proxy = await startProxy({
      upstreamUrl: upstream.url,
      yaml: `${yamlOf('{ output_tokens: 5000, per: day, hard: true }')}\nlimits: { assumed_output_tokens: 100 }`,
    });
    const stream = await clientOf(proxy).chat.completions.create({
      model: 'gpt-5-mini',
      messages: [{ role: 'user', content: 'go on for ever' }],
      stream: true,
    });
    let chunks = 0;
    const failure = await (async () => {
      for await (const _chunk of stream) chunks++;
    })().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(APIError);
    expect(failure).toMatchObject({ code: 'rate_limit_exceeded', type: 'tokens' });
    expect(chunks).toBeGreaterThan(2_000);
    expect(chunks).toBeLessThanOrEqual(5_000);
    await expect.poll(() => seen.aborted).toBe(true);
    const [record] = await proxy.records();
    expect(record).toMatchObject({
      ending: 'interrupted',
      error_code: 'rate_limit_exceeded',
      usage_source: 'estimated',
    });
    expect(Number(asRecord(record?.['usage'])['output_tokens'])).toBeGreaterThan(0);
  });

  it('ends a stream of the Responses API in its own words', async () => {
    const seen = { aborted: false };
    const event = (text: string) => `event: response.output_text.delta\ndata: ${responseDelta(text)}\n\n`;
    await using upstream = await startFakeUpstream(endless(event, seen));
    await using proxy = await startProxy({
      upstreamUrl: upstream.url,
      yaml: `${yamlOf('{ tokens: 1000, per: run, hard: true }')}\nlimits: { assumed_output_tokens: 10 }`,
    });
    const stream = await clientOf(proxy).responses.create(
      { model: 'gpt-5-mini', input: 'go on for ever', stream: true },
      { headers: { 'x-metertap-run-id': 'endless' } },
    );
    const failure = await (async () => {
      for await (const _event of stream);
    })().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(APIError);
    expect(failure).toMatchObject({ code: 'run_limit_exceeded', type: 'insufficient_quota' });
    await expect.poll(() => seen.aborted).toBe(true);
    const [record] = await proxy.records();
    expect(record).toMatchObject({ ending: 'interrupted', error_code: 'run_limit_exceeded', run_id: 'endless' });
  });

  it('leaves a stream alone that stays within it, byte for byte', async () => {
    const events = [chatChunk(''), chatChunk('Hello'), chatChunk(' you'), '[DONE]'].map((data) => `data: ${data}\n\n`);
    await using upstream = await startFakeUpstream((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(events.join(''));
    });
    await using proxy = await startProxy({
      upstreamUrl: upstream.url,
      yaml: `${yamlOf('{ output_tokens: 5000, per: day, hard: true }')}\nlimits: { assumed_output_tokens: 100 }`,
    });
    const answer = await fetch(`${proxy.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer a-key-of-the-file-1', 'content-type': 'application/json' },
      body: '{"model":"gpt-5-mini","stream":true,"messages":[]}',
    });
    expect(await answer.text()).toBe(events.join(''));
  });
});
