import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { credentialDigest } from '../../../src/attribution/credential-digest.ts';
import { openJournal } from '../../../src/ledger/journal.ts';
import { asList, asRecord } from '../../support/start-proxy.ts';
import { type AccessApp, accessAppOver, CLOCK, makeAccessApp, PEPPER } from './access-app.ts';
import { RESEARCH } from './management-app.ts';

const FILE = `
auth: { mode: keys }
teams: [{ id: listed, name: Listed, limits: [{ requests: 5, per: minute }] }]
keys:
  - { id: static, team: named, key: a-static-key-of-the-file, labels: { a: b }, models: [gpt-*] }
`;

describe('POST /api/v1/keys', () => {
  it('makes a key with all that is set of it, and its team', async () => {
    const { ask, directory } = await makeAccessApp();
    const settings = {
      name: 'The bot',
      labels: { cost_center: '4711' },
      scopes: ['usage:read', 'inference'],
      models: ['gpt-5*', 'gpt-5*'],
      endpoints: ['/v1/responses', 'audio/*'],
      limits: [{ budget_usd: '2.50', per: 'month', timezone: 'Europe/Berlin' }],
      client_leaves: 'abort',
      usage_event: 'pass',
      unpriced_models: 'refuse',
      requests_per_minute: 60,
      disabled: false,
      expires_at: '2027-01-31',
    };
    const { status, body } = await ask('POST', '/keys', { id: 'bot', team: 'new-team', ...settings });
    expect(status).toBe(201);
    const shown = {
      id: 'bot',
      team: 'new-team',
      source: 'api',
      status: 'active',
      ...settings,
      scopes: ['inference', 'usage:read'],
      models: ['gpt-5*'],
      endpoints: ['responses', 'audio/*'],
      expires_at: '2027-01-31T00:00:00.000Z',
      created_at: '2026-11-22T15:00:00.000Z',
      updated_at: '2026-11-22T15:00:00.000Z',
      revoked_at: null,
    };
    const { secret, ...rest } = body;
    expect(rest).toMatchObject(shown);
    expect((await ask('GET', '/keys/bot')).body).toEqual(rest);
    expect((await ask('GET', '/teams/new-team')).body).toMatchObject({ id: 'new-team', name: null, limits: [] });
    const holder = directory.find(credentialDigest(PEPPER, String(secret)).toString('hex'));
    expect(holder?.caller).toMatchObject({ keyId: 'bot', team: 'new-team', settings: { requestsPerMinute: 60 } });
    expect(directory.rulesOfKey('bot')).toEqual(settings.limits);
  });

  it('makes an id where none is given, another one each time', async () => {
    const { ask } = await makeAccessApp();
    const ids = [await ask('POST', '/keys', { team: 't' }), await ask('POST', '/keys', { team: 't' })].map(
      ({ body }) => body['id'],
    );
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^key-[0-9a-f]{12}$/);
  });

  it('takes a team of the file, listed or only named by a key, whatever its name', async () => {
    const { ask } = await makeAccessApp(`teams: [{ id: "Research & Dev" }]\n`);
    const { body } = await ask('POST', '/keys', { id: 'k', team: 'Research & Dev' });
    expect(body['team']).toBe('Research & Dev');
    expect((await ask('GET', '/teams')).body['data']).toMatchObject([{ id: 'Research & Dev', source: 'file' }]);
  });

  it('refuses an id that there is, was, or that the file has', async () => {
    const { ask } = await makeAccessApp(FILE);
    await ask('POST', '/keys', { id: 'a', team: 't' });
    await ask('POST', '/keys', { id: 'b', team: 't' });
    await ask('DELETE', '/keys/b');
    for (const id of ['a', 'b', 'static']) {
      const refused = await ask('POST', '/keys', { id, team: 't' });
      expect([id, refused.status, refused.error.code]).toEqual([id, 409, 'conflict']);
    }
  });
});

