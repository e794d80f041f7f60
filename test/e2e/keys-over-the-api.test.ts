import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import OpenAI, { AuthenticationError, PermissionDeniedError } from 'openai';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createSimulator } from '../../src/simulator/server.ts';
import { CHAT, errorOf, get, postWhole } from '../support/calls.ts';
import { runCli } from '../support/cli-process.ts';
import { answerJson, startFakeUpstream } from '../support/fake-upstream.ts';
import { type Managed, makeKey, manage } from '../support/manage.ts';
import { serveProxy } from '../support/served-proxy.ts';
import { asList, asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Longer than another process may need to see a change, however busy the machine is. */
const SOON = { timeout: 20_000, interval: 20 };
const USAGE = { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 };
const KEYS_MODE = 'auth: { mode: keys }\nrates: { unauthenticated_per_minute: 10000 }\n';

async function start(options: { yaml?: string; dataDir?: string } = {}): Promise<TestProxy> {
  const upstream = await startFakeUpstream((_request, response) =>
    answerJson(response, { id: 'c1', choices: [], usage: USAGE }),
  );
  onTestFinished(() => upstream.close());
  const yaml = KEYS_MODE + (options.yaml ?? '');
  const proxy = await startProxy({ upstreamUrl: upstream.url, ...options, yaml });
  onTestFinished(() => proxy.close());
  return proxy;
}

async function statusOf(proxy: TestProxy, key: string): Promise<number> {
  return (await postWhole(proxy, 'chat/completions', CHAT, { key })).status;
}

async function auditOf(managed: Managed, query = ''): Promise<Record<string, unknown>[]> {
  const { body } = await manage(managed, ['GET', `/audit${query}`]);
  return asList(body['data']).map(asRecord);
}

it('opens calls of the official SDK with a key that the API has made, and attributes them to it', async () => {
  const simulator = await createSimulator({ port: 0 });
  onTestFinished(() => simulator.close());
  const env = { METERTAP_UPSTREAM_KEY: 'sk-of-the-upstream' };
  const proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml: KEYS_MODE, env });
  onTestFinished(() => proxy.close());
  const made = await manage(proxy, ['POST', '/keys'], {
    body: { id: 'bot-1', team: 'research', name: 'The bot', labels: { cost_center: '4711' } },
  });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    id: 'bot-1',
    team: 'research',
    source: 'api',
    status: 'active',
    scopes: ['inference', 'usage:read'],
    secret: expect.stringMatching(/^mt_bot-1_[0-9A-Za-z]{49}$/),
    redacted_value: expect.stringMatching(/^mt_bot-1_….{4}$/),
  });
  const client = new OpenAI({ baseURL: proxy.baseUrl, apiKey: String(made.body['secret']), maxRetries: 0 });
  await client.chat.completions.create({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello' }] });
  expect(await proxy.records()).toMatchObject([
    { team: 'research', key_id: 'bot-1', labels: { cost_center: '4711' }, ending: 'completed' },
  ]);

  await manage(proxy, ['DELETE', '/keys/bot-1']);
  await expect(client.models.list()).rejects.toThrow(AuthenticationError);
});

it('opens calls of the official SDK with a key that the command line has made', async () => {
  const proxy = await start();
  const cwd = temporaryFolder();
  const env = { METERTAP_URL: proxy.url, METERTAP_ADMIN_KEY: proxy.adminKey };
  const made = await runCli(['keys', 'create', '--team', 'research', '--id', 'cli', '--label', 'a=b'], { env, cwd });
  expect([made.code, made.stderr]).toEqual([0, '']);
  const [secret = ''] = /mt_cli_[0-9A-Za-z]{49}/.exec(made.stdout) ?? [];
  const client = new OpenAI({ baseURL: proxy.baseUrl, apiKey: secret, maxRetries: 0 });
  await client.chat.completions.create({ model: 'gpt-5-mini', messages: [] });
  expect(await proxy.records()).toMatchObject([{ key_id: 'cli', labels: { a: 'b' } }]);
  const rotated = await runCli(['keys', 'rotate', 'cli', '--json'], { env, cwd });
  expect(asRecord(JSON.parse(rotated.stdout))['secret']).not.toBe(secret);
  await expect(client.models.list()).rejects.toThrow(AuthenticationError);
  expect((await runCli(['teams', 'list'], { env, cwd })).stdout).toMatch(/^research /m);
});

