import { describe, expect, it } from 'vitest';
import { CHAT, CLIENT_KEY, get, postWhole } from '../support/calls.ts';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy } from '../support/start-proxy.ts';

const OURS = {
  'x-metertap-run-id': 'r',
  'x-metertap-parent-run-id': 'p',
  'x-metertap-session-id': 's',
  'x-metertap-agent': 'a',
  'x-metertap-user': 'u',
  'x-metertap-tags': 'a=b',
  'x-metertap-anything': 'x',
  'x-run-id': 'r',
  'x-parent-run-id': 'p',
};
const GATEWAYS = {
  'x-litellm-session-id': 's',
  'x-litellm-api-key': 'secret',
  'x-portkey-trace-id': 't',
  'x-portkey-api-key': 'secret',
  'x-tfy-metadata': '{}',
  'helicone-auth': 'Bearer secret',
  'helicone-property-app': 'shop',
  'cf-aig-metadata': '{}',
  'cf-aig-authorization': 'Bearer secret',
  baggage: 'user=jane',
};
const TRACE = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'a=b',
};
const KEPT = {
  'user-agent': 'OpenAI/JS 7.57.0',
  'x-stainless-retry-count': '0',
  'openai-beta': 'assistants=v2',
  'openai-organization': 'org-1',
  'x-session-id': 's',
  'x-request-id': 'mine',
  'idempotency-key': 'k',
  'accept-language': '*',
};

const METHODS = ['POST', 'GET'] as const;
const KEY = 'a-key-of-metertap-01';

describe.each(METHODS)('%s', (method) => {
  async function forwarded(yaml: string, headers: Readonly<Record<string, string>>) {
    await using upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'c1' }));
    const upstreams = `upstreams: [{ name: up, base_url: "${upstream.url}", api_key: sk-of-the-upstream }]`;
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml: `${upstreams}\n${yaml}` });
    const path = method === 'GET' ? 'models' : 'chat/completions';
    const answer = await fetch(`${proxy.baseUrl}/${path}`, {
      method,
      headers,
      body: method === 'GET' ? null : JSON.stringify(CHAT),
    });
    expect(answer.status).toBe(200);
    const [request] = upstream.requests;
    if (request === undefined) throw new Error('nothing was forwarded');
    return request;
  }

  it('never forwards its own headers nor those of other gateways', async () => {
    const { headers } = await forwarded('', { authorization: `Bearer ${CLIENT_KEY}`, ...OURS, ...GATEWAYS, ...TRACE });
    const leaked = Object.keys({ ...OURS, ...GATEWAYS, ...TRACE }).filter((name) => name in headers);
    expect(leaked).toEqual([]);
  });

  it('forwards every other header', async () => {
    const { headers } = await forwarded('', { authorization: `Bearer ${CLIENT_KEY}`, ...KEPT });
    expect(headers).toMatchObject(KEPT);
  });

  it.each([
    ['authorization', `Bearer ${CLIENT_KEY}`],
    ['api-key', CLIENT_KEY],
    ['x-api-key', CLIENT_KEY],
  ])('leaves the credential in %s untouched in passthrough mode', async (name, value) => {
    const { headers } = await forwarded('', { [name]: value });
    expect(headers[name]).toBe(value);
    if (name !== 'authorization') expect(headers.authorization).toBeUndefined();
    expect(JSON.stringify(headers)).not.toContain('sk-of-the-upstream');
  });

  it.each([
    ['authorization', `Bearer ${KEY}`],
    ['api-key', KEY],
    ['x-api-key', KEY],
  ])("puts the upstream's key in the place of the one in %s in keys mode", async (name, value) => {
    const { headers, rawHeaders } = await forwarded(`keys: [{ id: ci, team: t, key: ${KEY} }]`, { [name]: value });
    expect(headers.authorization).toBe('Bearer sk-of-the-upstream');
    expect(rawHeaders.join('\n')).not.toContain(KEY);
    expect([headers['api-key'], headers['x-api-key']]).toEqual([undefined, undefined]);
  });

  it('forwards no second credential beside the one that counts in keys mode', async () => {
    const { rawHeaders } = await forwarded(`keys: [{ id: ci, team: t, key: ${KEY} }]`, {
      authorization: `Bearer ${KEY}`,
      'api-key': 'another-secret',
      'x-api-key': 'another-secret',
    });
    expect(rawHeaders.join('\n')).not.toContain('another-secret');
  });
});

it('forwards no credential in keys mode where the upstream has none', async () => {
  await using upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'c1' }));
  const yaml = `keys: [{ id: ci, team: t, key: ${KEY} }]`;
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
  expect((await get(proxy, 'models', KEY)).status).toBe(200);
  expect(upstream.requests[0]?.headers.authorization).toBeUndefined();
});

it('forwards trace headers where that is set', async () => {
  await using upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'c1' }));
  const yaml = `upstreams: [{ name: up, base_url: "${upstream.url}", forward_trace_headers: true }]`;
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
  await postWhole(proxy, 'chat/completions', CHAT, { headers: TRACE });
  expect(upstream.requests[0]?.headers).toMatchObject(TRACE);
});
