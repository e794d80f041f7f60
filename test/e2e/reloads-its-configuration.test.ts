import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { CHAT, CLIENT_KEY, errorOf } from '../support/calls.ts';
import { answerJson, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.ts';
import { connectRaw, readRawAnswer } from '../support/raw-client.ts';
import { readGreeting, type SpawnedMetertap, spawnMetertap } from '../support/spawned-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const OLD_KEY = 'key-of-before-000001';
const NEW_KEY = 'key-of-after-0000001';
const CONTENT = 'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n';
const DONE = 'data: [DONE]\n\n';

const configuration = (upstream: FakeUpstream, key: string) => `
listen: { port: 0 }
upstreams: [{ name: up, base_url: "${upstream.url}" }]
keys: [{ id: ci, team: t, key: ${key} }]
`;

interface Running {
  readonly metertap: SpawnedMetertap;
  readonly url: string;
  readonly adminKey: string;
  readonly file: string;
  /** Writes the file anew. */
  configure(text: string): void;
}

async function start(text: string): Promise<Running & AsyncDisposable> {
  const folder = temporaryFolder();
  const file = join(folder, 'metertap.yaml');
  const configure = (next: string) => writeFileSync(file, next);
  configure(text);
  const metertap = spawnMetertap(['serve', '--json', '--config', file], { METERTAP_DATA_DIR: folder });
  const { url, adminKeyPath } = await readGreeting(metertap);
  const adminKey = readFileSync(adminKeyPath, 'utf8').trim();
  return { metertap, url, adminKey, file, configure, [Symbol.asyncDispose]: () => metertap[Symbol.asyncDispose]() };
}

async function statusOf(running: Running, key: string): Promise<number> {
  const answer = await fetch(`${running.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify(CHAT),
  });
  await answer.text();
  return answer.status;
}

async function reloadOverHttp({ url, adminKey }: Running) {
  const headers = { authorization: `Bearer ${adminKey}` };
  const answer = await fetch(`${url}/api/v1/reload`, { method: 'POST', headers });
  return { status: answer.status, text: await answer.text() };
}

async function reloadBySignal({ metertap }: Running, saying: string): Promise<void> {
  metertap.signal('SIGHUP');
  await metertap.until(saying);
}

const startUpstream = (id: string) => startFakeUpstream((_request, response) => answerJson(response, { id }));

describe.each(['SIGHUP', 'POST /api/v1/reload'])('%s', (how) => {
  it('uses the new upstream and the new keys from then on', async () => {
    await using before = await startUpstream('before');
    await using after = await startUpstream('after');
    await using running = await start(configuration(before, OLD_KEY));
    expect(await statusOf(running, OLD_KEY)).toBe(200);
    expect(before.requests).toHaveLength(1);

    running.configure(configuration(after, NEW_KEY));
    if (how === 'SIGHUP') await reloadBySignal(running, 'has been reloaded');
    else expect(await reloadOverHttp(running)).toEqual({ status: 200, text: '{"reloaded":true}' });
    expect([await statusOf(running, OLD_KEY), await statusOf(running, NEW_KEY)]).toEqual([401, 200]);
    expect([before.requests.length, after.requests.length]).toEqual([1, 1]);
  });

  it('is in the audit, with who had it done and which sections have changed, and never with what is in them', async () => {
    await using upstream = await startUpstream('x');
    await using running = await start(configuration(upstream, OLD_KEY));
    const reload = async () => {
      if (how === 'SIGHUP') await reloadBySignal(running, 'has been reloaded');
      else expect((await reloadOverHttp(running)).status).toBe(200);
    };
    await reload();
    running.configure(configuration(upstream, NEW_KEY).replace('port: 0', 'port: 1'));
    await reload();
    const audit = async (): Promise<string> => {
      const headers = { authorization: `Bearer ${running.adminKey}` };
      return (await fetch(`${running.url}/api/v1/audit?target_type=configuration`, { headers })).text();
    };
    await vi.waitFor(async () => expect(await audit()).toContain('configuration.reload'), { timeout: 10_000 });
    const text = await audit();
    const { data }: { data: unknown } = JSON.parse(text);
    expect(data).toMatchObject([
      {
        actor: how === 'SIGHUP' ? 'signal:SIGHUP' : 'admin',
        action: 'configuration.reload',
        target_id: 'file',
        team: null,
        before: null,
        after: { changed: ['keys', 'listen'], at_next_start: ['listen.port'] },
        address: how === 'SIGHUP' ? null : '127.0.0.1',
      },
    ]);
    for (const key of [OLD_KEY, NEW_KEY]) expect(text).not.toContain(key);
  });

  it('keeps what there was where the file is faulty, and says every fault', async () => {
    await using upstream = await startUpstream('x');
    await using running = await start(configuration(upstream, OLD_KEY));
    running.configure('listen: { port: eighty }\nlisen: {}\n');
    if (how === 'SIGHUP') {
      await reloadBySignal(running, 'the one before still holds');
      expect(running.metertap.stdout).toContain('listen.port');
      expect(running.metertap.stdout).toContain('lisen');
    } else {
      const { status, text } = await reloadOverHttp(running);
      expect([status, errorOf(text)]).toMatchObject([400, { code: 'invalid_parameter', param: 'config' }]);
      expect(errorOf(text)['message']).toMatch(/listen\.port.*lisen/s);
    }
    expect(await statusOf(running, OLD_KEY)).toBe(200);

    running.configure(configuration(upstream, NEW_KEY));
    expect((await reloadOverHttp(running)).status).toBe(200);
    expect(await statusOf(running, NEW_KEY)).toBe(200);
  });
});

it('lets a stream that runs come to its end on the upstream that it has', async () => {
  const answering = Promise.withResolvers<ServerResponse>();
  await using before = await startFakeUpstream((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(CONTENT, () => answering.resolve(response));
  });
  await using after = await startUpstream('after');
  await using running = await start(configuration(before, OLD_KEY));
  const answer = await fetch(`${running.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${OLD_KEY}` },
    body: JSON.stringify({ ...CHAT, stream: true, stream_options: { include_usage: true } }),
  });
  const response = await answering.promise;
  running.configure(configuration(after, NEW_KEY));
  expect((await reloadOverHttp(running)).status).toBe(200);
  response.end(CONTENT + DONE);
  expect(await answer.text()).toBe(CONTENT + CONTENT + DONE);
  expect(await statusOf(running, NEW_KEY)).toBe(200);
});

it('serves a call whose request was still on its way with what held when it began', async () => {
  await using before = await startUpstream('before');
  await using after = await startUpstream('after');
  await using running = await start(configuration(before, OLD_KEY));
  await using client = await connectRaw(running.url);
  const body = JSON.stringify(CHAT);
  const head = ['POST /v1/chat/completions HTTP/1.1', 'host: x', `authorization: Bearer ${OLD_KEY}`];
  client.send(`${head.join('\r\n')}\r\nexpect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`);
  await client.until('100 Continue');
  running.configure(configuration(after, NEW_KEY));
  expect((await reloadOverHttp(running)).status).toBe(200);
  client.send(body);
  const received = await client.until('"id":"before"');
  expect(readRawAnswer(received.slice(received.indexOf('\r\n\r\n') + 4)).status).toBe(200);
  expect([before.requests.length, after.requests.length]).toEqual([1, 0]);
});

it('keeps what there was where the file is gone', async () => {
  await using upstream = await startUpstream('x');
  await using running = await start(configuration(upstream, OLD_KEY));
  rmSync(running.file);
  await reloadBySignal(running, 'the one before still holds');
  expect(await statusOf(running, OLD_KEY)).toBe(200);
  expect(await statusOf(running, CLIENT_KEY)).toBe(401);
});
