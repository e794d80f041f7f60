import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { startProxy } from '../support/start-proxy.ts';

const YAML = `
teams:
  - id: research
    limits:
      - { budget_usd: "500", per: month, timezone: Europe/Berlin, alert_at: [50, 90] }
      - { budget_usd: "700.5", per: month }
      - { requests: 60, per: minute }
      - { tokens: 200000, per: minute, model: "gpt-*" }
      - { requests: 9, per: day, each: user }
  - { id: sales }
keys: [{ id: ci, team: research, key: a-key-of-the-file-1 }]
`;

describe("limits in the shapes of OpenAI's organization API", () => {
  it('are what its SDK expects', async () => {
    await using proxy = await startProxy({ upstreamUrl: 'http://127.0.0.1:9/v1', yaml: YAML });
    const { projects } = new OpenAI({ baseURL: proxy.baseUrl, adminAPIKey: proxy.adminKey, apiKey: 'none' }).admin
      .organization;
    expect(await projects.spendLimit.retrieve('research')).toEqual({
      object: 'project.spend_limit',
      threshold_amount: 50_000,
      currency: 'USD',
      interval: 'month',
      enforcement: { status: 'enforcing' },
    });
    const alerts = await projects.spendAlerts.list('research');
    expect(alerts.data.map(({ id, threshold_amount }) => [id, threshold_amount])).toEqual([
      ['spend_alert_50', 25_000],
      ['spend_alert_90', 45_000],
    ]);
    const rates = await projects.rateLimits.listRateLimits('research');
    expect(rates.data).toEqual([
      {
        object: 'project.rate_limit',
        id: 'rl-*',
        model: '*',
        max_requests_per_1_minute: 60,
        max_tokens_per_1_minute: 1_000_000_000_000,
      },
      {
        object: 'project.rate_limit',
        id: 'rl-gpt-*',
        model: 'gpt-*',
        max_requests_per_1_minute: 1_000_000_000_000,
        max_tokens_per_1_minute: 200_000,
      },
    ]);
    await expect(projects.spendLimit.retrieve('sales')).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });

  it('of another team are nobody else’s business', async () => {
    await using proxy = await startProxy({ upstreamUrl: 'http://127.0.0.1:9/v1', yaml: YAML });
    const ask = async (path: string, key: string) => {
      const answer = await fetch(`${proxy.baseUrl}/organization${path}`, {
        headers: { authorization: `Bearer ${key}` },
      });
      await answer.arrayBuffer();
      return answer.status;
    };
    expect(await ask('/projects/research/spend_limit', 'a-key-of-the-file-1')).toBe(200);
    expect(await ask('/projects/sales/spend_limit', 'a-key-of-the-file-1')).toBe(403);
    expect(await ask('/spend_alerts', 'a-key-of-the-file-1')).toBe(403);
    expect(await ask('/spend_alerts', proxy.adminKey)).toBe(200);
    expect(await ask('/spend_limit', proxy.adminKey)).toBe(404);
    expect(await ask('/projects/research/spend_limit', 'a-wrong-key-of-nobody')).toBe(401);
  });
});
