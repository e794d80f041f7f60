import { describe, expect, it } from 'vitest';
import type { LimitFields } from '../../../src/core/limit-fields.ts';
import { ruleOf } from '../../../src/limits/read-rules.ts';
import { makeCallRecord } from '../../support/make-call-record.ts';
import { ADMIN, makeManagementApp, RESEARCH } from './management-app.ts';

const rule = (fields: LimitFields) => ruleOf(fields, { onStoreFailure: 'open', alertAt: [] });
const RULES = {
  owners: [
    {
      team: 'research',
      keyId: null,
      rules: [rule({ budget_usd: '5', per: 'month' }), rule({ requests: 9, per: 'day', each: 'user' })],
    },
    { team: 'research', keyId: 'ci', rules: [rule({ requests: 60, per: 'minute' })] },
    { team: 'sales', keyId: null, rules: [rule({ tokens: 1_000, per: 'day', model: 'gpt-*' })] },
  ],
  ofRuns: [rule({ requests: 50, per: 'run' })],
};

async function limits(query: string, headers = ADMIN) {
  const { app } = makeManagementApp([makeCallRecord(1)], {}, RULES);
  const answer = await app.inject({ url: `/api/v1/limits${query}`, headers });
  return { status: answer.statusCode, body: answer.json() };
}

describe('GET /api/v1/limits', () => {
  it('gives every limit of teams and keys with what is used, held and left, and when it resets', async () => {
    const { body } = await limits('');
    expect(body.data.map((one: { rule: string; scope: string }) => [one.scope, one.rule])).toEqual([
      ['team', 'budget_usd per month'],
      ['key', 'requests per minute'],
      ['team', 'tokens per day of gpt-*'],
    ]);
    expect(body.next_cursor).toBeNull();
    const [budget] = body.data;
    const used = Number(budget.used);
    expect(used).toBeGreaterThan(0);
    expect(Number(budget.remaining)).toBeCloseTo(5 - used, 9);
    expect(budget).toMatchObject({
      team: 'research',
      measure: 'budget_usd',
      budget_usd: '5.000000000',
      limit: '5.000000000',
      held: '0.000000000',
      per: 'month',
      window: 'calendar',
      timezone: 'UTC',
      resets_at: '2026-12-01T00:00:00.000Z',
    });
  });

  it('adds those of a run, and those that count each user, where these are named', async () => {
    const record = makeCallRecord(1);
    const { body } = await limits(`?team=research&run_id=${record.run_id}&user=ada`);
    const scopes = body.data.map((one: { scope: string }) => one.scope);
    expect(scopes).toEqual(['team', 'user', 'key', 'run']);
    expect(body.data.at(-1)).toMatchObject({
      run_id: record.run_id,
      requests: 50,
      used: 1,
      remaining: 49,
      resets_at: null,
    });
  });

  it('goes page by page', async () => {
    const first = await limits('?limit=2');
    expect(first.body.data).toHaveLength(2);
    const second = await limits(`?limit=2&cursor=${first.body.next_cursor}`);
    expect(second.body.data.map((one: { team: string }) => one.team)).toEqual(['sales']);
    expect(second.body.next_cursor).toBeNull();
  });

  it('shows the owner of a key its own team only', async () => {
    const { body } = await limits('', RESEARCH);
    expect(new Set(body.data.map((one: { team: string }) => one.team))).toEqual(new Set(['research']));
    expect((await limits('?team=sales', RESEARCH)).status).toBe(403);
  });

  it.each([
    ['?month=1', 'month'],
    ['?limit=0', 'limit'],
    ['?cursor=x', 'cursor'],
    ['?key_id=', 'key_id'],
  ])('refuses %s', async (query, param) => {
    const { status, body } = await limits(query);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: 'invalid_parameter', param });
  });
});

describe('PUT /api/v1/runs/{run_id}', () => {
  const put = (limits: unknown) => ({
    method: 'PUT' as const,
    url: '/api/v1/runs/nightly-42?team=research',
    headers: { ...ADMIN, 'content-type': 'application/json' },
    payload: JSON.stringify({ limits }),
  });

  it('takes the words of UsageLimits and of rules, and shows how they stand', async () => {
    const { app } = makeManagementApp([makeCallRecord(1)]);
    const answer = await app.inject(
      put([
        { request_limit: 50, total_tokens_limit: 9_000, cost_limit: '2.5', tool_calls_limit: null },
        { input_tokens: 7, hard: false },
      ]),
    );
    expect(answer.statusCode).toBe(200);
    expect(answer.json().limits).toMatchObject([
      { measure: 'requests', per: 'run', limit: 50 },
      { measure: 'tokens', limit: 9_000 },
      { measure: 'budget_usd', limit: '2.500000000' },
      { measure: 'input_tokens', limit: 7 },
    ]);
  });

  it.each([
    [[{}], 'limits[0] must limit something'],
    [[{ requests: 1 }, { requests: 0 }], 'limits[1] can never admit a call'],
    [[{ request_limit: -1 }], 'whole number'],
    [[{ request_limit: 1.5 }], 'whole number'],
    [[{ request_limit: 1e15 }], 'at most 1000000000000'],
    [[{ cost_limit: 'much' }], 'decimal number'],
    [[{ cost_limit: '0' }], 'can never admit'],
    [[{ requests: 1, tokens: 1 }], 'exactly one of'],
    [[{ requests: 1, per: 'month' }], 'per: run'],
    [[{ planets: 1 }], 'unknown member "planets"'],
    [[{ requests: 1, on_store_failure: 'maybe' }], 'open or closed'],
  ])('refuses %j', async (limits, message) => {
    const { app } = makeManagementApp();
    const answer = await app.inject(put(limits));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatchObject({ code: 'invalid_parameter', param: 'limits' });
    expect(answer.json().error.message).toContain(message);
  });
});
