import { describe, expect, it } from 'vitest';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { ADMIN, makeManagementApp, RESEARCH } from './management-app.ts';

const get = (url: string, headers = ADMIN) => ({ method: 'GET', url, headers }) as const;

describe('GET /api/v1/runs', () => {
  const records = [
    makeCallRecord(1, { run_id: 'a', cost_nano_usd: 3 }),
    makeCallRecord(2, { run_id: 'b', cost_nano_usd: 20, session_id: 'chat-7' }),
    makeCallRecord(3, { run_id: 'c', cost_nano_usd: 100 }),
    makeCallRecord(4, { run_id: 'a', team: 'other', cost_nano_usd: 5 }),
  ];

  it('lists runs with their totals, the last active first', async () => {
    const { app } = makeManagementApp(records);
    const answer = await app.inject(get('/api/v1/runs'));
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    const { data, next_cursor } = answer.json();
    expect(data.map((run: { team: string; run_id: string }) => `${run.team}/${run.run_id}`)).toEqual([
      'other/a',
      'research/c',
      'research/b',
      'research/a',
    ]);
    expect(data[1]).toMatchObject({ usage: { requests: 1, total_tokens: 110 }, cost_usd: '0.000000100' });
    expect(data[1].usage).not.toHaveProperty('request_usage_entries');
    expect(next_cursor).toBeNull();
  });

  it('shows the owner of a key its own team only', async () => {
    const { app } = makeManagementApp(records);
    const answer = await app.inject(get('/api/v1/runs', RESEARCH));
    expect(answer.json().data).toHaveLength(3);
    const other = await app.inject(get('/api/v1/runs?team=other', RESEARCH));
    expect(other.statusCode).toBe(403);
    expect(other.json().error).toMatchObject({ code: 'permission_denied', param: 'team' });
  });

  it.each([
    ['team=other', ['a']],
    ['session_id=chat-7', ['b']],
    ['team=research&end_time=2026-11-22T12:00:02Z', ['a']],
    ['start_time=2026-11-22T12:00:04Z', ['a']],
  ])('is narrowed by %s', async (query, expected) => {
    const { app } = makeManagementApp(records);
    const { data } = (await app.inject(get(`/api/v1/runs?${query}`))).json();
    expect(data.map((run: { run_id: string }) => run.run_id)).toEqual(expected);
  });

  it.each(['-cost', '-last_activity_at'])('goes on page by page, ordered by %s', async (order) => {
    const { app } = makeManagementApp(records);
    const whole = (await app.inject(get(`/api/v1/runs?order=${order}`))).json().data;
    const paged: unknown[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page = (await app.inject(get(`/api/v1/runs?order=${order}&limit=1${query}`))).json();
      expect(page.data).toHaveLength(1);
      paged.push(...page.data);
      cursor = page.next_cursor;
    } while (cursor !== null);
    expect(paged).toEqual(whole);
  });

  it('orders by cost as numbers, not as text', async () => {
    const { app } = makeManagementApp(records);
    const { data } = (await app.inject(get('/api/v1/runs?order=-cost&team=research'))).json();
    expect(data.map((run: { run_id: string }) => run.run_id)).toEqual(['c', 'b', 'a']);
  });

  it('refuses the cursor of another query', async () => {
    const { app } = makeManagementApp(records);
    const { next_cursor } = (await app.inject(get('/api/v1/runs?limit=1'))).json();
    for (const url of [`/api/v1/runs?order=-cost&cursor=${next_cursor}`, `/api/v1/records?cursor=${next_cursor}`]) {
      const answer = await app.inject(get(url));
      expect(answer.statusCode).toBe(400);
      expect(answer.json().error).toMatchObject({ code: 'invalid_parameter', param: 'cursor' });
    }
    const asTeam = await app.inject(get(`/api/v1/runs?cursor=${next_cursor}`, RESEARCH));
    expect(asTeam.statusCode).toBe(400);
  });

  it.each([
    ['colour=red', 'colour'],
    ['order=cost', 'order'],
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['start_time=yesterday', 'start_time'],
    ['start_time=2026-11-23&end_time=2026-11-22', 'start_time'],
    ['start_time=2001-01-01&end_time=2026-01-01', 'start_time'],
    ['team=', 'team'],
    ['cursor=nonsense', 'cursor'],
    ['%5B%5D=x', ''],
  ])('refuses ?%s', async (query, param) => {
    const { app } = makeManagementApp(records);
    const answer = await app.inject(get(`/api/v1/runs?${query}`));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatchObject({ type: 'invalid_request_error', code: 'invalid_parameter', param });
  });
});

