import { describe, expect, it } from 'vitest';
import { decimalText, reportedCostUsd } from '../../../src/metering/reported-cost.ts';

const costOf = (usage: string): string | null => {
  const bytes = Buffer.from(usage);
  return reportedCostUsd(bytes, { keyStart: 0, valueStart: 0, valueEnd: bytes.length }, parsed(usage));
};

function parsed(usage: string): Record<string, unknown> {
  try {
    return JSON.parse(usage);
  } catch {
    return { cost: null };
  }
}

describe('reportedCostUsd', () => {
  it.each([
    ['{"cost":0.0133176}', '0.0133176'],
    ['{"cost":4.8e-05,"prompt_tokens":1}', '0.000048'],
    ['{"cost":0}', '0'],
    ['{"cost":2}', '2'],
    ['{"cost":0.0076509169000000005}', '0.0076509169000000005'],
    ['{"cost_in_usd_ticks":700000000}', '0.07'],
    ['{"cost_in_usd_ticks":1466250}', '0.000146625'],
    ['{"cost_in_usd_ticks":12345678901}', '1.2345678901'],
    ['{"cost_in_usd_ticks":0}', '0'],
    ['{"cost":null,"cost_in_usd_ticks":10000000000}', '1'],
  ])('%s is %s USD', (usage, expected) => {
    expect(costOf(usage)).toBe(expected);
  });

  it.each([
    '{"prompt_tokens":3}',
    '{"cost":{"total_cost":0.5,"request_cost":0.1}}',
    '{"cost":"0.5"}',
    '{"cost":-1}',
    '{"cost":1e999}',
    '{"cost":true}',
  ])('%s is no one amount', (usage) => {
    expect(costOf(usage)).toBeNull();
  });
});

describe('decimalText', () => {
  it.each([
    ['1.5E+3', 0, '1500'],
    ['1.23456', 2, '123.456'],
    ['120', -2, '1.2'],
    ['0.000', 5, '0'],
    ['1e-9', -10, '0.0000000000000000001'],
  ])('%s times ten to the %i is %s', (number, power, expected) => {
    expect(decimalText(number, power)).toBe(expected);
  });
});
