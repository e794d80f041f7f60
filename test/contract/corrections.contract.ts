import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { createIdGenerator } from '../../src/core/ids.ts';
import type { CorrectionBook, ProposedCorrection, RepricingRange } from '../../src/ledger/correction.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { LedgerReader, RecordFilter, SettledEntry, UsageQuery } from '../../src/ledger/ledger-reader.ts';
import type { CallRecord } from '../../src/ledger/record.ts';
import { endedRecord } from '../support/arbitrary-record.ts';
import { CORRECTING } from '../support/authors.ts';
import { CALL_STARTED_MS, callRecord, openCallRecord } from '../support/call-record.ts';

export interface CorrectedLedgerUnderTest {
  readonly ledger: Ledger;
  readonly reader: LedgerReader;
  readonly corrections: CorrectionBook;
  close(): Promise<void>;
}

const nextId = createIdGenerator();
const NOW_MS = Date.UTC(2026, 11, 3);
const RANGE: RepricingRange = { team: null, startMs: Date.UTC(2026, 10, 1), endMs: Date.UTC(2026, 11, 1) };
const ALL: RecordFilter = {
  team: null,
  keyId: null,
  runId: null,
  sessionId: null,
  model: null,
  ending: null,
  startMs: null,
  endMs: null,
};
const QUERY = { ...RANGE, bucket: '1d', filters: {}, includeEstimated: true } as const;

function proposal(record: CallRecord, costNanoUsd: number, expectedNanoUsd = record.cost_nano_usd): ProposedCorrection {
  return { id: nextId(NOW_MS), recordId: record.id, expectedNanoUsd, costNanoUsd, priceId: 'new' };
}

