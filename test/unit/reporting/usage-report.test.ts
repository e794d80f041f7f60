import { describe, expect, it } from 'vitest';
import type { UsageQuery } from '../../../src/ledger/ledger-reader.ts';
import { Cursors, type PageRequest } from '../../../src/reporting/list-page.ts';
import { reportUsage } from '../../../src/reporting/usage-report.ts';
import { makeCallRecord, makeFailedRecord, makeUsage } from '../../support/make-call-record.ts';
import { MemoryLedgerReader } from '../../support/memory-ledger-reader.ts';

const cursors = new Cursors('usage');
const page = (limit: number, cursor: string | null = null): PageRequest => ({
  limit,
  position: cursor === null ? null : cursors.read(cursor),
  cursors,
});

function query(start: string, end: string, given: Partial<UsageQuery> = {}): UsageQuery {
  return {
    startMs: Date.parse(start),
    endMs: Date.parse(end),
    bucket: '1h',
    groupBy: [],
    filters: {},
    includeEstimated: false,
    ...given,
  };
}

describe('usage by time', () => {
  it('gives every bucket, those without calls with empty results', async () => {
    const reader = new MemoryLedgerReader([
      makeCallRecord(1, { usage: makeUsage({ input_tokens: 5, output_tokens: 2, tool_calls: 3 }) }),
      makeFailedRecord(2, { client_retry: 1 }),
    ]);
    const { data, next_cursor } = await reportUsage(
      reader,
      query('2026-11-22T11:00:00Z', '2026-11-22T14:00:00Z'),
      page(744),
    );
    expect(data).toEqual([
      { start_time: '2026-11-22T11:00:00.000Z', end_time: '2026-11-22T12:00:00.000Z', results: [] },
      {
        start_time: '2026-11-22T12:00:00.000Z',
        end_time: '2026-11-22T13:00:00.000Z',
        results: [
          {
            requests: 1,
            input_tokens: 5,
            cache_read_tokens: 0,
            cache_write_tokens: 0,
            input_audio_tokens: 0,
            cache_audio_read_tokens: 0,
            input_image_tokens: 0,
            output_tokens: 2,
            reasoning_tokens: 0,
            output_audio_tokens: 0,
            accepted_prediction_tokens: 0,
            rejected_prediction_tokens: 0,
            total_tokens: 7,
            tool_calls: 3,
            cost_usd: '0.001000000',
            cost_complete: true,
            corrections_usd: '0.000000000',
            corrected_cost_usd: '0.001000000',
            corrected_cost_complete: true,
            unpriced: 0,
            not_counted: { missing_usage: 0, estimated: 0, failed: 1, client_retries: 1 },
          },
        ],
      },
      { start_time: '2026-11-22T13:00:00.000Z', end_time: '2026-11-22T14:00:00.000Z', results: [] },
    ]);
    expect(next_cursor).toBeNull();
  });

  it('lays buckets on whole days of UTC, and counts only what is inside the range', async () => {
    const moments = [
      '2026-11-22T11:59:59.999Z',
      '2026-11-22T12:00:00.000Z',
      '2026-11-23T11:59:59.999Z',
      '2026-11-23T12:00:00.000Z',
    ];
    const reader = new MemoryLedgerReader(moments.map((started_at, n) => makeCallRecord(n, { started_at })));
    const asked = query('2026-11-22T12:00:00Z', '2026-11-23T12:00:00Z', { bucket: '1d' });
    const { data } = await reportUsage(reader, asked, page(400));
    expect(data).toMatchObject([
      { start_time: '2026-11-22T00:00:00.000Z', end_time: '2026-11-23T00:00:00.000Z', results: [{ requests: 1 }] },
      { start_time: '2026-11-23T00:00:00.000Z', end_time: '2026-11-24T00:00:00.000Z', results: [{ requests: 1 }] },
    ]);
  });

  it('names the dimensions asked for, null where a call had none', async () => {
    const reader = new MemoryLedgerReader([makeCallRecord(1, { agent: 'planner' }), makeCallRecord(2)]);
    const { data } = await reportUsage(
      reader,
      query('2026-11-22T12:00:00Z', '2026-11-22T13:00:00Z', { groupBy: ['team', 'agent'] }),
      page(1),
    );
    expect(data[0]?.results).toMatchObject([
      { team: 'research', agent: 'planner' },
      { team: 'research', agent: null },
    ]);
    expect(data[0]?.results[0]).not.toHaveProperty('model');
  });

  it.each([
    ['unpriced', makeCallRecord(1, { cost_nano_usd: null })],
    ['estimated', makeCallRecord(1, { usage_source: 'estimated' })],
    ['without usage', makeCallRecord(1, { usage_source: 'missing', usage: null, cost_nano_usd: null })],
  ])('says that the cost is not complete where a call is %s', async (_what, record) => {
    const { data } = await reportUsage(
      new MemoryLedgerReader([record]),
      query('2026-11-22T12:00:00Z', '2026-11-22T13:00:00Z'),
      page(1),
    );
    expect(data[0]?.results[0]?.cost_complete).toBe(false);
  });

  it('goes on page by page to the end, every bucket once', async () => {
    const reader = new MemoryLedgerReader([makeCallRecord(1), makeCallRecord(3_601), makeCallRecord(7_201)]);
    const asked = query('2026-11-22T10:30:00Z', '2026-11-22T15:10:00Z');
    const starts: string[] = [];
    let requests = 0;
    let cursor: string | null = null;
    do {
      const { data, next_cursor } = await reportUsage(reader, asked, page(2, cursor));
      starts.push(...data.map((bucket) => bucket.start_time.slice(11, 16)));
      for (const bucket of data) for (const result of bucket.results) requests += result.requests;
      cursor = next_cursor;
    } while (cursor !== null);
    expect(starts).toEqual(['10:00', '11:00', '12:00', '13:00', '14:00', '15:00']);
    expect(requests).toBe(3);
  });

  it('keeps the end of the first page on all pages, though "now" moves on', async () => {
    const reader = new MemoryLedgerReader();
    const first = await reportUsage(reader, query('2026-11-22T10:00:00Z', '2026-11-22T12:00:00Z'), page(1));
    const later = query('2026-11-22T10:00:00Z', '2026-11-22T20:00:00Z');
    const second = await reportUsage(reader, later, page(5, first.next_cursor));
    expect(second.data).toHaveLength(1);
    expect(second.next_cursor).toBeNull();
  });

  it.each([[[]], [['1']], [['1', 'x']], [['2', '1']], [['-1', '5']]])('refuses a cursor of %j', async (position) => {
    const forged = page(1, cursors.write(position));
    const asked = query('2026-11-22T10:00:00Z', '2026-11-22T12:00:00Z');
    await expect(reportUsage(new MemoryLedgerReader(), asked, forged)).rejects.toMatchObject({ param: 'cursor' });
  });
});
