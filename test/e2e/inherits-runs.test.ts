import { expect, it } from 'vitest';
import { postWhole } from '../support/calls.ts';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RESEARCH = 'key-of-research-0001';
const MATE = 'key-of-research-0002';
const SALES = 'key-of-sales-000001';
const YAML = `
keys:
  - { id: r1, team: research, key: ${RESEARCH} }
  - { id: r2, team: research, key: ${MATE} }
  - { id: s1, team: sales, key: ${SALES} }
`;
const FIRST = { model: 'gpt-5-mini', input: 'x' };
const NEXT = { ...FIRST, previous_response_id: 'resp_1' };

function startResponses() {
  let count = 0;
  return startFakeUpstream((_request, response) => {
    count++;
    const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
    answerJson(response, { id: `resp_${count}`, object: 'response', status: 'completed', usage });
  });
}

async function respond(proxy: TestProxy, body: object, key: string, headers: Record<string, string> = {}) {
  const answer = await postWhole(proxy, 'responses', body, { key, headers });
  expect(answer.status).toBe(200);
  return answer.headers.get('x-metertap-run-id');
}

it('takes the run of the response that a call continues, within the team', async () => {
  await using upstream = await startResponses();
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml: YAML });
  const ids = { 'x-metertap-run-id': 'run-1', 'x-metertap-parent-run-id': 'parent-1' };
  await respond(proxy, FIRST, RESEARCH, ids);
  expect(await respond(proxy, NEXT, RESEARCH)).toBe('run-1');
  expect(await respond(proxy, NEXT, MATE)).toBe('run-1');
  expect(await respond(proxy, NEXT, SALES)).toBeNull();
  expect(await proxy.records()).toMatchObject([
    { run_id: 'run-1', parent_run_id: 'parent-1', key_id: 'r1' },
    { run_id: 'run-1', parent_run_id: 'parent-1', key_id: 'r1' },
    { run_id: 'run-1', parent_run_id: 'parent-1', key_id: 'r2' },
    { run_id: null, parent_run_id: null, key_id: 's1' },
  ]);
});

it('prefers the run that the call names itself', async () => {
  await using upstream = await startResponses();
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml: YAML });
  await respond(proxy, FIRST, RESEARCH, { 'x-run-id': 'run-1' });
  expect(await respond(proxy, NEXT, RESEARCH, { 'x-run-id': 'run-2' })).toBe('run-2');
  expect(await respond(proxy, { ...NEXT, previous_response_id: 'resp_2' }, RESEARCH)).toBe('run-2');
});

it('inherits nothing from a response that is not known, or had no run', async () => {
  await using upstream = await startResponses();
  await using proxy = await startProxy({ upstreamUrl: upstream.url, yaml: YAML });
  await respond(proxy, FIRST, RESEARCH);
  expect(await respond(proxy, NEXT, RESEARCH)).toBeNull();
  expect(await respond(proxy, { ...NEXT, previous_response_id: 'resp_99' }, RESEARCH)).toBeNull();
});

it('inherits from a response of before a restart, and counts as a run that is named', async () => {
  const dataDir = temporaryFolder();
  await using upstream = await startResponses();
  const yaml = `${YAML}attribution: { require_run_id: true }`;
  {
    await using before = await startProxy({ upstreamUrl: upstream.url, yaml, dataDir });
    await respond(before, FIRST, RESEARCH, { 'x-run-id': 'run-1' });
  }
  await using after = await startProxy({ upstreamUrl: upstream.url, yaml, dataDir });
  expect(await respond(after, NEXT, MATE)).toBe('run-1');
  const refused = await postWhole(after, 'responses', NEXT, { key: SALES });
  expect(refused.status).toBe(403);
});