describe('bad bodies', () => {
  let app: AccessApp;
  beforeAll(async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'metertap-test-'));
    const journal = await openJournal({ dataDir, synchronous: 'normal', instanceId: 'test', clock: CLOCK });
    app = await accessAppOver(journal.access);
    await app.ask('POST', '/keys', { id: 'there', team: 't' });
    return async () => {
      await journal.close();
      rmSync(dataDir, { recursive: true, force: true });
    };
  });

  const MANY = Array.from({ length: 201 }, (_, n) => `m${n}`);
  const SETTINGS: readonly (readonly [what: string, body: object, param: string])[] = [
    ['an unknown member', { budget: 5 }, 'budget'],
    ['__proto__', JSON.parse('{"__proto__":{"scopes":[]}}'), '__proto__'],
    ['a secret of one’s own', { secret: 'mt_x' }, 'secret'],
    ['a name that is a number', { name: 5 }, 'name'],
    ['an empty name', { name: '' }, 'name'],
    ['labels that are a list', { labels: ['a'] }, 'labels'],
    ['a label that is a number', { labels: { a: 1 } }, 'labels'],
    ['a label of two lines', { labels: { a: 'x\ny' } }, 'labels'],
    ['scopes that are a text', { scopes: 'inference' }, 'scopes'],
    ['no scopes', { scopes: [] }, 'scopes'],
    ['an unknown scope', { scopes: ['inference', 'root'] }, 'scopes'],
    ['a scope in a list', { scopes: [['inference']] }, 'scopes'],
    ['no models', { models: [] }, 'models'],
    ['models that are a text', { models: 'gpt-5' }, 'models'],
    ['a model that is null', { models: [null] }, 'models'],
    ['an empty model', { models: [''] }, 'models'],
    ['too many models', { models: MANY }, 'models'],
    ['no endpoints', { endpoints: [] }, 'endpoints'],
    ['an endpoint of nothing', { endpoints: ['/v1/'] }, 'endpoints'],
    ['an endpoint with a query', { endpoints: ['models?x=1'] }, 'endpoints'],
    ['an endpoint that is encoded', { endpoints: ['chat%2Fcompletions'] }, 'endpoints'],
    ['limits that are an object', { limits: { requests: 5 } }, 'limits'],
    ['a rule that is null', { limits: [null] }, 'limits'],
    ['a rule of nothing', { limits: [{}] }, 'limits'],
    ['a rule of two measures', { limits: [{ requests: 5, tokens: 5, per: 'minute' }] }, 'limits'],
    ['a rule without its span', { limits: [{ requests: 5 }] }, 'limits'],
    ['a rule with an unknown member', { limits: [{ requests: 5, per: 'minute', x: 1 }] }, 'limits'],
    ['a negative rule', { limits: [{ requests: -5, per: 'minute' }] }, 'limits'],
    ['a budget that is a number', { limits: [{ budget_usd: 5, per: 'month' }] }, 'limits'],
    ['a budget with an exponent', { limits: [{ budget_usd: '1e3', per: 'month' }] }, 'limits'],
    ['too many rules', { limits: Array.from({ length: 33 }, () => ({ requests: 5, per: 'minute' })) }, 'limits'],
    ['another word for client_leaves', { client_leaves: 'stay' }, 'client_leaves'],
    ['another word for usage_event', { usage_event: true }, 'usage_event'],
    ['another word for unpriced_models', { unpriced_models: 'free' }, 'unpriced_models'],
    ['a rate of nothing', { requests_per_minute: 0 }, 'requests_per_minute'],
    ['a rate in a text', { requests_per_minute: '60' }, 'requests_per_minute'],
    ['a broken rate', { requests_per_minute: 1.5 }, 'requests_per_minute'],
    ['disabled as a text', { disabled: 'yes' }, 'disabled'],
    ['a day that does not exist', { expires_at: '2027-02-30' }, 'expires_at'],
    ['an end in words', { expires_at: 'tomorrow' }, 'expires_at'],
    ['an end that is a list', { expires_at: [] }, 'expires_at'],
  ];

  it.each(SETTINGS)('POST refuses %s', async (_what, body, param) => {
    const { status, error } = await app.ask('POST', '/keys', { ...body, team: 't' });
    expect([status, error.code, error.param]).toEqual([400, 'invalid_parameter', param]);
    expect(error.message.length).toBeGreaterThan(20);
  });

  it.each(SETTINGS)('PATCH refuses %s, and changes nothing', async (_what, body, param) => {
    const before = await app.ask('GET', '/keys/there');
    const { status, error } = await app.ask('PATCH', '/keys/there', { name: 'changed', ...body });
    expect([status, error.code, error.param]).toEqual([400, 'invalid_parameter', param]);
    expect(await app.ask('GET', '/keys/there')).toEqual(before);
  });

  it.each([
    ['no team', {}, 'team'],
    ['a team that is a number', { team: 5 }, 'team'],
    ['an empty team', { team: '' }, 'team'],
    ['a new team with a blank', { team: 'a b' }, 'team'],
    ['a new team with a slash', { team: 'a/b' }, 'team'],
    ['a new team that is too long', { team: 'x'.repeat(129) }, 'team'],
    ['an id with an underscore', { team: 't', id: 'a_b' }, 'id'],
    ['an id with a blank', { team: 't', id: 'a b' }, 'id'],
    ['an empty id', { team: 't', id: '' }, 'id'],
    ['an id that is too long', { team: 't', id: 'x'.repeat(65) }, 'id'],
    ['an id that is null', { team: 't', id: null }, 'id'],
    ['an end in the past', { team: 't', expires_at: '2026-11-22T14:59:59Z' }, 'expires_at'],
  ])('POST refuses %s', async (_what, body, param) => {
    const { status, error } = await app.ask('POST', '/keys', body);
    expect([status, error.code, error.param]).toEqual([400, 'invalid_parameter', param]);
  });

  it.each([
    ['another team', { team: 'other' }, 'team'],
    ['another id', { id: 'other' }, 'id'],
  ])('PATCH refuses %s', async (_what, body, param) => {
    const { status, error } = await app.ask('PATCH', '/keys/there', body);
    expect([status, error.param]).toEqual([400, param]);
  });

  it.each([-1, 1.5, '60', 31_536_001, true])('rotate refuses a grace of %s', async (grace_seconds) => {
    const { status, error } = await app.ask('POST', '/keys/there/rotate', { grace_seconds });
    expect([status, error.param]).toEqual([400, 'grace_seconds']);
  });

  it.each([
    ['POST', '/keys', '[]', 'invalid_parameter'],
    ['POST', '/keys', '"x"', 'invalid_parameter'],
    ['POST', '/keys', '{', 'malformed_body'],
    ['POST', '/keys?team=t', '{"team":"t"}', 'invalid_parameter'],
    ['PATCH', '/keys/there', '{"name":', 'malformed_body'],
    ['POST', '/keys/there/rotate', '{"grace":5}', 'invalid_parameter'],
    ['GET', '/keys?tema=t', undefined, 'invalid_parameter'],
    ['GET', '/keys?limit=0', undefined, 'invalid_parameter'],
    ['GET', '/keys?cursor=xyz', undefined, 'invalid_parameter'],
    ['GET', '/keys?include_revoked=yes', undefined, 'invalid_parameter'],
    ['GET', '/keys/there?x=1', undefined, 'invalid_parameter'],
    ['GET', '/audit?target=x', undefined, 'invalid_parameter'],
    ['GET', '/audit?target_type=colour', undefined, 'invalid_parameter'],
    ['GET', '/audit?start_time=now', undefined, 'invalid_parameter'],
  ] as const)('%s %s %s is refused', async (method, path, body, code) => {
    const { status, error } = await app.ask(method, path, body);
    expect([status, error.code]).toEqual([400, code]);
  });

  it.each([
    ['GET', '/keys/nobody'],
    ['PATCH', '/keys/nobody'],
    ['POST', '/keys/nobody/rotate'],
    ['DELETE', '/keys/nobody'],
    ['GET', '/teams/nobody'],
    ['PATCH', '/teams/nobody'],
    ['DELETE', '/teams/nobody'],
  ] as const)('%s %s is not found', async (method, path) => {
    const { status, error } = await app.ask(method, path, method === 'PATCH' ? { name: 'x' } : undefined);
    expect([status, error.code]).toEqual([404, 'not_found']);
  });
});

