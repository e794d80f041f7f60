import { describe, expect, it } from 'vitest';
import { unenforcedSettings } from '../../../src/config/unenforced.ts';
import { faultOf, loadText } from './load-text.ts';

const inDefaultRun = (rule: string) => `limits: { default_run: [${rule}] }`;

describe('a limit rule', () => {
  it.each([
    '{ requests: 10, per: minute }',
    '{ tokens: 0, per: hour }',
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
    ['{ requests: -1, per: day }', 'limits.default_run[0].requests', 'from 0'],
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

  it('is named where it is not enforced', () => {
    const config = loadText(`
teams: [{ id: a }, { id: b, limits: [{ requests: 1, per: day }, { tokens: 1, per: day }] }]
keys: [{ id: k, team: a, key: 0123456789abcdef, limits: [{ parallel: 2 }] }]
limits: { default_run: [{ requests: 9, per: run }] }
`);
    expect(unenforcedSettings(config)).toEqual([
      'teams[1].limits[0]',
      'teams[1].limits[1]',
      'keys[0].limits[0]',
      'limits.default_run[0]',
    ]);
    expect(unenforcedSettings(loadText(''))).toEqual([]);
  });
});
