import { describe, expect, it } from 'vitest';
import { createSimulator } from '../../src/simulator/server.ts';
import { asRecord, startProxy, type TestProxy } from '../support/start-proxy.ts';

const CSRF = { 'x-metertap-csrf': '1' };
const JSON_BODY = { 'content-type': 'application/json' };
const KEYS_MODE = `
auth: { mode: keys }
keys:
  - { id: ci, team: research, key: research-team-key-1 }
  - { id: calls-only, team: research, key: research-calls-key, scopes: [inference] }
  - { id: auditor, team: finance, key: finance-reader-key, scopes: [usage:read, admin:read] }
`;

async function withProxy<Result>(yaml: string, use: (proxy: TestProxy) => Promise<Result>): Promise<Result> {
  const simulator = await createSimulator({ port: 0 });
  try {
    await using proxy = await startProxy({ upstreamUrl: simulator.baseUrl, yaml });
    return await use(proxy);
  } finally {
    await simulator.close();
  }
}

function signIn(proxy: TestProxy, key: unknown, headers: Record<string, string> = CSRF): Promise<Response> {
  const body = JSON.stringify({ key });
  return fetch(`${proxy.url}/api/v1/sign-in`, { method: 'POST', headers: { ...JSON_BODY, ...headers }, body });
}

async function cookieOf(answer: Response): Promise<string> {
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
  return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}

async function statusOf(proxy: TestProxy, path: string, headers: Record<string, string>): Promise<number> {
  const answer = await fetch(`${proxy.url}${path}`, { headers });
  await answer.arrayBuffer();
  return answer.status;
}

describe('signing in', () => {
  it('gives a cookie that scripts cannot read, other sites cannot send and proxied paths never see', () =>
    withProxy('', async (proxy) => {
      const answer = await signIn(proxy, proxy.adminKey);
      const cookie = answer.headers.get('set-cookie') ?? '';
      expect(cookie).toMatch(/^metertap_session=[\w-]+; Max-Age=43200; Path=\/api\/v1; HttpOnly; SameSite=Strict$/);
      expect(cookie).not.toContain(proxy.adminKey);
      expect(await answer.json()).toMatchObject({ kind: 'admin', team: null, read_only: false });
      const behindTls = await signIn(proxy, proxy.adminKey, { ...CSRF, 'x-forwarded-proto': 'https' });
      expect(behindTls.headers.get('set-cookie')).toContain('; Secure');
    }));

  it('opens what the key opens, and no more', () =>
    withProxy(KEYS_MODE, async (proxy) => {
      const cookie = await cookieOf(await signIn(proxy, 'research-team-key-1'));
      expect(await statusOf(proxy, '/api/v1/runs', { cookie })).toBe(200);
      expect(await statusOf(proxy, '/api/v1/runs?team=research', { cookie })).toBe(200);
      expect(await statusOf(proxy, '/api/v1/runs?team=support', { cookie })).toBe(403);
      expect(await statusOf(proxy, '/api/v1/audit', { cookie })).toBe(403);
      const status = asRecord(await (await fetch(`${proxy.url}/api/v1/status`, { headers: { cookie } })).json());
      expect(status).toMatchObject({ status: 'ready', auth_mode: 'keys' });
      expect(status).not.toHaveProperty('upstreams');
      const reader = await cookieOf(await signIn(proxy, 'finance-reader-key'));
      const me = await (await fetch(`${proxy.url}/api/v1/me`, { headers: { cookie: reader } })).json();
      expect(me).toMatchObject({ kind: 'admin', key_id: 'auditor', read_only: true });
    }));

  it.each([
    ['a key that nobody has', 'mt_nobody_has_this_key', 401, 'invalid_api_key'],
    ['a key that is for calls only', 'research-calls-key', 403, 'permission_denied'],
    ['an empty key', ' ', 400, 'invalid_parameter'],
    ['a key that is no text', 5, 400, 'invalid_parameter'],
  ])('refuses %s', (_what, key, status, code) =>
    withProxy(KEYS_MODE, async (proxy) => {
      const answer = await signIn(proxy, key);
      expect([answer.status, answer.headers.get('set-cookie')]).toEqual([status, null]);
      expect(asRecord(await answer.json())['error']).toMatchObject({ code });
    }),
  );

  it('in passthrough mode knows a credential once a call has been made with it', () =>
    withProxy('', async (proxy) => {
      expect((await signIn(proxy, 'sk-of-somebody-12345')).status).toBe(401);
      const call = await fetch(`${proxy.baseUrl}/chat/completions`, {
        method: 'POST',
        headers: { ...JSON_BODY, authorization: 'Bearer sk-of-somebody-12345' },
        body: JSON.stringify({ model: 'gpt-5-mini', messages: [{ role: 'user', content: 'Hello' }] }),
      });
      await call.arrayBuffer();
      await proxy.records();
      const answer = await signIn(proxy, 'sk-of-somebody-12345');
      expect(await answer.json()).toMatchObject({ kind: 'team', read_only: true });
    }));

  it('is refused after too many attempts, right ones too', () =>
    withProxy('rates: { unauthenticated_per_minute: 3 }', async (proxy) => {
      for (let attempt = 0; attempt < 3; attempt++) expect((await signIn(proxy, 'wrong-key-000000')).status).toBe(401);
      expect((await signIn(proxy, proxy.adminKey)).status).toBe(429);
    }));

  it('is refused to a page of another site', () =>
    withProxy('', async (proxy) => {
      const answer = await signIn(proxy, proxy.adminKey, {});
      expect([answer.status, answer.headers.get('set-cookie')]).toEqual([403, null]);
    }));
});

