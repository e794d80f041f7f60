import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  USAGE_DIMENSIONS,
  type UsageDimension,
  type UsageQuery,
  type UsageRow,
} from '../../../src/ledger/ledger-reader.ts';
import { segmentsOf, spanOf } from '../../../src/ledger/queries/usage-segments.ts';
import type { CallRecord } from '../../../src/ledger/record.ts';
import {
  addSums,
  emptySums,
  type MutableSums,
  modelOf,
  READ_MONEY_NAMES,
  READ_NUMBER_NAMES,
  sumsOfRecord,
} from '../../../src/ledger/sums.ts';
import { COUNT_NAMES } from '../../../src/metering/usage.ts';
import { endedRecord } from '../../support/arbitrary-record.ts';
import { CALL_STARTED_MS, callRecord, openCallRecord } from '../../support/call-record.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const BUCKETS = { '1m': MINUTE_MS, '1h': HOUR_MS, '1d': DAY_MS };

const SUM_NAMES = [...READ_NUMBER_NAMES, ...READ_MONEY_NAMES];

const query = (overrides: Partial<UsageQuery> = {}): UsageQuery => ({
  startMs: CALL_STARTED_MS - DAY_MS,
  endMs: CALL_STARTED_MS + 4 * DAY_MS,
  bucket: '1d',
  groupBy: [],
  filters: {},
  includeEstimated: true,
  ...overrides,
});

function dimensionOf(record: CallRecord, name: UsageDimension): string | null {
  return name === 'model' ? modelOf(record) || null : record[name] || null;
}

/** The answer by hand, from the records themselves. */
function foldUsage(
  records: readonly CallRecord[],
  { groupBy, filters, ...rest }: UsageQuery,
): Map<string, MutableSums> {
  const groups = new Map<string, MutableSums>();
  for (const record of records) {
    const startedMs = Date.parse(record.started_at);
    if (startedMs < rest.startMs || startedMs >= rest.endMs) continue;
    const fits = USAGE_DIMENSIONS.every((name) => filters[name]?.includes(dimensionOf(record, name) ?? '') ?? true);
    if (!fits) continue;
    const bucketMs = BUCKETS[rest.bucket];
    const dimensions = Object.fromEntries(groupBy.map((name) => [name, dimensionOf(record, name)]));
    const key = groupKey(Math.floor(startedMs / bucketMs) * bucketMs, dimensions);
    const sums = sumsOfRecord(record);
    if (!rest.includeEstimated && record.usage_source === 'estimated') for (const name of COUNT_NAMES) sums[name] = 0;
    const group = groups.get(key) ?? emptySums();
    addSums(group, sums);
    groups.set(key, group);
  }
  return groups;
}

function groupKey(bucketStartMs: number, dimensions: Readonly<Partial<Record<UsageDimension, string | null>>>): string {
  return JSON.stringify([bucketStartMs, USAGE_DIMENSIONS.map((name) => dimensions[name])]);
}

const values: Readonly<Record<string, readonly string[]>> = {
  team: ['research', 'sales'],
  key_id: ['ci', 'nobody'],
  run_id: ['run-1', 'run-2', ''],
  session_id: ['session-1', 'session-2'],
  agent: ['', 'planner'],
  model: ['gpt-5-mini', 'gpt-5-2026-02-01'],
  user: ['', 'user-1'],
  usage_source: ['reported', 'estimated'],
};