describe('PATCH /api/v1/keys/{id}', () => {
  it('changes what is named, and null sets it back', async () => {
    const { ask } = await makeAccessApp();
    const made = await ask('POST', '/keys', {
      id: 'k',
      team: 't',
      models: ['a'],
      labels: { a: 'b' },
      scopes: ['inference'],
    });
    const changed = await ask('PATCH', '/keys/k', { models: ['b'], requests_per_minute: 5 });
    expect(changed.body).toMatchObject({
      models: ['b'],
      requests_per_minute: 5,
      labels: { a: 'b' },
      scopes: ['inference'],
    });
    const cleared = await ask('PATCH', '/keys/k', {
      models: null,
      labels: null,
      scopes: null,
      requests_per_minute: null,
    });
    expect(cleared.body).toMatchObject({
      models: null,
      labels: {},
      scopes: ['inference', 'usage:read'],
      requests_per_minute: null,
      created_at: made.body['created_at'],
    });
  });

  it('says expired of a key that is past its end', async () => {
    const { ask } = await makeAccessApp();
    await ask('POST', '/keys', { id: 'k', team: 't' });
    const { body } = await ask('PATCH', '/keys/k', { expires_at: 1_600_000_000 });
    expect(body).toMatchObject({ status: 'expired', expires_at: '2020-09-13T12:26:40.000Z' });
  });
});

