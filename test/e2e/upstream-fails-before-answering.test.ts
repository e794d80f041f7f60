import { describe, expect, it } from 'vitest';
import { CHAT, errorOf, get, onlyRecord, postWhole } from '../support/calls.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';

/** Nothing listens on it (tcpmux). */
const NOBODY = 'http://127.0.0.1:1/v1';

interface Expected {
  readonly status: number;
  readonly code: string;
  readonly ending: string;
}

async function expectFailure(proxy: TestProxy, stream: boolean, expected: Expected): Promise<void> {
  const { status, code, ending } = expected;
  const headers = { 'x-metertap-run-id': 'run-1' };
  const answer = await postWhole(proxy, 'chat/completions', { ...CHAT, stream }, { headers });
  expect(answer.status).toBe(status);
  expect(errorOf(answer.text)).toMatchObject({ type: 'server_error', param: null, code });
  expect(answer.headers.get('x-metertap-run-id')).toBe('run-1');
  expect(answer.headers.get('x-should-retry')).toBeNull();
  expect(await onlyRecord(proxy)).toMatchObject({
    id: answer.headers.get('x-metertap-request-id'),
    status,
    ending,
    error_code: code,
    usage_source: 'missing',
    usage: null,
    run_id: 'run-1',
    request_model: 'gpt-5-mini',
    ttft_ms: null,
    stream,
  });
}

describe.each([false, true])('with stream: %s', (stream) => {
  it('answers 502 upstream_unreachable where the connection is refused', async () => {
    await using proxy = await startProxy({ upstreamUrl: NOBODY });
    await expectFailure(proxy, stream, { status: 502, code: 'upstream_unreachable', ending: 'upstream_error' });
  });

  it('answers 502 upstream_cut where the upstream closes before the head of its answer', async () => {
    await using upstream = await startFakeUpstream((_request, response) => void response.socket?.destroy());
    await using proxy = await startProxy({ upstreamUrl: upstream.url });
    await expectFailure(proxy, stream, { status: 502, code: 'upstream_cut', ending: 'upstream_cut' });
    expect(upstream.requests).toHaveLength(1);
  });

  it('answers 504 upstream_timeout where the upstream stays silent', async () => {
    await using upstream = await startFakeUpstream(() => undefined);
    const yaml = `upstreams: [{ name: slow, base_url: "${upstream.url}", timeouts: { first_byte_ms: 100 } }]`;
    await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
    await expectFailure(proxy, stream, { status: 504, code: 'upstream_timeout', ending: 'timed_out' });
  });
});

it('answers a free call in the same way, without a record', async () => {
  await using proxy = await startProxy({ upstreamUrl: NOBODY });
  const answer = await get(proxy, 'models');
  expect(answer.status).toBe(502);
  expect(errorOf(await answer.text())).toMatchObject({ code: 'upstream_unreachable' });
  expect(answer.headers.get('x-metertap-request-id')).toMatch(/^[0-9A-Z]{26}$/);
  expect(await proxy.records()).toEqual([]);
});
