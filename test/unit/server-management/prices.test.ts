import { describe, expect, it } from 'vitest';
import type { PriceAnswer, PriceQuestion } from '../../../src/pricing/price-lookup.ts';
import { ADMIN, makeManagementApp, NOW_MS, RESEARCH } from './management-app.ts';

function makeApp() {
  const asked: PriceQuestion[] = [];
  const { app } = makeManagementApp([], {
    prices: () => ({
      upstreams: ['openai', 'local'],
      itemise: () => null,
      providerOf: () => null,
      priceCall: () => null,
      explain: (question): PriceAnswer => {
        asked.push(question);
        return {
          model: question.model,
          upstream: question.upstream,
          at: new Date(question.atMs).toISOString(),
          source: 'none',
          why: 'a reason',
          price: null,
          book: { version: '2026-11-22', sources: [], not_charged: [] },
        };
      },
    }),
  });
  const get = (query: string, headers: Record<string, string> = ADMIN) =>
    app.inject({ url: `/api/v1/prices${query}`, headers });
  return { get, asked };
}

describe('GET /prices', () => {
  it.each([
    ['?model=gpt-5-mini', { model: 'gpt-5-mini', upstream: null, atMs: NOW_MS }],
    ['?model=a%2Fb&upstream=local', { model: 'a/b', upstream: 'local', atMs: NOW_MS }],
  ])('answers %s', async (query, question) => {
    const { get, asked } = makeApp();
    const answer = await get(query);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ model: question.model, source: 'none', why: 'a reason', price: null });
    expect(asked).toEqual([question]);
  });

  it.each([
    ['', 'model'],
    ['?model=', 'model'],
    ['?model=a&model=b', 'model'],
    ['?model=a&upstream=elsewhere', 'upstream'],
    ['?model=a&provider=openai', 'provider'],
  ])('refuses %j', async (query, param) => {
    const { get, asked } = makeApp();
    const answer = await get(query);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error).toMatchObject({ code: 'invalid_parameter', param });
    expect(asked).toEqual([]);
  });

  it('is for everyone who may read, and for nobody else', async () => {
    const { get } = makeApp();
    expect((await get('?model=a', RESEARCH)).statusCode).toBe(200);
    expect((await get('?model=a', {})).statusCode).toBe(401);
  });
});