describe('what the file has', () => {
  it('is shown without its secret, and is not changed here', async () => {
    const { ask } = await makeAccessApp(FILE);
    const shown = await ask('GET', '/keys/static');
    expect(shown.body).toMatchObject({
      id: 'static',
      team: 'named',
      source: 'file',
      status: 'active',
      labels: { a: 'b' },
      models: ['gpt-*'],
      redacted_value: '…',
    });
    expect(JSON.stringify(shown.body)).not.toContain('a-static-key');
    for (const [method, path] of [
      ['PATCH', '/keys/static'],
      ['DELETE', '/keys/static'],
      ['POST', '/keys/static/rotate'],
      ['PATCH', '/teams/listed'],
      ['DELETE', '/teams/listed'],
    ] as const) {
      const refused = await ask(method, path, {});
      expect([path, refused.status, refused.error.code]).toEqual([path, 409, 'conflict']);
      expect(refused.error.message).toContain('configuration file');
    }
    expect((await ask('GET', '/teams/listed')).body).toEqual({
      id: 'listed',
      name: 'Listed',
      limits: [{ requests: 5, per: 'minute' }],
      source: 'file',
      created_at: null,
      updated_at: null,
    });
  });

  it('is in the lists beside what the API has made, in one order, page by page', async () => {
    const { ask } = await makeAccessApp(FILE);
    for (const id of ['a', 'z', 'm', 'gone']) await ask('POST', '/keys', { id, team: 'named' });
    await ask('DELETE', '/keys/gone');
    await ask('POST', '/keys', { id: 'other', team: 'apart' });
    const idsOf = async (query: string) => {
      const ids: unknown[] = [];
      let cursor = '';
      for (;;) {
        const { body } = await ask('GET', `/keys?limit=2${query}${cursor}`);
        ids.push(...asList(body['data']).map((key) => asRecord(key)['id']));
        if (body['next_cursor'] === null) return ids;
        cursor = `&cursor=${body['next_cursor']}`;
      }
    };
    expect(await idsOf('')).toEqual(['a', 'm', 'other', 'static', 'z']);
    expect(await idsOf('&team=named')).toEqual(['a', 'm', 'static', 'z']);
    expect(await idsOf('&include_revoked=true')).toEqual(['a', 'gone', 'm', 'other', 'static', 'z']);
    const teams = asList((await ask('GET', '/teams')).body['data']).map((team) => asRecord(team));
    expect(teams.map(({ id, source }) => [id, source])).toEqual([
      ['apart', 'api'],
      ['listed', 'file'],
      ['named', 'api'],
    ]);
  });

  it('may name teams whose limits are kept by the API', async () => {
    const { ask } = await makeAccessApp(FILE);
    expect((await ask('GET', '/teams/named')).body['source']).toBe('file');
    const made = await ask('POST', '/teams', { id: 'named', limits: [{ parallel: 3 }] });
    expect(made.status).toBe(201);
    expect((await ask('GET', '/teams/named')).body).toMatchObject({ source: 'api', limits: [{ parallel: 3 }] });
  });
});

describe('the key of a team', () => {
  it('sees its own team and its keys, and changes nothing', async () => {
    const { ask } = await makeAccessApp();
    await ask('POST', '/keys', { id: 'own', team: 'research' });
    await ask('POST', '/keys', { id: 'foreign', team: 'other' });
    const see = (path: string) => ask('GET', path, undefined, RESEARCH);
    expect((await see('/keys')).body['data']).toMatchObject([{ id: 'own' }]);
    expect((await see('/teams')).body['data']).toMatchObject([{ id: 'research' }]);
    expect([(await see('/keys/own')).status, (await see('/teams/research')).status]).toEqual([200, 200]);
    expect([(await see('/keys/foreign')).status, (await see('/teams/other')).status]).toEqual([404, 404]);
    expect([(await see('/keys?team=other')).status, (await see('/audit')).status]).toEqual([403, 403]);
    for (const [method, path] of [
      ['POST', '/keys'],
      ['PATCH', '/keys/own'],
      ['DELETE', '/keys/own'],
      ['POST', '/keys/own/rotate'],
      ['POST', '/teams'],
      ['PATCH', '/teams/research'],
      ['DELETE', '/teams/research'],
    ] as const) {
      const refused = await ask(method, path, { team: 'research' }, RESEARCH);
      expect([path, refused.status, refused.error.code]).toEqual([path, 403, 'permission_denied']);
    }
  });
});

