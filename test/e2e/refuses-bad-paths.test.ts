import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHAT, CLIENT_KEY, errorOf, onlyRecord, post, postWhole } from '../support/calls.ts';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, type RawAnswer, rawRequest, readRawAnswer } from '../support/raw-client.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

let upstream: FakeUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'x', data: [] }));
  proxy = await startProxy({ upstreamUrl: upstream.url });
});

afterAll(async () => {
  await proxy.close();
  await upstream.close();
});

/** Asks with a first line as it stands, which an HTTP client would tidy up. */
async function ask(method: string, target: string, headers: readonly string[] = []): Promise<RawAnswer> {
  await using client = await connectRaw(proxy.url);
  const lines = [`${method} ${target} HTTP/1.1`, 'host: x', `authorization: Bearer ${CLIENT_KEY}`, 'connection: close'];
  client.send(rawRequest([...lines, ...headers], method === 'POST' ? JSON.stringify(CHAT) : ''));
  return readRawAnswer(await client.closed());
}

async function expectNotForwarded(answer: RawAnswer, status: number, code: string): Promise<void> {
  expect([answer.status, errorOf(answer.body)]).toMatchObject([status, { type: 'invalid_request_error', code }]);
  expect(answer.headers.get('x-metertap-request-id')).toMatch(/^[0-9A-Z]{26}$/);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(upstream.requests).toEqual([]);
  expect(await proxy.records()).toEqual([]);
}

describe('answers 404 unknown_url to', () => {
  it.each([
    '/',
    '/v2/models',
    '/v1',
    '/V1/models',
    '/v1x/models',
    '/chat/completions',
    '/run/a/models',
    '/run/a/v2/models',
  ])('GET %s', async (target) => {
    await expectNotForwarded(await ask('GET', target), 404, 'unknown_url');
    await expectNotForwarded(await ask('POST', target), 404, 'unknown_url');
  });

  it.each(['PROPFIND', 'MKCOL', 'SEARCH', 'LINK', 'M-SEARCH'])('the method %s', async (method) => {
    await expectNotForwarded(await ask(method, '/v1/models'), 404, 'unknown_url');
  });

  it.each([
    '/v1/../admin',
    '/v1/chat/../../admin',
    '/v1/..',
    '/v1/.',
    '/v1/./models',
    '/v1/%2e%2e/admin',
    '/v1/%2E%2E/admin',
    '/v1/.%2e/admin',
    '/v1/files/%2e%2e%2f%2e%2e%2fadmin',
    '/v1/files/..%2fmodels',
    '/v1/files/..%5cmodels',
    '/v1/files/..\\..\\admin',
    '/run/a/v1/../../admin',
    '/run/a/v1/%2e%2e/admin',
  ])('GET %s, which would leave /v1/', async (target) => {
    await expectNotForwarded(await ask('GET', target), 404, 'unknown_url');
    await expectNotForwarded(await ask('POST', target), 404, 'unknown_url');
  });

  it.each([
    '/v1/organization',
    '/v1/organization/usage',
    '/v1/organization/invites',
    '/v1//organization/costs',
    '/v1/organization%2Fcosts',
    '/v1/%6frganization/groups',
    '/v1/organization/../models',
    '/run/a/v1/organization/costs',
  ])('%s, which Metertap answers itself', async (target) => {
    await expectNotForwarded(await ask('GET', target), 404, 'unknown_url');
    await expectNotForwarded(await ask('POST', target), 404, 'unknown_url');
  });
});

it.each(['/v1/%zz', '/v1/files/%E0%A4%A', '/run/%zz/v1/models'])('answers 400 to %s', async (target) => {
  const answer = await ask('GET', target);
  expect(['malformed_request', 'invalid_attribution']).toContain(errorOf(answer.body)['code']);
  await expectNotForwarded(answer, 400, String(errorOf(answer.body)['code']));
});

it('counts what the router refuses among the refusals', async () => {
  await ask('GET', '/v1/%zz');
  const metrics = await (await fetch(`${proxy.url}/metrics`)).text();
  expect(metrics).toMatch(/metertap_refused_total\{code="malformed_request"\} [1-9]/);
});

