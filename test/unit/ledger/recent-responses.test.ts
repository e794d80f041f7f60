import { describe, expect, it } from 'vitest';
import { RecentResponses } from '../../../src/ledger/recent-responses.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import { callRecord } from '../../support/call-record.ts';

const response = (overrides: Partial<CallRecord> = {}): CallRecord =>
  callRecord({ endpoint: 'responses', upstream_id: 'resp_1', ...overrides });

describe('RecentResponses', () => {
  it('keeps the responses of each team apart', () => {
    const recent = new RecentResponses(10);
    const [research, sales] = [response(), response({ team: 'sales' })];
    recent.remember(sales);
    recent.remember(research);
    expect(recent.find('resp_1', 'sales')).toBe(sales);
    expect(recent.find('resp_1', 'research')).toBe(research);
    expect(recent.find('resp_1', 'ops')).toBeNull();
    expect(recent.find('resp_1', null)).toBe(research.id > sales.id ? research : sales);
  });

  it('takes the end of a queued response, and then no other', () => {
    const recent = new RecentResponses(10);
    const queued = response({ ending: 'queued', usage: null });
    const ended = response({ id: queued.id });
    recent.remember(queued);
    recent.remember(ended);
    recent.remember(queued);
    recent.remember({ ...ended, status: 500 });
    expect(recent.find('resp_1', 'research')).toBe(ended);
  });

  it('does not keep what has no id of its own, or is no response', () => {
    const recent = new RecentResponses(10);
    recent.remember(response({ endpoint: 'chat/completions' }));
    recent.remember(response({ upstream_id: null }));
    expect(recent.find('resp_1', null)).toBeNull();
  });

  it('holds a bounded number', () => {
    const recent = new RecentResponses(10);
    for (let n = 0; n < 100; n++) recent.remember(response({ upstream_id: `resp_${n}` }));
    const kept = Array.from({ length: 100 }, (_, n) => recent.find(`resp_${n}`, null)).filter(
      (found) => found !== null,
    );
    expect(kept.length).toBeLessThanOrEqual(10);
    expect(recent.find('resp_99', null)).not.toBeNull();
  });
});
