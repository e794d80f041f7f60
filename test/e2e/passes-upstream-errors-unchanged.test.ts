import { describe, expect, it } from 'vitest';
import { CHAT, onlyRecord, post, postWhole } from '../support/calls.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy } from '../support/start-proxy.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

/** Status, headers beside the content type, body, and the code that the record shall have. */
const REFUSALS: readonly (readonly [number, Readonly<Record<string, string>>, string, string])[] = [
  [400, {}, '{"error":{"message":"bad","type":"invalid_request_error","param":"x","code":"bad_value"}}', 'bad_value'],
  [
    401,
    { 'www-authenticate': 'Bearer' },
    '{"error":{"message":"no","type":"invalid_request_error"}}',
    'invalid_request_error',
  ],
  [404, { 'x-request-id': 'req_7' }, '{"object":"error","message":"no such model","code":404}', 'upstream_error'],
  [
    429,
    { 'retry-after': '3', 'retry-after-ms': '2500' },
    '{"error":{"code":"rate_limit_exceeded"}}',
    'rate_limit_exceeded',
  ],
  [500, { 'x-should-retry': 'true' }, '{ "error" : { "code" : 500, "message" : "oops" } }\n', '500'],
  [503, { 'x-ratelimit-remaining-requests': '0' }, '', 'upstream_error'],
];

describe.each([false, true])('with stream: %s', (stream) => {
  it.each(REFUSALS)('passes a %i as it is', async (status, headers, body, errorCode) => {
    await using upstream = await startFakeUpstream((_request, response) => {
      response.writeHead(status, 'As The Upstream Says', { ...JSON_TYPE, ...headers });
      response.end(body);
    });
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    const answer = await post(proxy, 'chat/completions', { ...CHAT, stream });

    expect(await answer.text()).toBe(body);
    expect([answer.status, answer.statusText]).toEqual([status, 'As The Upstream Says']);
    expect(Object.fromEntries(answer.headers)).toMatchObject({ ...JSON_TYPE, ...headers });
    const added = [...answer.headers.keys()].filter((name) => name === 'x-should-retry' && !(name in headers));
    expect(added).toEqual([]);
    expect(upstream.requests).toHaveLength(1);
    expect(await onlyRecord(proxy)).toMatchObject({
      id: answer.headers.get('x-metertap-request-id'),
      status,
      ending: 'upstream_error',
      error_code: errorCode,
      usage_source: 'missing',
      usage: null,
      cost_usd: null,
      stream,
    });
  });
});

it('passes the HTML of a load balancer as it is', async () => {
  const page = '<html><body><h1>502 Bad Gateway</h1></body></html>';
  await using upstream = await startFakeUpstream((_request, response) => {
    response.writeHead(502, { 'content-type': 'text/html', 'content-length': String(page.length) });
    response.end(page);
  });
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const answer = await postWhole(proxy, 'chat/completions', CHAT);
  expect([answer.status, answer.text]).toEqual([502, page]);
  expect(answer.headers.get('content-type')).toBe('text/html');
  expect(answer.headers.get('content-length')).toBe(String(page.length));
  expect(await onlyRecord(proxy)).toMatchObject({
    status: 502,
    ending: 'upstream_error',
    error_code: 'upstream_error',
    usage_source: 'missing',
    usage: null,
  });
});
