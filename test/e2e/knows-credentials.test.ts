import { expect, it } from 'vitest';
import { CHAT, postWhole } from '../support/calls.ts';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const startUpstream = () => startFakeUpstream((_request, response) => answerJson(response, { id: 'c1', choices: [] }));

async function callerOf(proxy: TestProxy, headers: Record<string, string>): Promise<Record<string, unknown>> {
  const answer = await fetch(`${proxy.baseUrl}/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify(CHAT),
  });
  expect(answer.status).toBe(200);
  await answer.text();
  const record = await proxy.ask(`/api/v1/records/${answer.headers.get('x-metertap-request-id')}`);
  return { team: record['team'], key_id: record['key_id'], labels: record['labels'] };
}

it('knows a credential of its own by 12 digits of its HMAC, in a team of that name, also after a restart', async () => {
  const dataDir = temporaryFolder();
  await using upstream = await startUpstream();
  const seen: Record<string, unknown>[] = [];
  for (let start = 0; start < 2; start++) {
    await using proxy = await startProxy({ upstreamUrl: upstream.url, dataDir });
    seen.push(await callerOf(proxy, { authorization: 'Bearer sk-proj-one' }));
    seen.push(await callerOf(proxy, { 'api-key': 'sk-proj-one' }));
    seen.push(await callerOf(proxy, { authorization: 'Bearer sk-proj-two' }));
  }
  const [one, , two] = seen;
  expect(one?.['key_id']).toMatch(/^key_[0-9a-f]{12}$/);
  expect(one).toEqual({ team: one?.['key_id'], key_id: one?.['key_id'], labels: {} });
  expect(two?.['key_id']).not.toBe(one?.['key_id']);
  expect(seen).toEqual([one, one, two, one, one, two]);
});

it('knows nobody else by the same credential in another installation', async () => {
  await using upstream = await startUpstream();
  await using here = await startProxy({ upstreamUrl: upstream.url });
  await using there = await startProxy({ upstreamUrl: upstream.url });
  const headers = { authorization: 'Bearer sk-proj-one' };
  expect((await callerOf(here, headers))['key_id']).not.toBe((await callerOf(there, headers))['key_id']);
});

it('gives a credential the name, team and labels that keys: has for it in passthrough mode', async () => {
  await using upstream = await startUpstream();
  const yaml = `
auth: { mode: passthrough }
keys: [{ id: jane, team: research, key: sk-proj-of-jane-1, labels: { cost_center: "4711" } }]`;
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
  const jane = await callerOf(proxy, { authorization: 'Bearer sk-proj-of-jane-1' });
  expect(jane).toEqual({ team: 'research', key_id: 'jane', labels: { cost_center: '4711' } });
  expect(upstream.requests[0]?.headers.authorization).toBe('Bearer sk-proj-of-jane-1');
  const other = await callerOf(proxy, { authorization: 'Bearer sk-proj-of-joe-12' });
  expect(other['team']).toMatch(/^key_[0-9a-f]{12}$/);
});

it('leaves it to the upstream to refuse a call without a credential in passthrough mode', async () => {
  await using upstream = await startFakeUpstream((_request, response) =>
    answerJson(response, { error: { code: 'invalid_api_key', message: 'no key' } }, 401),
  );
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const answer = await fetch(`${proxy.baseUrl}/chat/completions`, { method: 'POST', body: JSON.stringify(CHAT) });
  expect([answer.status, await answer.text()]).toEqual([
    401,
    '{"error":{"code":"invalid_api_key","message":"no key"}}',
  ]);
  expect(await proxy.records()).toMatchObject([{ team: 'anonymous', key_id: 'anonymous', ending: 'upstream_error' }]);
});

it('attributes in keys mode to the key and its team', async () => {
  await using upstream = await startUpstream();
  const yaml = 'keys: [{ id: ci, team: research, key: key-of-research-0001, labels: { a: b } }]';
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml });
  await postWhole(proxy, 'chat/completions', CHAT, { key: 'key-of-research-0001' });
  expect(await proxy.records()).toMatchObject([{ team: 'research', key_id: 'ci', labels: { a: 'b' } }]);
});
