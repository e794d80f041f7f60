import { expect, it } from 'vitest';
import { CHAT, errorOf, onlyRecord, post, postWhole } from '../support/calls.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy } from '../support/start-proxy.ts';

const BODY = '{"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}';

it.each(['announced', 'chunked'])(
  'answers 502 where the upstream cuts a JSON answer, its length %s',
  async (length) => {
    await using upstream = await startFakeUpstream((_request, response) => {
      const announced = length === 'announced' ? { 'content-length': String(BODY.length) } : {};
      response.writeHead(200, { 'content-type': 'application/json', ...announced });
      response.write(BODY.slice(0, 40), () => response.socket?.destroy());
    });
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    const answer = await postWhole(proxy, 'chat/completions', CHAT);
    expect(answer.status).toBe(502);
    expect(errorOf(answer.text)).toMatchObject({ type: 'server_error', code: 'upstream_cut' });
    expect(await onlyRecord(proxy)).toMatchObject({
      status: 502,
      ending: 'upstream_cut',
      error_code: 'upstream_cut',
      usage_source: 'estimated',
    });
  },
);

it('answers 504 where the upstream falls silent in a JSON answer', async () => {
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(BODY.length) });
    response.write(BODY.slice(0, 40));
  });
  const yaml = `upstreams: [{ name: slow, base_url: "${upstream.url}", timeouts: { idle_ms: 100 } }]`;
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
  const answer = await postWhole(proxy, 'chat/completions', CHAT);
  expect(answer.status).toBe(504);
  expect(errorOf(answer.text)).toMatchObject({ type: 'server_error', code: 'upstream_timeout' });
  expect(await onlyRecord(proxy)).toMatchObject({ status: 504, ending: 'timed_out', usage_source: 'estimated' });
});

it('cuts the client where the upstream cuts an answer that is no JSON', async () => {
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': '1000' });
    response.write('ID3', () => response.socket?.destroy());
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const answer = await post(proxy, 'audio/speech', { model: 'tts-1', input: 'x', voice: 'alloy' });
  expect(answer.status).toBe(200);
  await expect(answer.arrayBuffer()).rejects.toThrow();
  expect(await onlyRecord(proxy)).toMatchObject({ status: 200, ending: 'upstream_cut', usage_source: 'missing' });
});
