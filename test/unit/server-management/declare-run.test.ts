import { describe, expect, it } from 'vitest';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { ADMIN, makeManagementApp, RESEARCH } from './management-app.ts';

const JSON_BODY = { 'content-type': 'application/json' };

function put(body: string | object, url = '/api/v1/runs/nightly-42?team=research', headers = ADMIN) {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  return { method: 'PUT', url, headers: { ...headers, ...JSON_BODY }, payload } as const;
}

describe('PUT /api/v1/runs/{run_id}', () => {
  it('declares a run before its first call', async () => {
    const { app } = makeManagementApp();
    const body = { parent_run_id: 'parent', labels: { project: 'x' }, limits: [{ requests: 50, per: 'run' }] };
    const answer = await app.inject(put(body));
    expect(answer.statusCode).toBe(200);
    const declared = { run_id: 'nightly-42', team: 'research', ...body, usage: { requests: 0 } };
    expect(answer.json()).toMatchObject({ ...declared, parent_run_id: 'parent' });
    const read = await app.inject({ url: '/api/v1/runs/nightly-42', headers: RESEARCH });
    expect(read.json()).toMatchObject(declared);
  });

  it('changes only what the body names', async () => {
    const { app } = makeManagementApp([makeCallRecord(1)]);
    await app.inject(put({ parent_run_id: 'parent', labels: { a: 'b' } }));
    const answer = await app.inject(put({ parent_run_id: null }));
    expect(answer.json()).toMatchObject({ parent_run_id: null, labels: { a: 'b' }, usage: { requests: 1 } });
  });

  it('takes the team from the body, and no body at all', async () => {
    const { app } = makeManagementApp();
    expect((await app.inject(put({ team: 'other' }, '/api/v1/runs/a'))).json().team).toBe('other');
    const bare = await app.inject({ method: 'PUT', url: '/api/v1/runs/b?team=research', headers: ADMIN });
    expect(bare.json()).toMatchObject({ run_id: 'b', labels: {} });
  });

  it('takes JSON under another content type, as curl sends it', async () => {
    const { app } = makeManagementApp();
    const headers = { ...ADMIN, 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await app.inject({ ...put({ labels: { a: 'b' } }), headers });
    expect(answer.json().labels).toEqual({ a: 'b' });
  });

  it('keeps labels named like members of a prototype as labels', async () => {
    const { app } = makeManagementApp();
    const answer = await app.inject(put('{"labels":{"__proto__":"x","constructor":"y"}}'));
    expect(answer.payload).toContain('"labels":{"__proto__":"x","constructor":"y"}');
  });

  it('is for administrators only', async () => {
    const { app } = makeManagementApp();
    const answer = await app.inject(put({}, '/api/v1/runs/nightly-42', RESEARCH));
    expect(answer.statusCode).toBe(403);
    expect(answer.json().error.code).toBe('permission_denied');
  });

  it('asks for the credential before it reads the body', async () => {
    const { app } = makeManagementApp();
    const answer = await app.inject({ ...put('{'), headers: JSON_BODY });
    expect(answer.statusCode).toBe(401);
  });

  it.each([
    ['a run that is its own parent', { parent_run_id: 'nightly-42' }],
    ['a descendant as parent', { parent_run_id: 'grandchild' }],
  ])('refuses %s', async (_what, body) => {
    const { app } = makeManagementApp([
      makeCallRecord(1, { run_id: 'child', parent_run_id: 'nightly-42' }),
      makeCallRecord(2, { run_id: 'grandchild', parent_run_id: 'child' }),
    ]);
    const answer = await app.inject(put(body));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatchObject({ code: 'invalid_parameter', param: 'parent_run_id' });
  });

  it.each([
    ['no team', '{}', '/api/v1/runs/a', 'team'],
    ['two teams', '{"team":"a"}', '/api/v1/runs/a?team=b', 'team'],
    ['a team that is no text', '{"team":5}', '/api/v1/runs/a', 'team'],
    ['an unknown member', '{"budget":5}', undefined, 'budget'],
    ['__proto__', '{"__proto__":{"admin":true}}', undefined, '__proto__'],
    ['an unknown query parameter', '{}', '/api/v1/runs/a?tema=b', 'tema'],
    ['a parent that is no text', '{"parent_run_id":7}', undefined, 'parent_run_id'],
    ['an empty parent', '{"parent_run_id":""}', undefined, 'parent_run_id'],
    ['labels that are a list', '{"labels":["a"]}', undefined, 'labels'],
    ['a label that is a number', '{"labels":{"a":1}}', undefined, 'labels'],
    ['a label without a name', '{"labels":{"":"x"}}', undefined, 'labels'],
    ['limits that are an object', '{"limits":{"requests":5}}', undefined, 'limits'],
    ['a rule that is a number', '{"limits":[5]}', undefined, 'limits'],
    ['a rule with an object in it', '{"limits":[{"requests":{"max":5}}]}', undefined, 'limits'],
    ['a body that is a list', '[]', undefined, null],
    ['a body that is a text', '"x"', undefined, null],
  ])('refuses %s', async (_what, body, url, param) => {
    const { app } = makeManagementApp();
    const answer = await app.inject(put(body, url));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatchObject({ code: 'invalid_parameter', param });
  });

  it.each([
    ['labels', { labels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`l${n}`, 'x'])) }],
    ['limits', { limits: Array.from({ length: 33 }, () => ({})) }],
  ])('refuses too many %s', async (param, body) => {
    const { app } = makeManagementApp();
    expect((await app.inject(put(body))).json().error).toMatchObject({ code: 'invalid_parameter', param });
  });

  it.each(['{', '{"labels":', '\u{feff}{}', '{"a":1}}', 'labels=x', "{'a':1}"])(
    'refuses the malformed body %j',
    async (body) => {
      const { app } = makeManagementApp();
      const answer = await app.inject(put(body));
      expect(answer.statusCode).toBe(400);
      expect(answer.json().error).toMatchObject({ code: 'malformed_body', type: 'invalid_request_error' });
    },
  );

  it('refuses a body that is too large, and one that is not as long as it says', async () => {
    const { app } = makeManagementApp();
    const large = await app.inject(put({ labels: { a: 'x'.repeat(300_000) } }));
    expect(large.statusCode).toBe(413);
    expect(large.json().error.code).toBe('body_too_large');
    const request = put('{}');
    const short = await app.inject({ ...request, headers: { ...request.headers, 'content-length': '1' } });
    expect(short.statusCode).toBe(400);
    expect(short.json().error.code).toBe('malformed_request');
  });

  it('bears a body nested very deeply', async () => {
    const { app } = makeManagementApp();
    const answer = await app.inject(put(`{"limits":[{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}]}`));
    expect(answer.statusCode).toBe(400);
  });
});