describe('/api/v1/teams', () => {
  it('are made, changed and deleted, and may be made again', async () => {
    const { ask, directory } = await makeAccessApp();
    const rules = [{ budget_usd: '500', per: 'month' }];
    const made = await ask('POST', '/teams', { id: 'research', name: 'Research', limits: rules });
    expect([made.status, made.body['limits'], directory.rulesOfTeam('research')]).toEqual([201, rules, rules]);
    expect((await ask('POST', '/teams', { id: 'research' })).status).toBe(409);
    const changed = await ask('PATCH', '/teams/research', { limits: null });
    expect([changed.body['name'], changed.body['limits']]).toEqual(['Research', []]);
    expect(directory.rulesOfTeam('research')).toEqual([]);

    await ask('POST', '/keys', { id: 'k', team: 'research' });
    expect((await ask('DELETE', '/teams/research')).error.code).toBe('conflict');
    await ask('DELETE', '/keys/k');
    expect((await ask('DELETE', '/teams/research')).body).toMatchObject({ deleted_at: expect.any(String) });
    expect((await ask('GET', '/teams/research')).status).toBe(404);
    expect((await ask('POST', '/teams', { id: 'research' })).body).toMatchObject({ name: null });
    expect((await ask('POST', '/teams', {})).body['id']).toMatch(/^team-[0-9a-f]{12}$/);
  });

  it.each([
    [{ id: 'a b' }, 'id'],
    [{ id: '-a' }, 'id'],
    [{ id: 5 }, 'id'],
    [{ name: 5 }, 'name'],
    [{ limits: [{ requests: 1 }] }, 'limits'],
    [{ labels: {} }, 'labels'],
  ])('refuses %o', async (body, param) => {
    const { ask } = await makeAccessApp();
    const { status, error } = await ask('POST', '/teams', body);
    expect([status, error.code, error.param]).toEqual([400, 'invalid_parameter', param]);
  });
});

describe('GET /api/v1/audit', () => {
  it('tells every change, by whom and from where, what was and what is, the newest first', async () => {
    const { ask } = await makeAccessApp();
    const { body } = await ask('POST', '/keys', { id: 'k', team: 'research' });
    await ask('PATCH', '/keys/k', { disabled: true });
    await ask('PATCH', '/keys/k', { disabled: true });
    await ask('POST', '/keys/k/rotate', { grace_seconds: 60 });
    await ask('DELETE', '/keys/k');
    await ask('DELETE', '/keys/k');
    await ask('PATCH', '/teams/research', { name: 'R' });
    await ask('DELETE', '/teams/research');
    await ask('PATCH', '/keys/nobody', { disabled: true });

    const audit = await ask('GET', '/audit');
    const rows = asList(audit.body['data']).map(asRecord);
    expect(rows.map(({ action, target_type, target_id, team }) => [action, target_type, target_id, team])).toEqual([
      ['team.delete', 'team', 'research', 'research'],
      ['team.update', 'team', 'research', 'research'],
      ['key.revoke', 'key', 'k', 'research'],
      ['key.rotate', 'key', 'k', 'research'],
      ['key.update', 'key', 'k', 'research'],
      ['key.create', 'key', 'k', 'research'],
      ['team.create', 'team', 'research', 'research'],
    ]);
    expect(rows[4]).toMatchObject({
      actor: 'admin',
      at: '2026-11-22T15:00:00.000Z',
      before: { disabled: false },
      after: { disabled: true },
      request_id: expect.any(String),
      address: '127.0.0.1',
    });
    expect(rows[5]?.['before']).toBeNull();
    expect(JSON.stringify(rows)).not.toContain(String(body['secret']).slice('mt_k_'.length, -4));
  });

  it('is narrowed by target, actor, action and time, and read page by page', async () => {
    const { ask } = await makeAccessApp();
    for (const id of ['a', 'b']) {
      await ask('POST', '/keys', { id, team: 't' });
      await ask('DELETE', `/keys/${id}`);
    }
    const actions = async (query: string) => {
      const { body } = await ask('GET', `/audit?${query}`);
      return asList(body['data']).map((row) => `${asRecord(row)['action']} ${asRecord(row)['target_id']}`);
    };
    expect(await actions('target_type=key&target_id=a')).toEqual(['key.revoke a', 'key.create a']);
    expect(await actions('action=key.create')).toEqual(['key.create b', 'key.create a']);
    expect(await actions('actor=key:x')).toEqual([]);
    expect(await actions('start_time=2026-11-22T15:00:00Z&end_time=2026-11-22T15:00:01Z')).toHaveLength(5);
    expect(await actions('end_time=2026-11-22T15:00:00Z')).toEqual([]);
    const first = (await ask('GET', '/audit?limit=3')).body;
    const second = (await ask('GET', `/audit?limit=3&cursor=${first['next_cursor']}`)).body;
    expect([asList(first['data']).length, asList(second['data']).length, second['next_cursor']]).toEqual([3, 2, null]);
  });
});