describe('a WebSocket upgrade', () => {
  const UPGRADE = ['sec-websocket-version: 13', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='];

  it.each(['/v1/responses', '/v1/realtime?model=gpt-realtime', '/run/a/v1/responses'])(
    'of %s is answered 426',
    async (target) => {
      await using client = await connectRaw(proxy.url);
      const lines = [`GET ${target} HTTP/1.1`, 'host: x', 'connection: Upgrade', 'upgrade: websocket', ...UPGRADE];
      client.send(rawRequest([...lines, `authorization: Bearer ${CLIENT_KEY}`]));
      const answer = readRawAnswer(await client.until('websocket_not_supported'));
      await expectNotForwarded(answer, 426, 'websocket_not_supported');
    },
  );
});

describe('forwards', () => {
  async function expectForwarded(answer: RawAnswer, method: string, target: string): Promise<void> {
    expect(answer.status).toBe(200);
    const received = upstream.requests.at(-1);
    expect([received?.method, received?.url]).toEqual([method, target]);
  }

  it('what offers to upgrade to h2c, as HTTP/1.1', async () => {
    const offer = ['connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAABkAAQCAAAAAAIAAAAA'];
    await using client = await connectRaw(proxy.url);
    client.send(rawRequest(['GET /v1/models HTTP/1.1', 'host: x', `authorization: Bearer ${CLIENT_KEY}`, ...offer]));
    const answer = readRawAnswer(await client.until('"data":[]'));
    await expectForwarded(answer, 'GET', '/v1/models');
    const received = upstream.requests.at(-1)?.headers ?? {};
    expect([received.upgrade, received['http2-settings']]).toEqual([undefined, undefined]);
  });

  it.each([
    ['GET', '/v1/models?limit=2&after=%2e%2e'],
    ['DELETE', '/v1/files/file-1'],
    ['OPTIONS', '/v1/models'],
    ['GET', '/v1/files/a%2Fb'],
    ['GET', '/v1/files/a..b'],
    ['GET', '/v1/'],
    ['PATCH', '/v1/somewhere/new'],
    ['PUT', '/v1/somewhere/new'],
  ])('%s %s as it is written', async (method, target) => {
    await expectForwarded(await ask(method, target), method, target);
  });

  it('HEAD, whose answer has no body', async () => {
    const answer = await fetch(`${proxy.baseUrl}/models`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${CLIENT_KEY}` },
    });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    expect(upstream.requests.at(-1)?.method).toBe('HEAD');
  });
});

describe('an unknown POST', () => {
  it('is forwarded, and recorded without usage and counted as unmetered', async () => {
    await using own = await startProxy({ upstreamUrl: upstream.url });
    const answer = await postWhole(own, 'brand/new/endpoint', { model: 'gpt-5-mini', x: 1 });
    expect(answer.status).toBe(200);
    expect(await onlyRecord(own)).toMatchObject({
      ending: 'completed',
      request_model: 'gpt-5-mini',
      usage_source: 'missing',
      usage: null,
      cost_usd: null,
    });
    const metrics = await (await fetch(`${own.url}/metrics`)).text();
    expect(metrics).toMatch(/^metertap_unmetered_requests_total 1$/m);
    expect(metrics).not.toMatch(/^metertap_usage_missing_total\{[^}]*\} [1-9]/m);
  });

  it.each(['POST', 'PUT', 'PATCH'])('is refused by setting (%s)', async (method) => {
    await using own = await startProxy({ upstreamUrl: upstream.url, yaml: 'unknown_endpoints: refuse' });
    const before = upstream.requests.length;
    const answer = await fetch(`${own.baseUrl}/brand/new`, {
      method,
      headers: { authorization: `Bearer ${CLIENT_KEY}` },
      body: '{}',
    });
    expect(answer.status).toBe(403);
    expect(answer.headers.get('x-should-retry')).toBe('false');
    expect(errorOf(await answer.text())).toMatchObject({ type: 'invalid_request_error', code: 'endpoint_not_allowed' });
    expect(upstream.requests).toHaveLength(before);
    expect((await post(own, 'files', '{}')).status).toBe(200);
    expect(await own.records()).toEqual([]);
  });
});

it.each(['/v1/chat/completions/', '/v1//chat/completions', '/v1/chat%2Fcompletions', '/v1/chat/completion%73'])(
  'meters %s, however it is spelled',
  async (target) => {
    await using own = await startProxy({ upstreamUrl: upstream.url });
    await using client = await connectRaw(own.url);
    const lines = [`POST ${target} HTTP/1.1`, 'host: x', `authorization: Bearer ${CLIENT_KEY}`, 'connection: close'];
    client.send(rawRequest(lines, JSON.stringify(CHAT)));
    await client.closed();
    expect(upstream.requests.at(-1)?.url).toBe(target);
    expect(await onlyRecord(own)).toMatchObject({ endpoint: 'chat/completions', request_model: 'gpt-5-mini' });
  },
);
