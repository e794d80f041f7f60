import { describe, expect, it } from 'vitest';
import { MOST_RECORDS } from '../../../src/reporting/named-dimensions.ts';
import { makeCallRecord, makeFailedRecord } from '../../support/make-call-record.ts';
import { ADMIN, makeManagementApp, RESEARCH } from './management-app.ts';

const get = (url: string, headers = ADMIN) => ({ method: 'GET', url, headers }) as const;
const idsOf = (answer: { json(): { data: { id: string }[] } }) => answer.json().data.map((record) => record.id);

describe('GET /api/v1/records', () => {
  const records = [
    makeCallRecord(1),
    makeFailedRecord(2, { run_id: 'b', key_id: 'other-key' }),
    makeCallRecord(3, { team: 'other', session_id: 'chat-7', response_model: 'gpt-6' }),
  ];

  it('lists ledger rows, newest first, page by page', async () => {
    const { app } = makeManagementApp(records);
    const first = await app.inject(get('/api/v1/records?limit=2'));
    expect(idsOf(first)).toEqual([records[2]?.id, records[1]?.id]);
    const second = await app.inject(get(`/api/v1/records?limit=2&cursor=${first.json().next_cursor}`));
    expect(idsOf(second)).toEqual([records[0]?.id]);
    expect(second.json().next_cursor).toBeNull();
    expect(second.json().data[0]).toEqual({ ...records[0], corrected_cost_usd: records[0]?.cost_usd });
  });

  it.each([
    ['team=other', [3]],
    ['key_id=other-key', [2]],
    ['run_id=b', [2]],
    ['session_id=chat-7', [3]],
    ['model=gpt-6', [3]],
    ['ending=upstream_error', [2]],
    ['start_time=2026-11-22T12:00:02Z&end_time=2026-11-22T12:00:03Z', [2]],
  ])('is narrowed by %s', async (query, expected) => {
    const { app } = makeManagementApp(records);
    const answer = await app.inject(get(`/api/v1/records?${query}`));
    expect(idsOf(answer)).toEqual(expected.map((n) => makeCallRecord(n).id));
  });

  it('shows the owner of a key its own team only', async () => {
    const { app } = makeManagementApp(records);
    expect(idsOf(await app.inject(get('/api/v1/records', RESEARCH)))).toHaveLength(2);
    expect((await app.inject(get('/api/v1/records?team=other', RESEARCH))).statusCode).toBe(403);
  });

  it.each(['ending=done', 'limit=1001', 'run=x', 'start_time=x'])('refuses ?%s', async (query) => {
    const { app } = makeManagementApp(records);
    const answer = await app.inject(get(`/api/v1/records?${query}`));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error.code).toBe('invalid_parameter');
  });

  it('gives one record, and to nobody but its team', async () => {
    const { app } = makeManagementApp(records);
    const answer = await app.inject(get(`/api/v1/records/${records[2]?.id}`));
    expect(answer.json()).toEqual({ ...records[2], corrected_cost_usd: records[2]?.cost_usd, corrections: [] });
    const stranger = await app.inject(get(`/api/v1/records/${records[2]?.id}`, RESEARCH));
    expect(stranger.statusCode).toBe(404);
    expect(stranger.json().error.code).toBe('not_found');
  });
});

