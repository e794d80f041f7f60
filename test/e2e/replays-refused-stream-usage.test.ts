import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { CHAT, postWhole } from '../support/calls.ts';
import { answerJson, type ReceivedRequest, startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy } from '../support/start-proxy.ts';

const STREAM = 'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\ndata: [DONE]\n\n';
const ASKED = { ...CHAT, stream: true };
const REFUSAL = { error: { message: "Unrecognized argument: 'stream_options'", type: 'invalid_request_error' } };

/** Takes streams that are not asked for their usage, and refuses the others with `status`. */
function refusing(status: number) {
  return (request: ReceivedRequest, response: ServerResponse) => {
    if (request.body.includes('stream_options')) {
      answerJson(response, REFUSAL, status);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(STREAM);
  };
}

it.each([400, 422])('asks once more without it where the answer is %i, and remembers that', async (status) => {
  await using upstream = await startFakeUpstream(refusing(status));
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const first = await postWhole(proxy, 'chat/completions', ASKED);
  expect([first.status, first.text]).toEqual([200, STREAM]);
  expect(upstream.requests.map((request) => request.body.includes('stream_options'))).toEqual([true, false]);
  expect(upstream.requests[1]?.body.toString()).toBe(JSON.stringify(ASKED));

  const second = await postWhole(proxy, 'chat/completions', ASKED);
  expect([second.status, second.text]).toEqual([200, STREAM]);
  expect(upstream.requests).toHaveLength(3);
  expect(upstream.requests[2]?.body.toString()).toBe(JSON.stringify(ASKED));
  const records = await proxy.records();
  expect(records).toHaveLength(2);
  expect(records).toMatchObject([
    { status: 200, ending: 'completed', usage_source: 'estimated' },
    { status: 200, ending: 'completed', usage_source: 'estimated' },
  ]);
});

it('remembers it for that model of that upstream only', async () => {
  await using strict = await startFakeUpstream(refusing(400));
  await using other = await startFakeUpstream(refusing(400));
  const yaml = `upstreams:
  - { name: strict, base_url: "${strict.url}", models: ["a*"] }
  - { name: other, base_url: "${other.url}", models: ["b*"] }`;
  await using proxy = await startProxy({ upstreamUrl: strict.url, yaml });
  for (const model of ['a1', 'a1', 'a2', 'b1']) await postWhole(proxy, 'chat/completions', { ...ASKED, model });
  const askedModels = (requests: readonly ReceivedRequest[]) =>
    requests
      .filter((request) => request.body.includes('stream_options'))
      .map((request) => /"model":"(\w+)"/.exec(request.body.toString())?.[1]);
  expect(askedModels(strict.requests)).toEqual(['a1', 'a2']);
  expect(askedModels(other.requests)).toEqual(['b1']);
});

describe('is not done', () => {
  it('for a 400 with another reason, which passes unchanged', async () => {
    const refusal = { error: { message: 'max_tokens is too large', type: 'invalid_request_error', code: 'too_large' } };
    await using upstream = await startFakeUpstream((_request, response) => answerJson(response, refusal, 400));
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    const answer = await postWhole(proxy, 'chat/completions', ASKED);
    expect([answer.status, answer.text]).toEqual([400, JSON.stringify(refusal)]);
    expect(upstream.requests).toHaveLength(1);
    await postWhole(proxy, 'chat/completions', ASKED);
    expect(upstream.requests[1]?.body.includes('stream_options')).toBe(true);
    expect(await proxy.records()).toMatchObject([{ error_code: 'too_large' }, { error_code: 'too_large' }]);
  });

  it('for a client that itself asked: it gets the 400 of the upstream', async () => {
    await using upstream = await startFakeUpstream(refusing(400));
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    const body = { ...ASKED, stream_options: { include_usage: true } };
    const answer = await postWhole(proxy, 'chat/completions', body);
    expect([answer.status, answer.text]).toEqual([400, JSON.stringify(REFUSAL)]);
    expect(upstream.requests).toHaveLength(1);
    expect(await proxy.records()).toMatchObject([{ status: 400, ending: 'upstream_error' }]);
  });

  it('for a server error that names the field', async () => {
    await using upstream = await startFakeUpstream((_request, response) => answerJson(response, REFUSAL, 500));
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    expect((await postWhole(proxy, 'chat/completions', ASKED)).status).toBe(500);
    expect(upstream.requests).toHaveLength(1);
  });
});

it('remembers nothing where the refusal only quotes the request', async () => {
  // FastAPI answers 422 with the whole body as `input`, whatever was wrong with it.
  await using upstream = await startFakeUpstream((request, response) => {
    const input: unknown = JSON.parse(request.body.toString());
    if (request.body.includes('"bad"')) {
      answerJson(response, { detail: [{ loc: ['body', 'tools'], msg: 'Field required', input }] }, 422);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(STREAM);
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const bad = await postWhole(proxy, 'chat/completions', { ...ASKED, bad: true });
  expect(bad.status).toBe(422);
  expect(bad.text).not.toContain('stream_options');
  await postWhole(proxy, 'chat/completions', ASKED);
  expect(upstream.requests.at(-1)?.body.includes('stream_options')).toBe(true);
});
