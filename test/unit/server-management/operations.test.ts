import { describe, expect, it } from 'vitest';
import { ADMIN, makeManagementApp, RESEARCH } from './management-app.ts';

const ELSEWHERE = '10.1.2.3';

describe('GET /metrics', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])('is open to %s', async (remoteAddress) => {
    const { app } = makeManagementApp();
    const answer = await app.inject({ url: '/metrics', remoteAddress });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4');
    expect(answer.payload).toBe('metertap_build_info 1\n');
  });

  it.each(['10.1.2.3', '::ffff:10.1.2.3', 'fe80::1', '1270.0.0.1'])('is closed to %j', async (remoteAddress) => {
    const { app } = makeManagementApp();
    const answer = await app.inject({ url: '/metrics', remoteAddress });
    expect(answer.statusCode).toBe(401);
    expect(answer.json().error.code).toBe('invalid_api_key');
  });

  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'])(
    'is closed to what a proxy passed on with %s',
    async (name) => {
      const { app } = makeManagementApp();
      const answer = await app.inject({
        url: '/metrics',
        remoteAddress: '127.0.0.1',
        headers: { [name]: '127.0.0.1' },
      });
      expect(answer.statusCode).toBe(401);
    },
  );

  it.each([
    ['the token', 'Bearer scrape-me', 200],
    ['the token, the scheme in lower case', 'bearer scrape-me', 200],
    ['an admin key', ADMIN.authorization, 200],
    ['the key of a team', RESEARCH.authorization, 403],
    ['the beginning of the token', 'Bearer scrape', 401],
    ['another scheme', 'Basic scrape-me', 401],
    ['an empty token', 'Bearer ', 401],
  ])('answers %s from elsewhere', async (_what, authorization, status) => {
    const { app } = makeManagementApp([], { metricsToken: () => 'scrape-me' });
    const answer = await app.inject({ url: '/metrics', remoteAddress: ELSEWHERE, headers: { authorization } });
    expect(answer.statusCode).toBe(status);
  });

  it('takes no token where none is configured', async () => {
    const { app } = makeManagementApp([], { metricsToken: () => null });
    const headers = { authorization: 'Bearer null' };
    expect((await app.inject({ url: '/metrics', remoteAddress: ELSEWHERE, headers })).statusCode).toBe(401);
  });
});

describe('health', () => {
  it('is up while the process is, and ready while nothing stands against it', async () => {
    const { app } = makeManagementApp();
    expect((await app.inject('/healthz')).json()).toEqual({ status: 'ok' });
    const ready = await app.inject('/readyz');
    expect([ready.statusCode, ready.json()]).toEqual([200, { status: 'ready' }]);
  });

  it('is up but not ready while it shuts down or cannot write, and says why', async () => {
    const reasons = [
      { code: 'shutting_down', message: 'Waiting for open calls.' },
      { code: 'ledger_unavailable', message: 'The disk is full. Free some space.' },
    ] as const;
    const { app } = makeManagementApp([], { health: () => ({ reasons }) });
    expect((await app.inject('/healthz')).statusCode).toBe(200);
    const ready = await app.inject('/readyz');
    expect(ready.statusCode).toBe(503);
    expect(ready.json()).toEqual({ status: 'not_ready', reasons });
  });
});

describe('POST /api/v1/reload', () => {
  const post = (headers: Record<string, string>) => ({ method: 'POST', url: '/api/v1/reload', headers }) as const;

  it('says that the configuration was swapped', async () => {
    const { app } = makeManagementApp();
    const answer = await app.inject(post(ADMIN));
    expect([answer.statusCode, answer.json()]).toEqual([200, { reloaded: true }]);
  });

  it('says every fault where the old one was kept', async () => {
    const faults = [
      { path: 'listen.port', message: 'must be a number', hint: 'for example 8787' },
      { path: '', message: 'unknown key "lisen"' },
    ];
    const { app } = makeManagementApp([], { reload: async () => ({ kind: 'kept', faults }) });
    const answer = await app.inject(post(ADMIN));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error.code).toBe('invalid_parameter');
    expect(answer.json().error.message).toContain(
      'listen.port: must be a number (for example 8787); unknown key "lisen"',
    );
  });

  it('is for administrators only, and nothing is reloaded for others', async () => {
    let reloads = 0;
    const reload = async () => {
      reloads++;
      return { kind: 'swapped' } as const;
    };
    const { app } = makeManagementApp([], { reload });
    expect((await app.inject(post(RESEARCH))).statusCode).toBe(403);
    expect((await app.inject(post({}))).statusCode).toBe(401);
    expect(reloads).toBe(0);
  });
});

describe('the rest of /api/v1', () => {
  it.each([
    ['GET', '/api/v1/nothing'],
    ['GET', '/api/v1'],
    ['DELETE', '/api/v1/runs/a'],
    ['POST', '/api/v1/usage'],
    ['HEAD', '/api/v1/runs/a/events'],
  ] as const)('is unknown: %s %s', async (method, url) => {
    const { app } = makeManagementApp();
    const answer = await app.inject({ method, url, headers: ADMIN });
    expect(answer.statusCode).toBe(404);
    if (method !== 'HEAD') expect(answer.json().error.code).toBe('unknown_url');
  });

  it('passes errors that are not of the request on to the error writer', async () => {
    const { app, reader } = makeManagementApp();
    reader.runs = async () => {
      throw new Error('disk');
    };
    expect((await app.inject({ url: '/api/v1/runs', headers: ADMIN })).statusCode).toBe(500);
  });
});