describe('GET /api/v1/usage', () => {
  const records = [
    makeCallRecord(1, { run_id: 'a,1' }),
    makeCallRecord(2, { run_id: 'b', usage_source: 'estimated' }),
    makeCallRecord(3, { run_id: 'c', team: 'other' }),
  ];

  it('gives the last 24 hours by the hour, where nothing else is asked', async () => {
    const { app } = makeManagementApp(records);
    const { data, next_cursor } = (await app.inject(get('/api/v1/usage'))).json();
    expect(data).toHaveLength(24);
    expect(data[0].start_time).toBe('2026-11-21T15:00:00.000Z');
    expect(data[23].end_time).toBe('2026-11-22T15:00:00.000Z');
    expect(data[21].results).toMatchObject([{ requests: 3, total_tokens: 220, not_counted: { estimated: 1 } }]);
    expect(next_cursor).toBeNull();
  });

  it.each([
    ['1m', 60],
    ['1h', 24],
    ['1d', 8],
  ])('has a range of its own for buckets of %s', async (bucket, expected) => {
    const { app } = makeManagementApp(records);
    const { data } = (await app.inject(get(`/api/v1/usage?bucket=${bucket}`))).json();
    expect(data).toHaveLength(expected);
  });

  it.each([
    ['run_id[]=a,1', 1],
    ['run_id[]=a,1&run_id[]=c', 2],
    ['run_id=b&run_id=c', 2],
    ['run_id=b,c', 2],
    ['team=other', 1],
    ['usage_source=estimated', 1],
    ['model=gpt-5-mini-2026-02-01', 3],
    ['upstream=openai&endpoint=chat/completions&service_tier=default&key_id=ci', 3],
  ])('is narrowed by %s', async (query, requests) => {
    const { app } = makeManagementApp(records);
    const { data } = (await app.inject(get(`/api/v1/usage?${query}`))).json();
    expect(data[21].results[0].requests).toBe(requests);
  });

  it('takes estimates in where they are wanted', async () => {
    const { app } = makeManagementApp(records);
    const { data } = (await app.inject(get('/api/v1/usage?include_estimated=true'))).json();
    expect(data[21].results[0].total_tokens).toBe(330);
  });

  it('groups by several dimensions', async () => {
    const { app } = makeManagementApp(records);
    const { data } = (await app.inject(get('/api/v1/usage?group_by=team,run_id'))).json();
    expect(data[21].results).toMatchObject([
      { team: 'research', run_id: 'a,1', requests: 1 },
      { team: 'research', run_id: 'b', requests: 1 },
      { team: 'other', run_id: 'c', requests: 1 },
    ]);
  });

  it('shows the owner of a key its own team only', async () => {
    const { app } = makeManagementApp(records);
    const { data } = (await app.inject(get('/api/v1/usage', RESEARCH))).json();
    expect(data[21].results[0].requests).toBe(2);
    for (const query of ['team=other', 'team=research,other', 'team[]=other']) {
      expect((await app.inject(get(`/api/v1/usage?${query}`, RESEARCH))).statusCode).toBe(403);
    }
  });

  it('goes on with a cursor, and only in the same query', async () => {
    const { app } = makeManagementApp(records);
    const first = (await app.inject(get('/api/v1/usage?limit=20'))).json();
    expect(first.data).toHaveLength(20);
    const second = (await app.inject(get(`/api/v1/usage?limit=20&cursor=${first.next_cursor}`))).json();
    expect(second.data).toHaveLength(4);
    expect(second.next_cursor).toBeNull();
    const other = await app.inject(get(`/api/v1/usage?group_by=model&cursor=${first.next_cursor}`));
    expect(other.json().error).toMatchObject({ code: 'invalid_parameter', param: 'cursor' });
  });

  it.each([
    ['bucket=5m', 'bucket'],
    ['group_by=colour', 'group_by'],
    ['group_by=team,', 'group_by'],
    ['group_by=batch', 'group_by'],
    ['usage_source=guessed', 'usage_source'],
    ['include_estimated=yes', 'include_estimated'],
    ['limit=745', 'limit'],
    ['bucket=1d&limit=401', 'limit'],
    ['bucket=1m&limit=1441', 'limit'],
    ['start_time=2026-11-23', 'start_time'],
    ['start_time=2016-01-01', 'start_time'],
    ['start_time=1763783192973', 'start_time'],
    ['bucket_width=1h', 'bucket_width'],
  ])('refuses ?%s', async (query, param) => {
    const { app } = makeManagementApp(records);
    const answer = await app.inject(get(`/api/v1/usage?${query}`));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatchObject({ code: 'invalid_parameter', param });
  });

  it.each([
    ['start_time=2026-11-22T10:30:00Z', 'start_time', '2026-11-22T10:00:00Z or 2026-11-22T11:00:00Z'],
    ['start_time=2026-11-22T10:00:00.001Z', 'start_time', '2026-11-22T10:00:00Z or 2026-11-22T11:00:00Z'],
    ['end_time=2026-11-22T10:59:59Z', 'end_time', '2026-11-22T10:00:00Z or 2026-11-22T11:00:00Z'],
    ['bucket=1m&start_time=1795343401', 'start_time', '2026-11-22T10:30:00Z or 2026-11-22T10:31:00Z'],
    ['bucket=1d&start_time=2026-11-20&end_time=2026-11-21T10:00:00Z', 'end_time', '2026-11-21T00:00:00Z or 2026-11-22'],
    ['bucket=1d&start_time=2026-11-20T00:00:00%2B01:00', 'start_time', '2026-11-19T00:00:00Z or 2026-11-20T00:00:00Z'],
  ])('refuses the time within a bucket in ?%s, and names the nearest', async (query, param, nearest) => {
    const { app } = makeManagementApp(records);
    const answer = await app.inject(get(`/api/v1/usage?${query}`));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatchObject({ code: 'invalid_parameter', param });
    const given = new URLSearchParams(query).get(param);
    expect(answer.json().error.message).toContain(`${param} ${JSON.stringify(given)}`);
    expect(answer.json().error.message).toContain(`Send ${nearest}`);
  });

  it('cuts the first and the last bucket where that is asked for', async () => {
    const { app } = makeManagementApp(records);
    const sums = async (range: string): Promise<unknown> => {
      const answer = await app.inject(get(`/api/v1/usage?bucket=1d&partial_buckets=true&${range}`));
      const { data }: { data: { results: { requests: number }[] }[] } = answer.json();
      return data.map(({ results }) => results[0]?.requests);
    };
    const at = Date.parse(makeCallRecord(1).started_at) / 1_000;
    expect(await sums('start_time=2026-11-22T00:00:01Z')).toEqual([3]);
    expect(await sums(`start_time=2026-11-21T23:00:00Z&end_time=${at}`)).toEqual([undefined, undefined]);
    expect(await sums(`start_time=2026-11-22T01:00:00Z&end_time=${(at + 0.001).toFixed(3)}`)).toEqual([1]);
  });

  it('does not widen a range that the books cannot tell any more', async () => {
    const { app, reader } = makeManagementApp(records);
    const day = Date.parse('2026-06-01');
    reader.usageSpan = async () => ({
      startMs: day,
      endMs: day + 2 * 86_400_000,
      startUnit: '1d',
      endUnit: '1h',
      recordsKeptFromMs: 0,
    });
    const ask = async (range: string) => {
      const answer = await app.inject(get(`/api/v1/usage?bucket=1d&partial_buckets=true&${range}`));
      return { status: answer.statusCode, error: answer.json().error };
    };
    const tooFine = await ask('start_time=2026-06-01T10:30:00Z&end_time=2026-06-03');
    expect(tooFine).toMatchObject({ status: 400, error: { code: 'invalid_parameter', param: 'start_time' } });
    expect(tooFine.error.message).toContain('only whole days of these sums are kept');
    expect(tooFine.error.message).toContain('2026-06-01T00:00:00Z or 2026-06-02T00:00:00Z');
    expect(await ask('start_time=2026-06-01&end_time=2026-06-02T10:30:00Z')).toMatchObject({
      error: { param: 'end_time', message: expect.stringContaining('2026-06-02T10:00:00Z or 2026-06-02T11:00:00Z') },
    });
    expect(await ask('start_time=2026-06-01&end_time=2026-06-03')).toMatchObject({ status: 200 });
  });

  describe('by tags and labels', () => {
    const tagged = [
      makeCallRecord(1, { tags: { project: 'apollo', step: 'plan' }, labels: { cost_center: '4711' } }),
      makeCallRecord(2, { tags: { project: 'apollo', 'a b.c': 'x,y' }, labels: {} }),
      makeCallRecord(3, { tags: {}, labels: { cost_center: '4712' } }),
      makeCallRecord(4, { tags: { project: 'zeus' }, team: 'other', labels: {} }),
    ];
    const ask = async (query: string, headers = ADMIN) => {
      const { app } = makeManagementApp(tagged);
      const answer = await app.inject(get(`/api/v1/usage?${query}`, headers));
      const { data, error }: { data?: { results: Record<string, unknown>[] }[]; error?: unknown } = answer.json();
      return { status: answer.statusCode, error, results: data?.flatMap(({ results }) => results) };
    };

    it('groups, beside the dimensions', async () => {
      expect((await ask('group_by=team,tag.project')).results).toMatchObject([
        { team: 'research', 'tag.project': 'apollo', requests: 2 },
        { team: 'research', 'tag.project': null, requests: 1 },
        { team: 'other', 'tag.project': 'zeus', requests: 1 },
      ]);
      expect((await ask('group_by[]=label.cost_center')).results).toMatchObject([
        { 'label.cost_center': '4711', requests: 1 },
        { 'label.cost_center': null, requests: 2 },
        { 'label.cost_center': '4712', requests: 1 },
      ]);
    });

    it.each([
      ['tag.project=apollo', 2],
      ['tag.project=apollo,zeus', 3],
      ['tag.project=apollo&tag.step=plan', 1],
      [`${encodeURIComponent('tag.a b.c')}[]=x,y`, 1],
      ['label.cost_center=4711&label.cost_center=4712', 2],
      ['tag.project=nothing', 0],
    ])('is narrowed by %s', async (query, requests) => {
      const { results } = await ask(query);
      expect(results?.reduce((sum, result) => sum + Number(result['requests']), 0)).toBe(requests);
    });

    it('shows the owner of a key its own team only', async () => {
      expect((await ask('group_by=tag.project', RESEARCH)).results?.map((result) => result['tag.project'])).toEqual([
        'apollo',
        null,
      ]);
    });

    it.each([
      ['group_by=tag', 'group_by'],
      ['group_by=tag.', 'group_by'],
      ['group_by=tags.project', 'group_by'],
      ['tag.=x', 'tag.'],
      ['tag.project=', 'tag.project'],
      ['tag=project', 'tag'],
      ['group_by=tag.a,tag.b,tag.c,tag.d,tag.e', 'group_by'],
      [[1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `tag.t${n}=x`).join('&'), 'tag.t1'],
    ])('refuses ?%s', async (query, param) => {
      expect(await ask(query)).toMatchObject({ status: 400, error: { code: 'invalid_parameter', param } });
    });

    it('refuses what the records cannot tell: more than are read one by one, and what is not kept', async () => {
      const { app, reader } = makeManagementApp(tagged);
      const message = async (query: string): Promise<unknown> => {
        const answer = await app.inject(get(`/api/v1/usage?${query}`));
        expect([answer.statusCode, answer.json().error?.param]).toEqual([400, 'start_time']);
        return answer.json().error.message;
      };
      const usageSpan = reader.usageSpan.bind(reader);
      const keptFromMs = Date.parse('2026-11-22T03:00:00Z');
      reader.usageSpan = async (query) => ({ ...(await usageSpan(query)), recordsKeptFromMs: keptFromMs });
      expect(await message('bucket=1d&group_by=tag.project')).toContain('are kept from 2026-11-23T00:00:00Z on');
      reader.usageSpan = usageSpan;
      const usage = reader.usage.bind(reader);
      reader.usage = async (query) => (await usage(query)).map((row) => ({ ...row, records: MOST_RECORDS + 1 }));
      expect(await message('bucket=1d&tag.project=apollo')).toContain('250000 calls at most');
    });
  });

  it('names the dimensions that there are', async () => {
    const { app } = makeManagementApp();
    const { error } = (await app.inject(get('/api/v1/usage?group_by=colour'))).json();
    expect(error.message).toContain('team, key_id, upstream, endpoint, model');
  });
});