/** What every ledger does that keeps corrections. `open` gives an empty one. */
export function describeCorrections(name: string, open: () => Promise<CorrectedLedgerUnderTest>): void {
  describe(name, () => {
    let books: CorrectedLedgerUnderTest;
    beforeEach(async () => {
      books = await open();
    });
    const correct = (...corrections: ProposedCorrection[]) =>
      books.corrections.correct({ corrections, reason: 'a new price', ...CORRECTING, nowMs: NOW_MS });
    const sums = async (groupBy: UsageQuery['groupBy'] = []) => books.reader.usage({ ...QUERY, groupBy });

    it('keeps the record and the roll-ups as they were, and the correction beside them', async () => {
      const record = callRecord();
      await books.ledger.finish(record);
      expect(await correct(proposal(record, 2_000_000))).toEqual([record.id]);
      expect(await books.reader.record(record.id, null)).toEqual(record);
      expect(await books.corrections.correctionsOf([record.id])).toEqual([
        {
          id: expect.any(String),
          record_id: record.id,
          created_at: '2026-12-03T00:00:00.000Z',
          period: '2026-11',
          reason: 'a new price',
          actor: 'admin',
          cost_before_nano_usd: 2_345_600,
          cost_after_nano_usd: 2_000_000,
          delta_nano_usd: -345_600,
          price_id_before: record.price_id,
          price_id_after: 'new',
        },
      ]);
      const expected = { cost_nano_usd: 2_345_600n, corrections_nano_usd: -345_600n, corrections: 1, priced_later: 0 };
      expect(await sums()).toMatchObject([expected]);
      expect(await books.reader.sumsOfRun({ team: 'research', runId: 'nightly-42' })).toMatchObject([expected]);
    });

    it('counts a call that was unpriced as priced later, once', async () => {
      const record = callRecord({ cost_nano_usd: null, price_id: null });
      await books.ledger.finish(record);
      await correct(proposal(record, 10));
      await correct(proposal(record, 7, 10));
      expect(await sums()).toMatchObject([
        { unpriced: 1, priced_later: 1, cost_nano_usd: 0n, corrections: 2, corrections_nano_usd: 7n },
      ]);
      const made = await books.corrections.correctionsOf([record.id]);
      expect(made.map((each) => [each.cost_before_nano_usd, each.cost_after_nano_usd])).toEqual([
        [null, 10],
        [10, 7],
      ]);
      expect(made[1]?.price_id_before).toBe('new');
    });

    it('writes nothing for a record that costs something else by now, has that cost, is open, or is gone', async () => {
      const record = callRecord();
      const queued = openCallRecord({ ending: 'queued' });
      await books.ledger.finish(record);
      await books.ledger.finish(queued);
      expect(
        await correct(
          proposal(record, 5, 1),
          proposal(record, 5, null),
          proposal(record, 2_345_600),
          proposal(queued, 5),
          proposal(callRecord(), 5),
        ),
      ).toEqual([]);
      expect(await books.corrections.correctionsOf([record.id, queued.id])).toEqual([]);
      expect(await sums()).toMatchObject([{ corrections: 0, corrections_nano_usd: 0n }]);
    });

    it('stands in the order of what has ended, after its call, with what it corrects', async () => {
      const [first, second, third] = [callRecord(), callRecord({ team: 'sales' }), callRecord()];
      await books.ledger.finish(first);
      await correct(proposal(first, 5));
      const between = await books.reader.lastSettlement();
      await books.ledger.finish(second);
      await correct(proposal(second, 6), proposal(first, 7, 5));
      await books.ledger.finish(third);
      const made = await books.corrections.correctionsOf([first.id, second.id]);
      const ofFirst = made.filter((correction) => correction.record_id === first.id);
      const ofSecond = made.find((correction) => correction.record_id === second.id);
      const order = [first.id, ofFirst[0]?.id, second.id, ofSecond?.id, ofFirst[1]?.id, third.id];

      const read = async (after: number, limit: number, team: string | null = null) => {
        const through = await books.reader.lastSettlement();
        const entries: SettledEntry[] = [];
        for (let at = after; at < through; ) {
          const page = await books.reader.settledEntries({ ...ALL, team }, { after: at, through, limit });
          expect(page.entries.length).toBeLessThanOrEqual(limit);
          entries.push(...page.entries);
          at = page.readThrough;
        }
        return entries;
      };
      const ids = (entries: readonly SettledEntry[]) =>
        entries.map((entry) => (entry.kind === 'call' ? entry.record.id : entry.correction.id));
      for (const limit of [1, 2, 3, 100]) expect(ids(await read(0, limit))).toEqual(order);
      expect(ids(await read(between, 10))).toEqual(order.slice(2));
      expect(ids(await read(0, 10, 'sales'))).toEqual([second.id, ofSecond?.id]);
      for (const id of order) {
        const number = await books.reader.settlementOf(ALL, id ?? '');
        expect(ids(await read(number ?? 0, 1))).toEqual(order.slice(order.indexOf(id) + 1));
      }
      expect(await books.reader.settlementOf({ ...ALL, team: 'sales' }, ofFirst[0]?.id ?? '')).toBeNull();

      const entries = await read(0, 10);
      expect(entries[0]).toEqual({ kind: 'call', record: first, corrected: ofFirst[1] });
      expect(entries[1]).toEqual({
        kind: 'correction',
        correction: {
          ...ofFirst[0],
          team: 'research',
          key_id: first.key_id,
          run_id: first.run_id,
          upstream: 'openai',
          model: first.response_model,
          record_started_at: first.started_at,
          record: first,
        },
      });
      expect(entries[5]).toEqual({ kind: 'call', record: third, corrected: null });
    });

    it('lets one of two take effect that were worked out from the same cost', async () => {
      const record = callRecord();
      await books.ledger.finish(record);
      const written = await Promise.all([correct(proposal(record, 5)), correct(proposal(record, 6))]);
      expect(written.flat()).toEqual([record.id]);
    });

    it('gives ended records with usage, as they cost now, page by page', async () => {
      const records = [1, 2, 3, 4].map((second) =>
        callRecord({ started_at: new Date(CALL_STARTED_MS + second * 1_000).toISOString(), service_tier: 'flex' }),
      );
      const others = [
        callRecord({ usage: null }),
        openCallRecord(),
        callRecord({ started_at: '2026-12-01T00:00:00.000Z' }),
        callRecord({ started_at: '2026-10-31T23:59:59.999Z' }),
      ];
      for (const record of [...records, ...others]) await books.ledger.finish(record);
      await correct(proposal(callRecord(records[1]), 9));

      const found = [];
      let afterId: string | null = null;
      do {
        const page = await books.corrections.recordsToReprice(RANGE, { afterId, limit: 3 });
        expect(page.examined).toBeLessThanOrEqual(3);
        found.push(...page.records);
        afterId = page.lastId;
      } while (afterId !== null);
      expect(found.map(({ id, costNanoUsd }) => [id, costNanoUsd])).toEqual(
        records.map(({ id }, at) => [id, at === 1 ? 9 : 2_345_600]),
      );
      expect(found[0]).toEqual({
        id: records[0]?.id,
        startedMs: CALL_STARTED_MS + 1_000,
        team: 'research',
        upstream: 'openai',
        requestModel: 'gpt-5-mini',
        responseModel: 'gpt-5-mini-2026-02-01',
        serviceTier: 'flex',
        usage: records[0]?.usage,
        costNanoUsd: 2_345_600,
      });
      const ofNobody = await books.corrections.recordsToReprice({ ...RANGE, team: 'x' }, { afterId: null, limit: 9 });
      expect(ofNobody).toMatchObject({ records: [], examined: 0, lastId: null });
    });

    it('says by every dimension what the latest corrections say', { timeout: 60_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(endedRecord, fc.array(fc.nat({ max: 3_000_000_000 }), { maxLength: 3 })), {
            maxLength: 12,
          }),
          async (calls) => {
            const fresh = await open();
            const current = new Map<string, { record: CallRecord; costNanoUsd: number | null }>();
            for (const [record, costs] of calls) {
              await fresh.ledger.finish(record);
              let cost = record.cost_nano_usd;
              for (const next of record.usage === null ? [] : costs) {
                const corrections = [proposal(record, next, cost)];
                await fresh.corrections.correct({ corrections, reason: 'r', ...CORRECTING, nowMs: NOW_MS });
                cost = next;
              }
              current.set(record.id, { record, costNanoUsd: cost });
            }
            const total = (wanted: (record: CallRecord) => boolean) =>
              [...current.values()]
                .filter(({ record }) => wanted(record))
                .reduce((sum, { costNanoUsd }) => sum + BigInt(costNanoUsd ?? 0), 0n);
            const dimensions = ['team', 'run_id', 'service_tier', 'user', 'agent'] as const;
            for (const name of dimensions) {
              for (const bucket of ['1m', '1d'] as const) {
                const rows = await fresh.reader.usage({ ...QUERY, bucket, groupBy: [name] });
                for (const value of new Set(rows.map((row) => row.dimensions[name] ?? null))) {
                  const of = rows.filter((row) => (row.dimensions[name] ?? null) === value);
                  const told = of.reduce((sum, row) => sum + row.cost_nano_usd + row.corrections_nano_usd, 0n);
                  expect(told).toBe(total((record) => record[name] === value));
                }
              }
            }
            await fresh.close();
          },
        ),
        { numRuns: 15 },
      );
    });
  });
}