describe('a session', () => {
  it('changes things only for a page of ours', () =>
    withProxy(KEYS_MODE, async (proxy) => {
      const cookie = await cookieOf(await signIn(proxy, proxy.adminKey));
      const create = (headers: Record<string, string>) =>
        fetch(`${proxy.url}/api/v1/teams`, {
          method: 'POST',
          headers: { ...JSON_BODY, cookie, ...headers },
          body: JSON.stringify({ id: 'new' }),
        });
      expect((await create({})).status).toBe(403);
      expect((await create(CSRF)).status).toBe(201);
    }));

  it('is over after signing out, even where the cookie was kept', () =>
    withProxy('', async (proxy) => {
      const cookie = await cookieOf(await signIn(proxy, proxy.adminKey));
      expect(await statusOf(proxy, '/api/v1/runs', { cookie })).toBe(200);
      const out = await fetch(`${proxy.url}/api/v1/sign-out`, { method: 'POST', headers: { cookie, ...CSRF } });
      expect([out.status, out.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('metertap_session=;')]);
      expect(await statusOf(proxy, '/api/v1/runs', { cookie })).toBe(401);
      const me = await fetch(`${proxy.url}/api/v1/me`, { headers: { cookie } });
      expect(await me.json()).toMatchObject({ kind: 'nobody' });
    }));

  it('is over with its key', () =>
    withProxy('auth: { mode: keys }', async (proxy) => {
      const admin = { ...JSON_BODY, authorization: `Bearer ${proxy.adminKey}` };
      const body = JSON.stringify({ id: 'temp', team: 'research' });
      const made = asRecord(
        await (await fetch(`${proxy.url}/api/v1/keys`, { method: 'POST', headers: admin, body })).json(),
      );
      const cookie = await cookieOf(await signIn(proxy, made['secret']));
      expect(await statusOf(proxy, '/api/v1/runs', { cookie })).toBe(200);
      await fetch(`${proxy.url}/api/v1/keys/temp`, { method: 'DELETE', headers: admin });
      expect(await statusOf(proxy, '/api/v1/runs', { cookie })).toBe(401);
    }));

  it('that was changed or made up opens nothing', () =>
    withProxy('', async (proxy) => {
      const cookie = await cookieOf(await signIn(proxy, proxy.adminKey));
      const middle = Math.floor(cookie.length / 2);
      const changed = `${cookie.slice(0, middle)}${cookie[middle] === 'A' ? 'B' : 'A'}${cookie.slice(middle + 1)}`;
      for (const bad of [changed, cookie.slice(0, -4), 'metertap_session=', 'metertap_session=x']) {
        expect(await statusOf(proxy, '/api/v1/runs', { cookie: bad })).toBe(401);
      }
      // A credential that is not valid is not saved by a session beside it.
      expect(await statusOf(proxy, '/api/v1/runs', { cookie, authorization: 'Bearer  ' })).toBe(200);
      expect(await statusOf(proxy, '/api/v1/audit', { cookie, authorization: 'Bearer not-the-admin-key' })).toBe(403);
    }));
});