const anyQuery: fc.Arbitrary<UsageQuery> = fc
  .record({
    startMs: fc.integer({ min: CALL_STARTED_MS - DAY_MS, max: CALL_STARTED_MS + 3 * DAY_MS }),
    lengthMs: fc.integer({ min: 1, max: 4 * DAY_MS }),
    bucket: fc.constantFrom('1m' as const, '1h' as const, '1d' as const),
    groupBy: fc.oneof(
      fc.subarray([...USAGE_DIMENSIONS]),
      fc.subarray(['team', 'key_id', 'endpoint', 'model', 'service_tier', 'user'] as const),
    ),
    filtered: fc.subarray(Object.keys(values), { maxLength: 2 }),
    filterWidth: fc.integer({ min: 1, max: 2 }),
    includeEstimated: fc.boolean(),
  })
  .map(({ lengthMs, filtered, filterWidth, ...rest }) => ({
    ...rest,
    endMs: rest.startMs + lengthMs,
    filters: Object.fromEntries(filtered.map((name) => [name, values[name]?.slice(-filterWidth) ?? []])),
  }));

describe('usage', () => {
  it('equals a fold over the records, whatever is asked', { timeout: 30_000 }, async () => {
    const records = fc.sample(endedRecord, { numRuns: 400, seed: 7 });
    const nowMs = CALL_STARTED_MS + 2 * DAY_MS;
    const journal = await openTestJournal({ clock: { nowMs: () => nowMs, monotonicMs: () => performance.now() } });
    journal.open(openCallRecord());
    const past = records.filter((record) => Date.parse(record.started_at) < nowMs);
    await Promise.all(past.map((record) => journal.finish(record)));
    expect(past.length).toBeGreaterThan(100);

    await fc.assert(
      fc.asyncProperty(anyQuery, async (asked) => {
        const rows = await journal.reader.usage({ ...asked, endMs: Math.min(asked.endMs, nowMs) });
        const read = new Map(
          rows.map(({ bucketStartMs, dimensions, ...sums }) => [groupKey(bucketStartMs, dimensions), sums]),
        );
        expect(read).toEqual(foldUsage(past, { ...asked, endMs: Math.min(asked.endMs, nowMs) }));
        expect(rows.map((row) => row.bucketStartMs)).toEqual(
          rows.map((row) => row.bucketStartMs).toSorted((a, b) => a - b),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('gives the sums that are asked for as if all had been', { timeout: 30_000 }, async () => {
    const records = fc.sample(endedRecord, { numRuns: 200, seed: 8 });
    const nowMs = CALL_STARTED_MS + 4 * DAY_MS;
    const journal = await openTestJournal({ clock: { nowMs: () => nowMs, monotonicMs: () => performance.now() } });
    await Promise.all(records.map((record) => journal.finish(record)));

    await fc.assert(
      fc.asyncProperty(anyQuery, fc.subarray([...SUM_NAMES]), async (asked, sums) => {
        const all = await journal.reader.usage(asked);
        const chosen = await journal.reader.usage({ ...asked, sums });
        const shown = (row: UsageRow) => [
          groupKey(row.bucketStartMs, row.dimensions),
          ...sums.map((name) => row[name]),
        ];
        expect(chosen.map(shown)).toEqual(all.map(shown));
      }),
      { numRuns: 100 },
    );
  });

  it('shows nothing where a filter allows no value', async () => {
    const journal = await openTestJournal();
    await journal.finish(callRecord());
    expect(await journal.reader.usage(query())).toHaveLength(1);
    expect(await journal.reader.usage(query({ filters: { team: [] } }))).toEqual([]);
    expect(await journal.reader.usage(query({ filters: { team: [] }, groupBy: ['user'] }))).toEqual([]);
  });

  it('adds up costs beyond the integers of JavaScript', async () => {
    const journal = await openTestJournal();
    const large = Number.MAX_SAFE_INTEGER;
    for (let i = 0; i < 3; i++) await journal.finish(callRecord({ cost_nano_usd: large }));
    const [row] = await journal.reader.usage(query());
    expect(row?.cost_nano_usd).toBe(3n * BigInt(large));
    const [byUser] = await journal.reader.usage(query({ groupBy: ['user'] }));
    expect(byUser?.cost_nano_usd).toBe(3n * BigInt(large));
  });

  it('answers for all of time', async () => {
    const journal = await openTestJournal();
    await journal.finish(callRecord());
    for (const bucket of ['1m', '1h', '1d'] as const) {
      const rows = await journal.reader.usage(query({ startMs: 0, endMs: Number.MAX_SAFE_INTEGER, bucket }));
      expect(rows).toMatchObject([{ records: 1 }]);
    }
  });

  it('still answers from the roll-ups when the records are gone', async () => {
    const nowMs = CALL_STARTED_MS + 100 * DAY_MS;
    const journal = await openTestJournal({ clock: { nowMs: () => nowMs, monotonicMs: () => performance.now() } });
    await journal.finish(callRecord());
    await journal.prune(nowMs);
    for (const groupBy of [[], ['run_id'], ['model', 'service_tier']] as const) {
      const asked = query({ startMs: CALL_STARTED_MS - 1_000, endMs: nowMs, groupBy });
      expect(await journal.reader.usage(asked)).toMatchObject([{ records: 1, total_tokens: 1500 }]);
    }
  });
});

describe('usage by tags and labels', () => {
  const NAMES = ['project', 'a "quoted" name', "it's; DROP TABLE records", '$.x', ''] as const;
  const tags = fc.dictionary(fc.constantFrom(...NAMES.slice(0, 4)), fc.constantFrom('apollo', 'x,y', '', '{}'));
  const call = fc.record({ record: endedRecord, tags, labels: tags });

  it('equals a fold over the records, whatever they are called', { timeout: 30_000 }, async () => {
    const journal = await openTestJournal();
    const records: CallRecord[] = [];
    for (const { record, tags: own, labels } of fc.sample(call, { numRuns: 150, seed: 5 })) {
      const tagged = { ...record, tags: own, labels };
      records.push(tagged);
      await journal.finish(tagged);
    }
    const namedValue = (record: CallRecord, name: string): string | null =>
      (name.startsWith('tag.') ? record.tags : record.labels)[name.slice(name.indexOf('.') + 1)] ?? null;
    const startMs = Math.min(...records.map((record) => Date.parse(record.started_at)));
    const endMs = Math.max(...records.map((record) => Date.parse(record.started_at))) + 1;
    for (const name of NAMES.slice(0, 4)) {
      for (const dimension of [`tag.${name}`, `label.${name}`] as const) {
        const filters = [{ dimension: `tag.${NAMES[0]}` as const, values: ['apollo', 'x,y'] }];
        for (const narrowed of [[], filters]) {
          const named = { groupBy: [dimension], filters: narrowed };
          const rows = await journal.reader.usage(query({ startMs, endMs, groupBy: ['team'], named }));
          const expected = new Map<string, number>();
          for (const record of records) {
            const fits = narrowed.every((filter) => filter.values.includes(namedValue(record, filter.dimension) ?? ''));
            const key = JSON.stringify([
              Math.floor(Date.parse(record.started_at) / DAY_MS) * DAY_MS,
              record.team,
              namedValue(record, dimension),
            ]);
            if (fits) expected.set(key, (expected.get(key) ?? 0) + (record.usage?.total_tokens ?? 0));
          }
          const told = rows.map((row) => [
            JSON.stringify([row.bucketStartMs, row.dimensions.team, row.named?.[dimension] ?? null]),
            row.total_tokens,
          ]);
          expect(Object.fromEntries(told)).toEqual(Object.fromEntries(expected));
        }
      }
    }
  });
});

describe('segmentsOf', () => {
  const nowMs = CALL_STARTED_MS + 2 * DAY_MS;
  const day = Math.floor(CALL_STARTED_MS / DAY_MS) * DAY_MS;
  const ago = (days: number): number => day - days * DAY_MS;
  const horizon = { nowMs, keptFrom: { records: ago(90), usage_minute: ago(8), usage_hour: ago(400) } };
  const sources = (asked: UsageQuery): string[] => segmentsOf(asked, horizon).map((segment) => segment.source);

  it('reads one table for whole buckets', () => {
    const whole = { startMs: day - 30 * DAY_MS, endMs: day };
    expect(sources(query(whole))).toEqual(['usage_day']);
    expect(sources(query({ ...whole, bucket: '1h' }))).toEqual(['usage_hour']);
    expect(sources(query({ ...whole, groupBy: ['run_id', 'model'] }))).toEqual(['activity']);
    expect(sources(query({ ...whole, groupBy: ['user', 'endpoint', 'service_tier'] }))).toEqual(['user_day']);
  });

  it('reads no records for a range that ends now', () => {
    expect(sources(query({ startMs: day, endMs: nowMs + 1 }))).toEqual(['usage_day']);
    expect(sources(query({ startMs: day, endMs: nowMs + 1, groupBy: ['agent'] }))).toEqual(['agent_day']);
    expect(sources(query({ startMs: day, endMs: nowMs + 1, groupBy: ['agent', 'run_id'] }))).toEqual(['activity']);
  });

  it('reads records where no roll-up knows the dimension', () => {
    const whole = { startMs: day - DAY_MS, endMs: day };
    expect(sources(query({ ...whole, groupBy: ['user', 'run_id'] }))).toEqual(['records']);
    expect(sources(query({ ...whole, bucket: '1h', groupBy: ['user'] }))).toEqual(['records']);
    expect(sources(query({ ...whole, bucket: '1h', groupBy: ['agent'] }))).toEqual(['records']);
    expect(sources(query({ ...whole, groupBy: ['agent', 'service_tier'] }))).toEqual(['records']);
  });

  it('reads minutes that are not kept any more from the records', () => {
    const asked = query({ startMs: day - 30 * DAY_MS, endMs: day - 29 * DAY_MS, bucket: '1m' });
    expect(sources(asked)).toEqual(['records']);
  });

  it('rounds outwards where nothing finer is kept', () => {
    const startMs = day - 1_000 * DAY_MS + HOUR_MS;
    expect(segmentsOf(query({ startMs, endMs: day }), horizon)).toEqual([
      { source: 'usage_day', startMs: day - 1_000 * DAY_MS, endMs: day },
    ]);
  });

  it('says how wide the range is then', () => {
    const startMs = day - 1_000 * DAY_MS + HOUR_MS;
    const endMs = day - 999 * DAY_MS + MINUTE_MS;
    expect(spanOf(query({ startMs, endMs }), horizon)).toEqual({
      recordsKeptFromMs: ago(90),
      startMs: day - 1_000 * DAY_MS,
      endMs: day - 998 * DAY_MS,
      startUnit: '1d',
      endUnit: '1d',
    });
    expect(spanOf(query({ startMs: day - 100 * DAY_MS + MINUTE_MS, endMs: day }), horizon)).toMatchObject({
      startMs: day - 100 * DAY_MS,
      startUnit: '1h',
    });
  });

  it('is as wide as was asked where everything is kept, and where it ends after now', () => {
    for (const endMs of [day - HOUR_MS, nowMs + 1, nowMs + 90_001]) {
      expect(spanOf(query({ startMs: day - DAY_MS - 1, endMs }), horizon)).toMatchObject({
        startMs: day - DAY_MS - 1,
        endMs,
      });
    }
    expect(spanOf(query({ startMs: day, endMs: day }), horizon)).toMatchObject({ startMs: day, endMs: day });
  });

  it('covers every moment once', () => {
    fc.assert(
      fc.property(anyQuery, (asked) => {
        const segments = segmentsOf(asked, horizon).toSorted((a, b) => a.startMs - b.startMs);
        for (const [index, segment] of segments.entries()) {
          expect(segment.startMs).toBeLessThan(segment.endMs);
          if (index > 0) expect(segment.startMs).toBe(segments[index - 1]?.endMs);
        }
        expect(segments[0]?.startMs).toBe(asked.startMs);
        expect(segments.at(-1)?.endMs).toBeGreaterThanOrEqual(asked.endMs);
      }),
    );
  });
});