describe('GET /api/v1/runs/{run_id}', () => {
  it('gives the run with its entries', async () => {
    const { app } = makeManagementApp([makeCallRecord(1), makeCallRecord(2)]);
    const answer = await app.inject(get('/api/v1/runs/nightly-42', RESEARCH));
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ run_id: 'nightly-42', usage: { requests: 2, input_tokens: 200 } });
    expect(answer.json().usage.request_usage_entries).toHaveLength(2);
    expect(answer.json()).not.toHaveProperty('children_tree');
  });

  it('gives the tree where it is asked for', async () => {
    const { app } = makeManagementApp([
      makeCallRecord(1),
      makeCallRecord(2, { run_id: 'b', parent_run_id: 'nightly-42' }),
    ]);
    const run = (await app.inject(get('/api/v1/runs/nightly-42?include=children'))).json();
    expect(run).toMatchObject({
      children: ['b'],
      children_tree: [{ run_id: 'b' }],
      cost_usd_with_children: '0.002000000',
    });
  });

  it.each(['a/b', 'wéird ☂ id', '100%', '%2F', 'a?b#c', 'a+b', 'x'.repeat(256)])('finds the run %s', async (id) => {
    const { app } = makeManagementApp([makeCallRecord(1, { run_id: id })]);
    const path = encodeURIComponent(id);
    const answer = await app.inject(get(`/api/v1/runs/${path}`));
    expect(answer.statusCode).toBe(200);
    expect(answer.json().run_id).toBe(id);
  });

  it('asks an administrator for the team where several have the id, and names them', async () => {
    const { app } = makeManagementApp([makeCallRecord(1), makeCallRecord(2, { team: 'other' })]);
    const answer = await app.inject(get('/api/v1/runs/nightly-42'));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatchObject({ code: 'invalid_parameter', param: 'team' });
    expect(answer.json().error.message).toContain('other, research');
    const narrowed = await app.inject(get('/api/v1/runs/nightly-42?team=other'));
    expect(narrowed.json()).toMatchObject({ team: 'other', usage: { requests: 1 } });
    const own = await app.inject(get('/api/v1/runs/nightly-42', RESEARCH));
    expect(own.json()).toMatchObject({ team: 'research', usage: { requests: 1 } });
  });

  it.each([
    ['an unknown run', '/api/v1/runs/nobody', ADMIN, 404, 'not_found'],
    ['an unknown run of a team', '/api/v1/runs/nobody?team=research', ADMIN, 404, 'not_found'],
    ['the run of another team', '/api/v1/runs/theirs', RESEARCH, 404, 'not_found'],
    ['another team', '/api/v1/runs/theirs?team=other', RESEARCH, 403, 'permission_denied'],
    ['an id that is too long', `/api/v1/runs/${'x'.repeat(257)}`, ADMIN, 400, 'invalid_parameter'],
    ['an id with control characters', '/api/v1/runs/a%00b', ADMIN, 400, 'invalid_parameter'],
    ['a blank id', '/api/v1/runs/%20', ADMIN, 400, 'invalid_parameter'],
    ['an unknown include', '/api/v1/runs/theirs?include=parents', ADMIN, 400, 'invalid_parameter'],
  ])('refuses %s', async (_what, url, headers, status, code) => {
    const { app } = makeManagementApp([makeCallRecord(1, { run_id: 'theirs', team: 'other' })]);
    const answer = await app.inject(get(url, headers));
    expect(answer.statusCode).toBe(status);
    expect(answer.json().error.code).toBe(code);
  });

  it('does not tell whether a run exists to a stranger', async () => {
    const { app } = makeManagementApp([makeCallRecord(1)]);
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: '' }]) {
      for (const id of ['nightly-42', 'nobody']) {
        const answer = await app.inject({ url: `/api/v1/runs/${id}`, headers });
        expect(answer.statusCode).toBe(401);
        expect(answer.json().error.code).toBe('invalid_api_key');
      }
    }
  });
});
