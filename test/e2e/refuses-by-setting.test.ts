import { expect, it } from 'vitest';
import { CHAT, errorOf, get, postWhole } from '../support/calls.ts';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

const ANSWER = { id: 'c1', choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly param: string | null;
}

async function expectRefused(proxy: TestProxy, body: object, refusal: Refusal): Promise<void> {
  const answer = await postWhole(proxy, 'chat/completions', body);
  const { status, code, param } = refusal;
  expect([answer.status, errorOf(answer.text)]).toMatchObject([status, { type: 'invalid_request_error', param, code }]);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(answer.headers.get('x-metertap-request-id')).toMatch(/^[0-9A-Z]{26}$/);
}

it('answers 404 model_not_found where no upstream has the model', async () => {
  await using upstream = await startFakeUpstream((_request, response) => answerJson(response, ANSWER));
  const yaml = `upstreams: [{ name: a, base_url: "${upstream.url}", models: ["gpt-*"] }]`;
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
  await expectRefused(proxy, { ...CHAT, model: 'llama' }, { status: 404, code: 'model_not_found', param: 'model' });
  expect(upstream.requests).toEqual([]);
  expect((await postWhole(proxy, 'chat/completions', CHAT)).status).toBe(200);
  expect(await proxy.records()).toHaveLength(1);
});

it('answers 403 unpriced_model with unpriced_models: refuse', async () => {
  await using upstream = await startFakeUpstream((_request, response) => answerJson(response, ANSWER));
  const yaml = `upstreams: [{ name: a, base_url: "${upstream.url}" }]
limits: { unpriced_models: refuse }
prices: [{ provider: a, model: "priced-*", input_per_mtok: "1", output_per_mtok: "2" }]`;
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
  await expectRefused(proxy, { ...CHAT, model: 'else' }, { status: 403, code: 'unpriced_model', param: 'model' });
  expect(upstream.requests).toEqual([]);
  expect((await postWhole(proxy, 'chat/completions', { ...CHAT, model: 'priced-1' })).status).toBe(200);
  expect((await get(proxy, 'models')).status).toBe(200);
  expect(await proxy.records()).toMatchObject([{ request_model: 'priced-1', cost_usd: '0.000003000' }]);
});

it('answers 403 run_id_required with attribution.require_run_id', async () => {
  await using upstream = await startFakeUpstream((_request, response) => answerJson(response, ANSWER));
  const yaml = 'attribution: { require_run_id: true }';
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
  await expectRefused(proxy, CHAT, { status: 403, code: 'run_id_required', param: 'x-metertap-run-id' });
  expect(upstream.requests).toEqual([]);
  const carriers = [
    { headers: { 'x-metertap-run-id': 'a' } },
    { headers: { 'x-run-id': 'b' } },
    { base: '/run/c/v1' },
  ] as const;
  for (const carrier of carriers) {
    expect((await postWhole(proxy, 'chat/completions', CHAT, carrier)).status).toBe(200);
  }
  expect((await get(proxy, 'models')).status).toBe(200);
  expect((await proxy.records()).map((record) => record['run_id'])).toEqual(['a', 'b', 'c']);
});