it('keeps both secrets of a rotated key valid until the grace is over, and the id', async () => {
  let nowMs = Date.now();
  const upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'c1', choices: [] }));
  onTestFinished(() => upstream.close());
  const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() };
  const proxy = await startProxy({ upstreamUrl: upstream.url, yaml: KEYS_MODE, clock });
  onTestFinished(() => proxy.close());
  const old = await makeKey(proxy, { id: 'ci', team: 'research' });
  const rotated = await manage(proxy, ['POST', '/keys/ci/rotate'], { body: { grace_seconds: 60 } });
  const next = String(rotated.body['secret']);
  expect(rotated.status).toBe(200);
  expect(next).not.toBe(old);
  expect(asList(rotated.body['secrets'])).toHaveLength(2);
  nowMs += 59_000;
  expect([await statusOf(proxy, old), await statusOf(proxy, next)]).toEqual([200, 200]);
  nowMs += 1_000;
  expect([await statusOf(proxy, old), await statusOf(proxy, next)]).toEqual([401, 200]);
  expect((await proxy.records()).map((record) => record['key_id'])).toEqual(['ci', 'ci', 'ci']);

  const atOnce = await manage(proxy, ['POST', '/keys/ci/rotate'], { body: { grace_seconds: 0 } });
  expect([await statusOf(proxy, next), await statusOf(proxy, String(atOnce.body['secret']))]).toEqual([401, 200]);
});

it('refuses a key from its revocation on, from its end on, and while it is disabled, in the words for any other', async () => {
  const proxy = await start();
  const unknown = await postWhole(proxy, 'chat/completions', CHAT, { key: 'mt_nobody' });
  const key = await makeKey(proxy, { id: 'ci', team: 'research' });
  expect(await statusOf(proxy, key)).toBe(200);

  await manage(proxy, ['PATCH', '/keys/ci'], { body: { disabled: true } });
  expect(await statusOf(proxy, key)).toBe(401);
  await manage(proxy, ['PATCH', '/keys/ci'], { body: { disabled: null } });
  expect(await statusOf(proxy, key)).toBe(200);
  await manage(proxy, ['PATCH', '/keys/ci'], { body: { expires_at: '2020-01-01T00:00:00Z' } });
  expect((await postWhole(proxy, 'chat/completions', CHAT, { key })).text).toBe(unknown.text);
  await manage(proxy, ['PATCH', '/keys/ci'], { body: { expires_at: null } });
  expect(await statusOf(proxy, key)).toBe(200);

  const revoked = await manage(proxy, ['DELETE', '/keys/ci']);
  expect(revoked.body).toMatchObject({ status: 'revoked', revoked_at: expect.any(String), secrets: [] });
  const refused = await postWhole(proxy, 'chat/completions', CHAT, { key });
  expect([refused.status, refused.text]).toEqual([401, unknown.text]);
  expect((await manage(proxy, ['GET', '/runs'], { key })).status).toBe(401);
  const again = await manage(proxy, ['DELETE', '/keys/ci']);
  expect(again.body['revoked_at']).toBe(revoked.body['revoked_at']);
  expect((await manage(proxy, ['PATCH', '/keys/ci'], { body: { disabled: true } })).status).toBe(409);
  expect((await manage(proxy, ['POST', '/keys'], { body: { id: 'ci', team: 'research' } })).status).toBe(409);
});

