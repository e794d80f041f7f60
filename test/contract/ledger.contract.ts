import { beforeEach, describe, expect, it } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { LedgerReader, RecordFilter } from '../../src/ledger/ledger-reader.ts';
import { ADMIN } from '../support/authors.ts';
import { CALL_STARTED_MS, callRecord, callUsage, openCallRecord } from '../support/call-record.ts';

export interface LedgerUnderTest {
  readonly ledger: Ledger;
  readonly reader: LedgerReader;
  /** Closes the ledger and opens it again over the same data. */
  reopen(): Promise<LedgerUnderTest>;
}

const RUN = { team: 'research', runId: 'nightly-42' };
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
const at = (second: number): string => new Date(CALL_STARTED_MS + second * 1_000).toISOString();

/** What every ledger does, whatever it keeps its rows in. `open` gives an empty one that is closed after the test. */
export function describeLedger(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(name, () => {
    let ledger: Ledger;
    let reader: LedgerReader;
    let reopen: LedgerUnderTest['reopen'];
    beforeEach(async () => {
      ({ ledger, reader, reopen } = await open());
    });

    describe('writing', () => {
      it('has a record when finish has resolved, as it was given', async () => {
        const record = callRecord({ tags: { step: '1' }, usage: callUsage({ details: { audio_seconds: 3 } }) });
        await ledger.finish(record);
        expect(await reader.record(record.id, 'research')).toEqual(record);
        expect(ledger.state).toEqual({ kind: 'ready' });
      });

      it('shows a call and its run while it is open', async () => {
        const open = openCallRecord({ session_id: 'session-1' });
        ledger.open(open);
        await ledger.finish(callRecord({ run_id: 'other' }));
        expect(await reader.record(open.id, null)).toEqual(open);
        expect(await reader.run(RUN)).toMatchObject({ in_flight: 1, session_id: 'session-1', cost_nano_usd: 0n });
        expect(await reader.recordsOfRun(RUN)).toEqual([]);
        expect(await reader.sumsOfRun(RUN)).toEqual([]);

        const done = callRecord({ id: open.id });
        await ledger.finish(done);
        expect(await reader.record(open.id, null)).toEqual(done);
        expect(await reader.run(RUN)).toMatchObject({ in_flight: 0, cost_nano_usd: 2_345_600n });
        expect(await reader.recordsOfRun(RUN)).toEqual([done]);
      });

      it('takes a record that was never opened', async () => {
        await ledger.finish(callRecord());
        expect(await reader.sumsOfRun(RUN)).toMatchObject([{ records: 1 }]);
      });

      it('counts a record once, and never changes what has an end', async () => {
        const record = callRecord();
        const other = { ...record, status: 500, usage: callUsage({ total_tokens: 9 }) };
        await Promise.all([ledger.finish(record), ledger.finish(other)]);
        await ledger.finish(other);
        ledger.open(openCallRecord({ id: record.id }));
        await ledger.finish(callRecord({ run_id: 'other' }));
        expect(await reader.record(record.id, null)).toEqual(record);
        expect(await reader.sumsOfRun(RUN)).toMatchObject([
          { records: 1, total_tokens: 1500, cost_nano_usd: 2_345_600n },
        ]);
        expect(await reader.run(RUN)).toMatchObject({ in_flight: 0, cost_nano_usd: 2_345_600n });
      });

      it('counts a queued response when it has ended, and until then as open', async () => {
        const queued = callRecord({ endpoint: 'responses', upstream_id: 'resp_1', ending: 'queued', usage: null });
        await ledger.finish(queued);
        await ledger.finish(queued);
        expect(await reader.run(RUN)).toMatchObject({ in_flight: 1 });
        expect(await reader.sumsOfRun(RUN)).toEqual([]);
        await ledger.finish(callRecord({ id: queued.id, endpoint: 'responses', upstream_id: 'resp_1' }));
        await ledger.finish(queued);
        expect(await reader.run(RUN)).toMatchObject({ in_flight: 0 });
        expect(await reader.sumsOfRun(RUN)).toMatchObject([{ records: 1 }]);
      });

      it('tells listeners each written record once, in order', async () => {
        const told: string[] = [];
        const stop = ledger.onCommitted((record) => told.push(`${record.id} ${record.ending}`));
        const records = Array.from({ length: 50 }, () => callRecord());
        for (const record of records) ledger.open(openCallRecord({ id: record.id }));
        await Promise.all(records.map((record) => ledger.finish(record)));
        await ledger.finish(records[0] ?? callRecord());
        expect(told).toEqual(records.map((record) => `${record.id} completed`));
        stop();
        await ledger.finish(callRecord());
        expect(told).toHaveLength(50);
      });

      it('writes what is waiting before it closes', async () => {
        const open = openCallRecord();
        ledger.open(open);
        const records = Array.from({ length: 500 }, () => callRecord());
        const finished = Promise.all(records.map((record) => ledger.finish(record)));
        const again = await reopen();
        await finished;
        const sums = await again.reader.sumsOfRun(RUN);
        expect(sums.map((sum) => sum.records).toSorted((a, b) => a - b)).toEqual([1, 500]);
        expect(await again.reader.record(open.id, null)).toMatchObject({ ending: 'interrupted', usage: null });
      });
    });

    describe('finding a response by its own id', () => {
      const response = (overrides: Parameters<typeof callRecord>[0]): ReturnType<typeof callRecord> =>
        callRecord({ endpoint: 'responses', upstream_id: 'resp_1', ...overrides });

      it('sees it at once, before it is committed', async () => {
        const record = response({});
        const finished = ledger.finish(record);
        expect(await ledger.findByUpstreamId('resp_1', 'research')).toEqual(record);
        await finished;
      });

      it('finds it within its team only, and the newest over all teams', async () => {
        const research = response({ started_at: at(0) });
        const sales = response({ started_at: at(5), team: 'sales' });
        const expectFound = async (one: Ledger): Promise<void> => {
          expect(await one.findByUpstreamId('resp_1', 'research')).toEqual(research);
          expect(await one.findByUpstreamId('resp_1', 'sales')).toEqual(sales);
          expect(await one.findByUpstreamId('resp_1', null)).toEqual(sales);
          expect(await one.findByUpstreamId('resp_1', 'ops')).toBeNull();
          expect(await one.findByUpstreamId('resp_2', null)).toBeNull();
        };
        await Promise.all([ledger.finish(sales), ledger.finish(research)]);
        await expectFound(ledger);
        const again = await reopen();
        await expectFound(again.ledger);
      });

      it('knows only Responses objects: ids of other endpoints are not unique', async () => {
        await ledger.finish(callRecord({ upstream_id: 'chatcmpl-1' }));
        expect(await ledger.findByUpstreamId('chatcmpl-1', null)).toBeNull();
      });

      it('gives the record as it is when it has ended', async () => {
        const queued = response({ ending: 'queued', usage: null });
        await ledger.finish(queued);
        expect(await ledger.findByUpstreamId('resp_1', 'research')).toEqual(queued);
        const ended = response({ id: queued.id });
        await ledger.finish(ended);
        expect(await ledger.findByUpstreamId('resp_1', 'research')).toEqual(ended);
      });
    });

    describe('reading records', () => {
      it('gives them newest first, in pages', async () => {
        const records = Array.from({ length: 7 }, (_, second) => callRecord({ started_at: at(second) }));
        await Promise.all(records.map((record) => ledger.finish(record)));
        const first = await reader.records(ALL, { limit: 4, beforeId: null });
        const second = await reader.records(ALL, { limit: 4, beforeId: first.at(-1)?.id ?? null });
        expect([...first, ...second]).toEqual(records.toReversed());
        expect(second).toHaveLength(3);
      });

      it('gives those that are asked for', async () => {
        await ledger.finish(callRecord({ started_at: at(0), key_id: 'laptop' }));
        await ledger.finish(callRecord({ started_at: at(1), run_id: 'other' }));
        await ledger.finish(callRecord({ started_at: at(2), session_id: 'session-1' }));
        await ledger.finish(callRecord({ started_at: at(3), response_model: null, request_model: 'gpt-9' }));
        await ledger.finish(callRecord({ started_at: at(4), ending: 'timed_out', usage: null }));
        await ledger.finish(callRecord({ started_at: at(5), team: 'sales' }));
        ledger.open(openCallRecord({ started_at: at(6), team: 'ops' }));
        await ledger.finish(callRecord({ started_at: at(7), team: 'ops', ending: 'queued', usage: null }));
        const seconds = async (filter: Partial<RecordFilter>): Promise<number[]> => {
          const found = await reader.records({ ...ALL, ...filter }, { limit: 100, beforeId: null });
          return found.map((record) => (Date.parse(record.started_at) - CALL_STARTED_MS) / 1_000);
        };
        expect(await seconds({ keyId: 'laptop' })).toEqual([0]);
        expect(await seconds({ runId: 'other' })).toEqual([1]);
        expect(await seconds({ sessionId: 'session-1' })).toEqual([2]);
        expect(await seconds({ model: 'gpt-9' })).toEqual([3]);
        expect(await seconds({ ending: 'timed_out' })).toEqual([4]);
        expect(await seconds({ ending: 'in_flight' })).toEqual([6]);
        expect(await seconds({ ending: 'queued', team: 'ops' })).toEqual([7]);
        expect(await seconds({ ending: 'queued', team: 'sales' })).toEqual([]);
        expect(await seconds({ team: 'sales' })).toEqual([5]);
        expect(await seconds({ startMs: CALL_STARTED_MS + 1_000, endMs: CALL_STARTED_MS + 3_000 })).toEqual([2, 1]);
      });

      it('never shows a record to another team', async () => {
        const record = callRecord();
        await ledger.finish(record);
        expect(await reader.record(record.id, 'sales')).toBeNull();
        expect(await reader.recordsOfRun({ team: 'sales', runId: 'nightly-42' })).toEqual([]);
        expect(await reader.sumsOfRun({ team: 'sales', runId: 'nightly-42' })).toEqual([]);
        expect(await reader.run({ team: 'sales', runId: 'nightly-42' })).toBeNull();
      });
    });

    describe('reading records in the order in which they ended', () => {
      const readAll = async (filter: Partial<RecordFilter>, after: number, limit: number): Promise<string[]> => {
        const through = await reader.lastSettlement();
        const ids: string[] = [];
        let at = after;
        while (at < through) {
          const page = await reader.settledEntries({ ...ALL, ...filter }, { after: at, through, limit });
          expect(page.entries.length).toBeLessThanOrEqual(limit);
          expect(page.readThrough).toBeGreaterThan(at);
          ids.push(...page.entries.map((entry) => (entry.kind === 'call' ? entry.record.id : entry.correction.id)));
          at = page.readThrough;
        }
        return ids;
      };

      it('gives each call that has ended once, whatever the page, and no open one', async () => {
        const records = Array.from({ length: 5 }, (_, second) => callRecord({ started_at: at(second) }));
        for (const record of records) ledger.open(openCallRecord({ id: record.id, started_at: record.started_at }));
        ledger.open(openCallRecord({ started_at: at(9) }));
        const order = [3, 0, 4, 1, 2].map((index) => records[index]).filter((record) => record !== undefined);
        for (const record of order) await ledger.finish(record);
        const ids = order.map((record) => record.id);
        for (const limit of [1, 2, 5, 100]) expect(await readAll({}, 0, limit)).toEqual(ids);
      });

      it('goes on after any record, and shows a call that begins first and ends last', async () => {
        const [early, late] = [callRecord({ started_at: at(0) }), callRecord({ started_at: at(1) })];
        ledger.open(openCallRecord({ id: early.id, started_at: early.started_at }));
        await ledger.finish(late);
        const seen = await reader.lastSettlement();
        expect(await readAll({}, 0, 10)).toEqual([late.id]);
        await ledger.finish(early);
        expect(await readAll({}, seen, 10)).toEqual([early.id]);
        expect(await reader.settlementOf(ALL, late.id)).toBe(seen);
      });

      it('counts a queued response when it has ended, and nothing twice', async () => {
        const record = callRecord();
        await ledger.finish({ ...record, ending: 'queued', usage: null });
        expect(await reader.settlementOf(ALL, record.id)).toBeNull();
        await ledger.finish(record);
        const settlement = await reader.settlementOf(ALL, record.id);
        await ledger.finish(record);
        expect(await reader.settlementOf(ALL, record.id)).toBe(settlement);
        expect(await readAll({}, 0, 10)).toEqual([record.id]);
      });

      it('keeps to its filter', async () => {
        const mine = callRecord({ started_at: at(0), run_id: 'other' });
        const theirs = callRecord({ started_at: at(5), team: 'sales' });
        await ledger.finish(mine);
        await ledger.finish(theirs);
        expect(await readAll({ team: 'research' }, 0, 10)).toEqual([mine.id]);
        expect(await readAll({ runId: 'other' }, 0, 10)).toEqual([mine.id]);
        expect(await readAll({ startMs: CALL_STARTED_MS + 5_000 }, 0, 10)).toEqual([theirs.id]);
        expect(await readAll({ endMs: CALL_STARTED_MS + 5_000 }, 0, 10)).toEqual([mine.id]);
        expect(await reader.settlementOf({ ...ALL, team: 'research' }, theirs.id)).toBeNull();
        expect(await reader.settlementOf(ALL, 'unknown')).toBeNull();
      });
    });

    describe('reading runs and sessions', () => {
      it('adds up a run by key, upstream, model, agent and source', async () => {
        await ledger.finish(callRecord({ started_at: at(0) }));
        await ledger.finish(callRecord({ started_at: at(86_400) }));
        await ledger.finish(callRecord({ started_at: at(1), agent: 'writer', usage_source: 'estimated' }));
        await ledger.finish(callRecord({ started_at: at(2), agent: null, ending: 'upstream_error', usage: null }));
        const sums = await reader.sumsOfRun(RUN);
        expect(sums).toMatchObject([
          { agent: 'planner', usage_source: 'reported', records: 2, total_tokens: 3_000, first_at: at(0) },
          { agent: 'writer', usage_source: 'estimated', records: 1, estimated: 1, total_tokens: 1_500 },
          { agent: null, usage_source: 'missing', records: 1, failed: 1, requests: 0, total_tokens: 0 },
        ]);
        expect(sums[0]?.last_at).toBe(new Date(Date.parse(at(86_400)) + 2_150).toISOString());
      });

      it('adds up a session by run, with the calls of no run', async () => {
        await ledger.finish(callRecord({ started_at: at(0), session_id: 'session-1', run_id: 'a' }));
        await ledger.finish(callRecord({ started_at: at(1), session_id: 'session-1', run_id: null }));
        await ledger.finish(callRecord({ started_at: at(2), session_id: 'session-1', run_id: 'a', team: 'sales' }));
        await ledger.finish(callRecord({ started_at: at(3), session_id: null, run_id: 'a' }));
        const runs = async (team: string | null): Promise<unknown[]> =>
          (await reader.sumsOfSession(team, 'session-1')).map((sum) => [sum.team, sum.run_id, sum.records]);
        expect(await runs('research')).toEqual([
          ['research', 'a', 1],
          ['research', null, 1],
        ]);
        expect(await runs(null)).toEqual([
          ['research', 'a', 1],
          ['research', null, 1],
          ['sales', 'a', 1],
        ]);
      });

      it('knows the teams of a run id', async () => {
        await ledger.finish(callRecord());
        await ledger.finish(callRecord({ team: 'sales' }));
        await ledger.finish(callRecord({ team: 'ops', run_id: 'other' }));
        expect(await reader.teamsOfRun('nightly-42')).toEqual(['research', 'sales']);
        expect(await reader.teamsOfRun('unknown')).toEqual([]);
      });

      it('keeps what was declared of a run, and changes only what is given', async () => {
        const limits = [{ requests: 5, per: 'run' }];
        await reader.declareRun(RUN, { parentRunId: 'parent', labels: { a: 'b' }, limits }, ADMIN);
        await ledger.finish(callRecord({ parent_run_id: 'other', session_id: 'session-1' }));
        expect(await reader.run(RUN)).toMatchObject({
          parent_run_id: 'parent',
          session_id: 'session-1',
          labels: { a: 'b' },
          limits,
          cost_nano_usd: 2_345_600n,
        });
        expect(await reader.declareRun(RUN, { labels: {} }, ADMIN)).toMatchObject({
          parent_run_id: 'parent',
          labels: {},
          limits,
        });
        expect(await reader.declareRun(RUN, { parentRunId: null }, ADMIN)).toMatchObject({ parent_run_id: null });
        await expect(reader.declareRun(RUN, { parentRunId: RUN.runId }, ADMIN)).rejects.toMatchObject({
          code: 'invalid_parameter',
        });
      });

      it('knows whether any run has limits of its own', async () => {
        await reader.declareRun(RUN, { labels: { a: 'b' } }, ADMIN);
        expect(await reader.hasRunLimits()).toBe(false);
        await reader.declareRun(RUN, { limits: [{ requests: 5 }] }, ADMIN);
        expect(await reader.hasRunLimits()).toBe(true);
        await reader.declareRun(RUN, { limits: [] }, ADMIN);
        expect(await reader.hasRunLimits()).toBe(false);
      });

      it('finds the children of a run', async () => {
        await ledger.finish(callRecord({ run_id: 'child-b', parent_run_id: 'nightly-42' }));
        await reader.declareRun({ team: 'research', runId: 'child-a' }, { parentRunId: 'nightly-42' }, ADMIN);
        await ledger.finish(callRecord({ run_id: 'child-c', parent_run_id: 'nightly-42', team: 'sales' }));
        expect((await reader.childrenOf(RUN)).map((run) => run.run_id)).toEqual(['child-a', 'child-b']);
      });
    });

    it('adds up usage by bucket and dimension', async () => {
      await ledger.finish(callRecord({ started_at: '2026-11-22T23:59:59.999Z' }));
      await ledger.finish(callRecord({ started_at: '2026-11-23T00:00:00.000Z', key_id: 'laptop' }));
      await ledger.finish(callRecord({ started_at: '2026-11-23T05:00:00.000Z', usage_source: 'estimated' }));
      const rows = await reader.usage({
        startMs: Date.parse('2026-11-22T00:00:00Z'),
        endMs: Date.parse('2026-11-24T00:00:00Z'),
        bucket: '1d',
        groupBy: ['key_id'],
        filters: { team: ['research'] },
        includeEstimated: false,
      });
      const day = (date: string): number => Date.parse(`${date}T00:00:00Z`);
      expect(rows).toMatchObject([
        { bucketStartMs: day('2026-11-22'), dimensions: { key_id: 'ci' }, records: 1, total_tokens: 1_500 },
        { bucketStartMs: day('2026-11-23'), dimensions: { key_id: 'ci' }, records: 1, estimated: 1, total_tokens: 0 },
        { bucketStartMs: day('2026-11-23'), dimensions: { key_id: 'laptop' }, records: 1, total_tokens: 1_500 },
      ]);
    });
  });
}
