import { describe, expect, it } from 'vitest';
import { faultOf, loadText } from './load-text.ts';

const inDefaultRun = (rule: string) => `limits: { default_run: [${rule}] }`;

describe('a limit rule', () => {
  it.each([
    '{ requests: 10, per: minute }',
    '{ tokens: 1, per: hour }',
    '{ tokens: 1000, per: month, window: rolling }',
    '{ budget_usd: "5", per: day, each: user, timezone: America/New_York }',
    '{ output_tokens: 100, per: run, hard: true }',
    '{ budget_usd: "9000000", per: month, on_store_failure: closed, alert_at: [10, 90] }',
    '{ input_tokens: 1, per: day, timezone: Europe/Berlin }',
    '{ output_tokens: 1, per: week }',
    '{ tool_calls: 1, per: run }',
    '{ budget_usd: "2.5", per: session, model: "gpt-*" }',
    '{ budget_usd: "2.5", per: forever }',
    '{ parallel: 4 }',
    '{ parallel: 4, per: run }',
  ])('may be %s', (rule) => {
    expect(loadText(inDefaultRun(rule)).limits.default_run).toHaveLength(1);
  });

  it.each([
    ['{ per: minute }', 'limits.default_run[0]', 'exactly one of'],
    ['{ requests: 1, tokens: 1, per: minute }', 'limits.default_run[0]', 'exactly one of'],
    ['{ requests: 1 }', 'limits.default_run[0]', 'must say per what'],
    ['{ parallel: 1, per: minute }', 'limits.default_run[0]', 'with parallel'],
    ['{ parallel: 0 }', 'limits.default_run[0].parallel', 'from 1'],
    ['{ requests: -1, per: day }', 'limits.default_run[0].requests', 'from 1'],
    ['{ requests: 0, per: day }', 'limits.default_run[0].requests', 'from 1'],
    ['{ tokens: 1e18, per: day }', 'limits.default_run[0].tokens', 'to 1000000000000'],
    ['{ budget_usd: "0", per: day }', 'limits.default_run[0]', 'can never admit a call that costs anything'],
    ['{ budget_usd: "0.000", per: day }', 'limits.default_run[0]', 'can never admit'],
    ['{ budget_usd: "9000000.01", per: day }', 'limits.default_run[0]', 'at most 9000000'],
    ['{ budget_usd: "-1", per: day }', 'limits.default_run[0].budget_usd', 'decimal number'],
    ['{ budget_usd: "0.0000000001", per: day }', 'limits.default_run[0].budget_usd', 'at most 9 decimals'],
    ['{ requests: 1, per: day, each: planet }', 'limits.default_run[0].each', 'one of key, user, model, run, session'],
    ['{ requests: 1, per: minute, timezone: Europe/Berlin }', 'limits.default_run[0]', 'timezone only with per: day'],
    ['{ requests: 1, per: hour, window: rolling }', 'limits.default_run[0]', 'window only with per: day'],
    ['{ requests: 1, per: day, window: rolling, timezone: UTC }', 'limits.default_run[0]', 'no timezone with window'],
    ['{ requests: 1, per: day, hard: true }', 'limits.default_run[0]', 'hard only with'],
    ['{ requests: 1, per: day, alert_at: [120] }', 'limits.default_run[0].alert_at[0]', 'from 1 to 100'],
    ['{ requests: 1.5, per: day }', 'limits.default_run[0].requests', 'whole number'],
    ['{ budget_usd: 500, per: day }', 'limits.default_run[0].budget_usd', 'in quotes'],
    ['{ requests: 1, per: second }', 'limits.default_run[0].per', 'one of minute'],
    ['{ requests: 1, per: day, timezone: Mars/Olympus }', 'limits.default_run[0].timezone', 'time zone'],
    ['{ request: 1, per: day }', 'limits.default_run[0].request', 'not a setting'],
  ])('may not be %s', (rule, path, message) => {
    const fault = faultOf(inDefaultRun(rule));
    expect(fault.path).toBe(path);
    expect(fault.message).toContain(message);
  });
});