it('makes and revokes keys for other processes on the same folder too', async () => {
  const dataDir = temporaryFolder();
  const one = await start({ dataDir });
  await using other = await serveProxy({
    upstreamUrl: 'http://127.0.0.1:9/v1',
    dataDir,
    env: { METERTAP_ADMIN_KEY: 'the-other-admin-key', METERTAP_CONFIG: writeConfig(dataDir) },
  });
  const key = await makeKey(one, { id: 'ci', team: 'research' });
  const seenByOther = async () =>
    (await fetch(`${other.url}/api/v1/runs`, { headers: { authorization: `Bearer ${key}` } })).status;
  await vi.waitFor(async () => expect(await seenByOther()).toBe(200), SOON);
  await manage(one, ['DELETE', '/keys/ci']);
  await vi.waitFor(async () => expect(await seenByOther()).toBe(401), SOON);
  const call = await fetch(`${other.baseUrl}/models`, { headers: { authorization: `Bearer ${key}` } });
  expect(call.status).toBe(401);
});

it('knows teams, keys, revocations and the audit after a restart', async () => {
  const dataDir = temporaryFolder();
  const first = await start({ dataDir });
  const kept = await makeKey(first, { id: 'kept', team: 'research', limits: [{ requests: 5, per: 'minute' }] });
  const revoked = await makeKey(first, { id: 'revoked', team: 'research' });
  await manage(first, ['DELETE', '/keys/revoked']);
  const shown = await manage(first, ['GET', '/keys/kept']);
  const audit = await auditOf(first);
  expect(await statusOf(first, kept)).toBe(200);
  await first.close();

  const second = await start({ dataDir });
  expect([await statusOf(second, kept), await statusOf(second, revoked)]).toEqual([200, 401]);
  const again = await manage(second, ['GET', '/keys/kept']);
  expect(again.body).toEqual({ ...shown.body, last_used_at: expect.stringMatching(/^20\d\d-.*Z$/) });
  expect(shown.body['last_used_at']).toBeNull();
  expect(await auditOf(second)).toEqual(audit);
});

it('has committed a change before it is answered: what was killed right after it still knows it', async () => {
  const dataDir = temporaryFolder();
  const env = { METERTAP_ADMIN_KEY: 'the-admin-key-of-both', METERTAP_CONFIG: writeConfig(dataDir) };
  const options = { upstreamUrl: 'http://127.0.0.1:9/v1', dataDir, env };
  const managed = { adminKey: env.METERTAP_ADMIN_KEY };
  let key: string;
  {
    await using first = await serveProxy(options);
    await makeKey({ ...managed, url: first.url }, { id: 'gone', team: 'research' });
    await manage({ ...managed, url: first.url }, ['DELETE', '/keys/gone']);
    key = await makeKey({ ...managed, url: first.url }, { id: 'ci', team: 'research' });
    await first.kill('SIGKILL');
  }
  await using second = await serveProxy(options);
  const read = await manage({ ...managed, url: second.url }, ['GET', '/keys/ci'], { key });
  expect(read).toMatchObject({ status: 200, body: { status: 'active' } });
  const gone = await manage({ ...managed, url: second.url }, ['GET', '/keys/gone']);
  expect(gone.body['status']).toBe('revoked');
});