describe('GET /api/v1/sessions/{session_id}', () => {
  const records = [
    makeCallRecord(1, { session_id: 'chat/7' }),
    makeCallRecord(2, { session_id: 'chat/7', run_id: null }),
    makeCallRecord(3, { session_id: 'both' }),
    makeCallRecord(4, { session_id: 'both', team: 'other' }),
  ];

  it('gives the runs of the session and their sum', async () => {
    const { app } = makeManagementApp(records);
    const answer = await app.inject(get('/api/v1/sessions/chat%2F7'));
    expect(answer.json()).toMatchObject({
      session_id: 'chat/7',
      usage: { requests: 2 },
      runs: [{ run_id: 'nightly-42' }],
      without_run: { usage: { requests: 1 } },
    });
  });

  it.each([
    ['an unknown session', '/api/v1/sessions/nobody', ADMIN, 404, 'not_found'],
    ['a session of several teams', '/api/v1/sessions/both', ADMIN, 400, 'invalid_parameter'],
    ['another team', '/api/v1/sessions/both?team=other', RESEARCH, 403, 'permission_denied'],
    ['an unknown parameter', '/api/v1/sessions/both?include=x', ADMIN, 400, 'invalid_parameter'],
    ['a stranger', '/api/v1/sessions/both', { authorization: 'Bearer x' }, 401, 'invalid_api_key'],
  ])('refuses %s', async (_what, url, headers, status, code) => {
    const { app } = makeManagementApp(records);
    const answer = await app.inject(get(url, headers));
    expect(answer.statusCode).toBe(status);
    expect(answer.json().error.code).toBe(code);
  });

  it('gives an administrator the session of the team that is named', async () => {
    const { app } = makeManagementApp(records);
    expect((await app.inject(get('/api/v1/sessions/both?team=other'))).json()).toMatchObject({ team: 'other' });
  });
});
