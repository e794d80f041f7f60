import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulator, type Simulator } from '../../src/simulator/server.ts';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

/** A proxy of which nobody has configured a price: what calls cost comes from the bundled book. */
const COUNTS = {
  'x-sim-input-tokens': '1200',
  'x-sim-cached-tokens': '1024',
  'x-sim-output-tokens': '300',
};
/** 176 × 0.25 + 1,024 × 0.025 + 300 × 2 USD per million tokens. */
const COST_USD = '0.000669600';

let simulator: Simulator;

beforeAll(async () => {
  simulator = await createSimulator({ port: 0, models: ['gpt-5-mini', 'gpt-4o-mini', 'our-own'] });
});

afterAll(() => simulator.close());

function post(proxy: TestProxy, body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${proxy.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hello.' }], ...body }),
  });
}

async function sampleOf(proxy: TestProxy, name: string): Promise<string[]> {
  const text = await (await fetch(`${proxy.url}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(`metertap_${name}`));
}

describe('a model of the book', () => {
  it('has a cost in the answer, in the record, in its run and in the metrics', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    const answer = await post(proxy, { model: 'gpt-5-mini' }, { ...COUNTS, 'x-metertap-run-id': 'nightly' });
    expect(asRecord(await answer.json())['model']).toBe('gpt-5-mini-2026-02-01');
    expect(answer.headers.get('x-metertap-cost-usd')).toBe(COST_USD);

    expect(await proxy.records()).toMatchObject([
      { upstream: 'openai', cost_usd: COST_USD, cost_nano_usd: 669_600, price_id: 'openai/gpt-5-mini~book' },
    ]);
    expect(await proxy.ask('/api/v1/runs/nightly')).toMatchObject({ cost_usd: COST_USD, cost_complete: true });
    const [costs] = await sampleOf(proxy, 'cost_usd_total');
    expect(costs).toContain('model="gpt-5-mini"');
    expect(await sampleOf(proxy, 'unpriced_requests_total')).toEqual(['metertap_unpriced_requests_total 0']);
  });

  it('has a cost in a stream too', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    await (await post(proxy, { model: 'gpt-5-mini', stream: true }, COUNTS)).text();
    expect(await proxy.records()).toMatchObject([{ cost_usd: COST_USD, price_id: 'openai/gpt-5-mini~book' }]);
  });

  it('costs what the tier costs that the answer names', async () => {
    await using upstream = await startFakeUpstream((_request, response) =>
      answerJson(response, {
        id: 'chatcmpl-1',
        object: 'chat.completion',
        model: 'gpt-5-mini-2025-08-07',
        service_tier: 'flex',
        choices: [],
        usage: { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 },
      }),
    );
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    await (await post(proxy, { model: 'gpt-5-mini', service_tier: 'flex' })).text();
    // 1,000 × 0.125 + 100 × 1 USD per million tokens.
    expect(await proxy.records()).toMatchObject([{ service_tier: 'flex', cost_usd: '0.000225000' }]);
  });

  it('costs what the configuration says, where it says something', async () => {
    const yaml = `prices: [{ provider: openai, model: gpt-5-mini, input_per_mtok: "1", output_per_mtok: "0" }]`;
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml });
    await (await post(proxy, { model: 'gpt-5-mini' }, COUNTS)).text();
    await (await post(proxy, { model: 'gpt-4o-mini' }, COUNTS)).text();
    expect(await proxy.records()).toMatchObject([
      { cost_usd: '0.001200000', price_id: 'openai/gpt-5-mini' },
      { cost_usd: '0.000283200', price_id: 'openai/gpt-4o-mini~book' },
    ]);
  });
});

describe('what the book does not know', () => {
  it('is unpriced and counted', async () => {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
    const answer = await post(proxy, { model: 'our-own' }, { ...COUNTS, 'x-metertap-run-id': 'nightly' });
    await answer.text();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-metertap-cost-usd')).toBeNull();
    expect(await proxy.records()).toMatchObject([{ cost_usd: null, cost_nano_usd: null, price_id: null }]);
    expect(await proxy.ask('/api/v1/runs/nightly')).toMatchObject({ cost_complete: false });
    expect(await sampleOf(proxy, 'unpriced_requests_total')).toEqual(['metertap_unpriced_requests_total 1']);
    const [calls] = await sampleOf(proxy, 'requests_total');
    expect(calls).toContain('model="other"');
  });

  it('is every model of an upstream of which nobody knows whose prices hold', async () => {
    const yaml = `upstreams: [{ name: local, base_url: ${JSON.stringify(simulator.baseUrl)} }]`;
    await using proxy = await startProxy({ upstreamUrl: '', yaml });
    await (await post(proxy, { model: 'gpt-5-mini' }, COUNTS)).text();
    expect(await proxy.records()).toMatchObject([{ upstream: 'local', cost_usd: null, price_id: null }]);
  });

  it('is refused where the configuration says so, and known models are not', async () => {
    const yaml = 'limits: { unpriced_models: refuse }';
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml });
    const refused = await post(proxy, { model: 'our-own' });
    expect([refused.status, asRecord(asRecord(await refused.json())['error'])['code']]).toEqual([
      403,
      'unpriced_model',
    ]);
    expect((await post(proxy, { model: 'gpt-5-mini' })).status).toBe(200);
  });
});

it('GET /api/v1/prices says which row would apply', async () => {
  await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl });
  expect(await proxy.ask('/api/v1/prices?model=gpt-5-mini')).toMatchObject({
    upstream: 'openai',
    source: 'book',
    price: {
      id: 'openai/gpt-5-mini~book',
      input_per_mtok: '0.25',
      service_tiers: { flex: { input_per_mtok: '0.125' } },
    },
    book: { sources: ['genai-prices', 'litellm'] },
  });
  expect(await proxy.ask('/api/v1/prices?model=our-own&upstream=openai')).toMatchObject({
    source: 'none',
    price: null,
  });
});
