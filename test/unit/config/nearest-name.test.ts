import { describe, expect, it } from 'vitest';
import { nearestName } from '../../../src/config/nearest-name.ts';

const NAMES = ['api_key', 'base_url', 'models', 'port', 'host'];

describe('nearestName', () => {
  it.each([
    ['apiKey', 'api_key'],
    ['API-KEY', 'api_key'],
    ['base_ulr', 'base_url'],
    ['model', 'models'],
    ['prot', 'port'],
    ['prt', 'port'],
  ])('takes %s for %s', (name, meant) => {
    expect(nearestName(name, NAMES)).toBe(meant);
  });

  it.each(['zebra', '', 'timeout', 'x'])('takes %s for nothing', (name) => {
    expect(nearestName(name, NAMES)).toBeNull();
  });
});
