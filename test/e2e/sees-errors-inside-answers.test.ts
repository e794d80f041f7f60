import { expect, it } from 'vitest';
import { CHAT, onlyRecord, postWhole } from '../support/calls.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy } from '../support/start-proxy.ts';

const CONTENT = '{"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hel"}}]}';
const ERROR = '{"error":{"message":"the engine is overloaded","type":"server_error","param":null,"code":"overloaded"}}';
const USAGE = '{"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}';

const STREAMS: readonly (readonly [string, string, string | null, number | null])[] = [
  ['as data', `data: ${CONTENT}\n\ndata: ${ERROR}\n\n`, 'overloaded', null],
  ['as an event of its own', `data: ${CONTENT}\n\nevent: error\ndata: ${ERROR}\n\n`, 'overloaded', null],
  ['before the usage', `data: ${ERROR}\n\ndata: ${USAGE}\n\ndata: [DONE]\n\n`, 'overloaded', 6],
];

it.each(STREAMS)('tells an error in a stream %s from a good answer', async (_where, stream, code, total) => {
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(stream);
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const asked = { ...CHAT, stream: true, stream_options: { include_usage: true } };
  const answer = await postWhole(proxy, 'chat/completions', asked);
  expect([answer.status, answer.text]).toEqual([200, stream]);
  const record = await onlyRecord(proxy);
  expect(record).toMatchObject({ status: 200, ending: 'upstream_error', error_code: code });
  expect(record['usage_source']).toBe(total === null ? 'missing' : 'reported');
  expect(record['usage']).toEqual(total === null ? null : expect.objectContaining({ total_tokens: total }));
});

it('tells response.failed in a stream of the Responses API', async () => {
  const failed = {
    type: 'response.failed',
    response: { id: 'resp_f', status: 'failed', model: 'gpt-5-mini', usage: null, error: { code: 'server_error' } },
  };
  const stream = `event: response.failed\ndata: ${JSON.stringify(failed)}\n\n`;
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(stream);
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const answer = await postWhole(proxy, 'responses', { model: 'gpt-5-mini', input: 'x', stream: true });
  expect(answer.text).toBe(stream);
  expect(await onlyRecord(proxy)).toMatchObject({
    ending: 'upstream_error',
    error_code: 'server_error',
    upstream_id: 'resp_f',
    usage_source: 'missing',
  });
});

it('tells an error in a JSON answer of status 200', async () => {
  const body = `{"id":"x",${ERROR.slice(1)}`;
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(body);
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const answer = await postWhole(proxy, 'chat/completions', CHAT);
  expect([answer.status, answer.text]).toEqual([200, body]);
  expect(await onlyRecord(proxy)).toMatchObject({
    status: 200,
    ending: 'upstream_error',
    error_code: 'overloaded',
    usage_source: 'missing',
    usage: null,
  });
});