describe('what a key may do', () => {
  it('is bound to its models, exact or by globs', async () => {
    const proxy = await start();
    const key = await makeKey(proxy, { team: 'research', models: ['gpt-5-mini', 'text-*'] });
    const ask = (path: string, body: unknown) => postWhole(proxy, path, body, { key });
    expect((await ask('chat/completions', CHAT)).status).toBe(200);
    expect((await ask('embeddings', { model: 'text-embedding-3-small', input: 'x' })).status).toBe(200);
    for (const body of [{ ...CHAT, model: 'gpt-5' }, { ...CHAT, model: 'gpt-5-mini-x' }, { messages: [] }]) {
      const refused = await ask('chat/completions', body);
      expect([refused.status, errorOf(refused.text)['code']]).toEqual([403, 'model_not_allowed']);
    }
    expect((await ask('brand/new', { x: 1 })).status).toBe(403);
    expect((await ask('moderations', { model: 'omni-moderation-latest', input: 'x' })).status).toBe(403);
    expect((await get(proxy, 'models', key)).status).toBe(200);

    const client = new OpenAI({ baseURL: proxy.baseUrl, apiKey: key, maxRetries: 0 });
    await expect(client.chat.completions.create({ model: 'o9', messages: [] })).rejects.toThrow(PermissionDeniedError);
  });

  it('reads the model of a form before anything of it goes out', async () => {
    const proxy = await start();
    const key = await makeKey(proxy, { team: 'research', models: ['whisper-1'] });
    const send = async (model: string) => {
      const form = new FormData();
      form.set('file', new Blob(['sound']), 'a.wav');
      form.set('model', model);
      const headers = { authorization: `Bearer ${key}` };
      return (await fetch(`${proxy.baseUrl}/audio/transcriptions`, { method: 'POST', headers, body: form })).status;
    };
    expect([await send('whisper-1'), await send('gpt-4o-transcribe')]).toEqual([200, 403]);
  });

  it('is bound to its endpoints, however they are spelled', async () => {
    const proxy = await start();
    const key = await makeKey(proxy, { team: 'research', endpoints: ['/v1/chat/completions', 'audio/*'] });
    expect((await manage(proxy, ['GET', '/keys?team=research'])).body).toMatchObject({
      data: [{ endpoints: ['chat/completions', 'audio/*'] }],
    });
    const status = async (path: string) => (await postWhole(proxy, path, CHAT, { key })).status;
    expect([await status('chat/completions'), await status('chat%2Fcompletions/')]).toEqual([200, 200]);
    const speech = { model: 'tts-1', input: 'x', voice: 'alloy' };
    expect((await postWhole(proxy, 'audio/speech', speech, { key })).status).toBe(200);
    for (const path of ['responses', 'embeddings', 'chat/completions/abc', 'audio/%252e%252e/responses', 'brand/new']) {
      const refused = await postWhole(proxy, path, CHAT, { key });
      expect([path, refused.status, errorOf(refused.text)['code']]).toEqual([path, 403, 'endpoint_not_allowed']);
    }
    expect((await get(proxy, 'models', key)).status).toBe(403);
  });

  it('is bound to its scopes', async () => {
    const proxy = await start();
    const make = (...scopes: string[]) => makeKey(proxy, { team: 'research', scopes });
    const calls = await make('inference');
    const reads = await make('usage:read');
    const scrapes = await make('metrics:read');
    const sees = await make('admin:read');
    const does = await make('admin:write');
    const asked = async (key: string) => [
      await statusOf(proxy, key),
      (await manage(proxy, ['GET', '/runs'], { key })).status,
      (await manage(proxy, ['GET', '/audit'], { key })).status,
      (await manage(proxy, ['POST', '/teams'], { key, body: {} })).status,
      (await fetch(`${proxy.url}/metrics`, { headers: { authorization: `Bearer ${key}`, via: 'x' } })).status,
    ];
    expect(await asked(calls)).toEqual([200, 403, 403, 403, 403]);
    expect(await asked(reads)).toEqual([403, 200, 403, 403, 403]);
    expect(await asked(scrapes)).toEqual([403, 403, 403, 403, 200]);
    expect(await asked(sees)).toEqual([403, 200, 200, 403, 200]);
    expect(await asked(does)).toEqual([403, 200, 200, 201, 200]);
    const refused = await postWhole(proxy, 'chat/completions', CHAT, { key: reads });
    expect(errorOf(refused.text)['code']).toBe('permission_denied');
    expect((await auditOf(proxy, '?action=team.create'))[0]?.['actor']).toMatch(/^key:key-[0-9a-f]{12}$/);
  });

  it('is refused unpriced models, where the key or the configuration says so, the key first', async () => {
    const proxy = await start({ yaml: 'limits: { unpriced_models: refuse }' });
    const body = { ...CHAT, model: 'model-of-nobody' };
    const status = async (settings: object) => {
      const key = await makeKey(proxy, { team: 'research', ...settings });
      return (await postWhole(proxy, 'chat/completions', body, { key })).status;
    };
    expect([await status({}), await status({ unpriced_models: 'allow' })]).toEqual([403, 200]);
    const lenient = await start();
    const key = await makeKey(lenient, { team: 'research', unpriced_models: 'refuse' });
    const refused = await postWhole(lenient, 'chat/completions', body, { key });
    expect([refused.status, errorOf(refused.text)['code']]).toEqual([403, 'unpriced_model']);
  });
});

