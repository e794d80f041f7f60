import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ADMIN as BY_ADMIN } from '../support/authors.ts';
import { CHAT, post, postWhole } from '../support/calls.ts';
import { answerEvents, answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { startProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CLIENT = 'key-MARKERCLIENT-0001';
const UNKNOWN = 'key-MARKERUNKNOWN-001';
const UPSTREAM = 'sk-MARKERUPSTREAM-0001';
const ADMIN = 'admin-MARKERADMIN-0001';
const PROMPT = 'MARKERPROMPT';
const COMPLETION = 'MARKERCOMPLETION';
const USAGE = { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 };

/** The text of every file of a folder, whatever is in it. */
function filesIn(folder: string): { path: string; text: string }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => ({ path, text: readFileSync(path, 'latin1') }));
}

it('keeps keys, prompts and completions out of its log and its data folder', async () => {
  const dataDir = temporaryFolder();
  const message = { role: 'assistant', content: COMPLETION };
  await using upstream = await startFakeUpstream((request, response) => {
    if (request.body.includes('fail')) {
      answerJson(response, { error: { message: `bad ${PROMPT} ${COMPLETION}`, code: 'bad_value' } }, 400);
    } else if (request.body.includes('"stream":true')) {
      const chunk = { id: 'c1', choices: [{ index: 0, delta: { content: COMPLETION } }] };
      answerEvents(response, [JSON.stringify(chunk), JSON.stringify({ choices: [], usage: USAGE }), '[DONE]']);
    } else if (request.body.includes('cut')) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(`{"choices":[{"message":{"content":"${COMPLETION}`, () => response.socket?.destroy());
    } else {
      answerJson(response, { id: 'c1', choices: [{ index: 0, message }], usage: USAGE });
    }
  });
  const yaml = `
upstreams: [{ name: up, base_url: "${upstream.url}", api_key: ${UPSTREAM}, headers: { x-extra: ${UPSTREAM} } }]
keys: [{ id: ci, team: research, key: ${CLIENT} }]
log: { level: trace }`;
  const env = { METERTAP_ADMIN_KEY: ADMIN };
  const proxy = await startProxy({ upstreamUrl: upstream.url, yaml, dataDir, env });
  const { logLines } = proxy;
  {
    await using _running = proxy;
    const prompt = [{ role: 'user', content: PROMPT }];
    const body = { ...CHAT, messages: prompt };
    for (const asked of [body, { ...body, stream: true }, { ...body, fail: 1 }, { ...body, cut: 1 }]) {
      await postWhole(proxy, 'chat/completions', asked, { key: CLIENT });
    }
    await postWhole(proxy, 'chat/completions', `{"model":"gpt-5-mini","x":"${PROMPT}`, { key: CLIENT });
    await postWhole(proxy, 'responses', { model: 'm', input: PROMPT }, { key: CLIENT });
    await postWhole(proxy, `brand/new?key=${PROMPT}`, { prompt: PROMPT }, { key: CLIENT });
    await postWhole(proxy, 'chat/completions', body, { key: UNKNOWN });
    await post(proxy, 'files', PROMPT, { key: CLIENT });
    await fetch(`${proxy.url}/api/v1/runs`, { headers: { authorization: `Bearer ${UNKNOWN}` } });
    await proxy.app.reload(BY_ADMIN);
    expect((await proxy.records()).length).toBeGreaterThan(5);
  }
  expect(logLines.length).toBeGreaterThan(5);
  expect(JSON.stringify(logLines).match(/MARKER\w+/g)).toBeNull();
  const files = filesIn(dataDir);
  expect(files.map((file) => file.path)).toContain(join(dataDir, 'metertap.db'));
  for (const { path, text } of files) expect([path, text.match(/MARKER\w+/g)]).toEqual([path, null]);
  expect(files.some((file) => file.text.includes('research'))).toBe(true);
});

it('leaves one line in its log for each call, with ids and numbers', async () => {
  await using upstream = await startFakeUpstream((_request, response) =>
    answerJson(response, { id: 'c1', usage: USAGE }),
  );
  await using proxy = await startProxy({ upstreamUrl: upstream.url });
  const headers = { 'x-metertap-run-id': 'run-1' };
  const answer = await postWhole(proxy, 'chat/completions', CHAT, { headers });
  await proxy.records();
  const id = answer.headers.get('x-metertap-request-id');
  const lines = proxy.logLines.filter((line) => line['id'] === id);
  expect(lines).toMatchObject([
    { msg: 'call', run_id: 'run-1', status: 200, ending: 'completed', input_tokens: 5, output_tokens: 1 },
  ]);
});
