import { describe, expect, it } from 'vitest';
import { missingUsageAlerts, unpricedAlert } from '../../../src/sinks/call-alerts.ts';
import { makeCallRecord, makeFailedRecord } from '../../support/make-call-record.ts';
import { openTestJournal } from '../../support/test-journal.ts';

describe('unpricedAlert', () => {
  it('has one key for a model, an upstream and a day', () => {
    const unpriced = (n: number, model: string) =>
      unpricedAlert(makeCallRecord(n, { cost_nano_usd: null, response_model: model }));
    const first = unpriced(1, 'new-model');
    expect(first).toMatchObject({
      type: 'model.unpriced',
      data: { upstream: 'openai', model: 'new-model', day: '2026-11-22' },
    });
    expect(unpriced(2, 'new-model')?.dedupeKey).toBe(first?.dedupeKey);
    expect(unpriced(1, 'other-model')?.dedupeKey).not.toBe(first?.dedupeKey);
    expect(unpriced(86_400, 'new-model')?.dedupeKey).not.toBe(first?.dedupeKey);
  });

  it('is not there for calls with a price, nor for those without usage', () => {
    expect(unpricedAlert(makeCallRecord(1))).toBeNull();
    expect(unpricedAlert(makeCallRecord(1, { cost_nano_usd: 0 }))).toBeNull();
    expect(unpricedAlert(makeFailedRecord(1))).toBeNull();
  });
});

describe('missingUsageAlerts', () => {
  it('has one for each upstream, endpoint and hour that is over, with how many calls', async () => {
    const journal = await openTestJournal();
    const missing = { usage: null, usage_source: 'missing', cost_nano_usd: null } as const;
    const records = [
      makeCallRecord(1, missing),
      makeCallRecord(2, missing),
      makeCallRecord(3),
      makeCallRecord(4, { ...missing, endpoint: 'embeddings', team: 'sales' }),
      makeFailedRecord(5, { endpoint: 'responses' }),
      makeCallRecord(3_601, missing),
    ];
    for (const record of records) await journal.finish(record);
    const alerts = await missingUsageAlerts(journal.reader, Date.UTC(2026, 10, 22, 13, 30));
    const hour = '2026-11-22T12:00:00.000Z';
    expect(alerts.map(({ data }) => data).toSorted((a, b) => Number(b['calls']) - Number(a['calls']))).toEqual([
      { upstream: 'openai', endpoint: 'chat/completions', hour, calls_without_usage: 2, calls: 3 },
      { upstream: 'openai', endpoint: 'embeddings', hour, calls_without_usage: 1, calls: 1 },
    ]);
    expect(new Set(alerts.map(({ dedupeKey }) => dedupeKey)).size).toBe(2);
  });
});