it('holds the models, endpoints and scopes of static keys too', async () => {
  const yaml = `keys:
  - { id: m, team: t, key: static-key-of-model-1, models: [text-*] }
  - { id: e, team: t, key: static-key-of-endpoint-1, endpoints: [embeddings] }
  - { id: s, team: t, key: static-key-of-scope-1, scopes: ["usage:read"] }
`;
  const proxy = await start({ yaml });
  const codes = [];
  for (const key of ['static-key-of-model-1', 'static-key-of-endpoint-1', 'static-key-of-scope-1']) {
    codes.push(errorOf((await postWhole(proxy, 'chat/completions', CHAT, { key })).text)['code']);
  }
  expect(codes).toEqual(['model_not_allowed', 'endpoint_not_allowed', 'permission_denied']);
});

it('has no secret in its data folder, its log, its audit or its lists', async () => {
  const dataDir = temporaryFolder();
  const proxy = await start({ dataDir, yaml: 'log: { level: trace }' });
  const secrets = [await makeKey(proxy, { id: 'ci', team: 'research' })];
  for (const grace_seconds of [3600, 0]) {
    const rotated = await manage(proxy, ['POST', '/keys/ci/rotate'], { body: { grace_seconds } });
    secrets.push(String(rotated.body['secret']));
  }
  await manage(proxy, ['PATCH', '/keys/ci'], { body: { name: 'CI' } });
  await statusOf(proxy, secrets[2] ?? '');
  const shown = [
    await manage(proxy, ['GET', '/keys']),
    await manage(proxy, ['GET', '/keys/ci']),
    await manage(proxy, ['GET', '/audit']),
  ];
  await proxy.close();
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dataDir, name))
    .filter((path) => statSync(path).isFile());
  const texts = [...files.map((path) => readFileSync(path, 'latin1')), JSON.stringify([shown, proxy.logLines])];
  expect(texts.join()).toContain('mt_ci_');
  for (const secret of secrets) {
    const random = secret.slice('mt_ci_'.length);
    for (let at = 0; at + 8 <= random.length - 4; at += 4) {
      expect(texts.filter((text) => text.includes(random.slice(at, at + 8)))).toEqual([]);
    }
  }
});

it('opens nothing in passthrough mode, and says so when a key is made', async () => {
  const proxy = await start({ yaml: '' });
  const upstream = await startFakeUpstream((_request, response) => answerJson(response, { id: 'c1', choices: [] }));
  onTestFinished(() => upstream.close());
  await using passing = await startProxy({ upstreamUrl: upstream.url });
  const made = await manage(passing, ['POST', '/keys'], { body: { team: 'research' } });
  expect(made).toMatchObject({ status: 201, body: { warning: expect.stringContaining('auth.mode: keys') } });
  const inKeysMode = await manage(proxy, ['POST', '/keys'], { body: { team: 'research' } });
  expect(inKeysMode.body).not.toHaveProperty('warning');
});

/** Static keys would switch keys mode on by themselves; without any it is said. */
function writeConfig(dataDir: string): string {
  const path = join(dataDir, 'keys-mode.yaml');
  writeFileSync(path, KEYS_MODE);
  return path;
}
