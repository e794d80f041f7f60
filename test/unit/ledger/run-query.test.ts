import { describe, expect, it } from 'vitest';
import type { Journal } from '../../../src/ledger/journal.ts';
import type { RunCursor, RunFilter, RunRow } from '../../../src/ledger/ledger-reader.ts';
import { ADMIN } from '../../support/authors.ts';
import { CALL_STARTED_MS, callRecord } from '../../support/call-record.ts';
import { openTestJournal } from '../../support/test-journal.ts';

const ALL: RunFilter = { team: null, sessionId: null, startMs: null, endMs: null, order: '-last_activity_at' };
const at = (second: number): string => new Date(CALL_STARTED_MS + second * 1_000).toISOString();
const names = (runs: readonly RunRow[]): string[] => runs.map((run) => `${run.team}/${run.run_id}`);

/** Twelve runs of three teams; every fourth has the same cost and the same time as others. */
async function openWithRuns(): Promise<Journal> {
  const journal = await openTestJournal();
  const finishes = [];
  for (let n = 0; n < 12; n++) {
    const startedAt = at(Math.floor(n / 2));
    finishes.push(
      journal.finish(
        callRecord({
          team: ['research', 'sales', 'ops'][n % 3] ?? '',
          run_id: `run-${n}`,
          session_id: n % 2 === 0 ? 'even' : 'odd',
          parent_run_id: n >= 9 ? `run-${n - 9}` : null,
          started_at: startedAt,
          ended_at: startedAt,
          cost_nano_usd: (n % 4) * 1_000_000,
        }),
      ),
    );
  }
  await Promise.all(finishes);
  return journal;
}

async function readPages(journal: Journal, filter: RunFilter, limit: number): Promise<RunRow[]> {
  const rows: RunRow[] = [];
  let after: RunCursor | null = null;
  for (;;) {
    const page: RunRow[] = await journal.reader.runs(filter, { limit, after });
    rows.push(...page);
    const last = page.at(-1);
    if (last === undefined) return rows;
    const value = filter.order === '-cost' ? String(last.cost_nano_usd) : last.last_activity_at;
    after = { value, team: last.team, runId: last.run_id };
  }
}

describe('the list of runs', () => {
  it('is the same in pages of any size, in both orders, over all teams and in one', async () => {
    const journal = await openWithRuns();
    for (const order of ['-cost', '-last_activity_at'] as const) {
      for (const team of [null, 'sales']) {
        const filter = { ...ALL, order, team };
        const whole = await journal.reader.runs(filter, { limit: 100, after: null });
        expect(whole).toHaveLength(team === null ? 12 : 4);
        for (const limit of [1, 2, 3, 5]) expect(await readPages(journal, filter, limit)).toEqual(whole);
      }
    }
  });

  it('has the highest first', async () => {
    const journal = await openWithRuns();
    const byCost = await journal.reader.runs({ ...ALL, order: '-cost' }, { limit: 3, after: null });
    expect(byCost.map((run) => run.cost_nano_usd)).toEqual([3_000_000n, 3_000_000n, 3_000_000n]);
    const byTime = await journal.reader.runs(ALL, { limit: 3, after: null });
    expect(byTime.map((run) => run.last_activity_at)).toEqual([at(5), at(5), at(4)]);
  });

  it('goes on from dear runs to cheap ones, in pages of any size, over all teams and in one', async () => {
    const journal = await openTestJournal();
    const costs = [0, 99_999_999, 100_000_000, 100_000_001, 2_000_000_000, 3, 100_000_000, 40];
    const records = costs.map((cost_nano_usd, n) =>
      callRecord({ team: n % 3 === 0 ? 'sales' : 'research', run_id: `run-${n}`, cost_nano_usd }),
    );
    await Promise.all(records.map((record) => journal.finish(record)));
    for (const team of [null, 'sales', 'research']) {
      const filter = { ...ALL, order: '-cost', team } as const;
      const ofTeam = records.filter((record) => team === null || record.team === team);
      const highest = ofTeam.map((record) => BigInt(record.cost_nano_usd ?? 0)).sort((a, b) => (a > b ? -1 : 1));
      for (const limit of [1, 2, 3, 5, 100]) {
        const pages = await readPages(journal, filter, limit);
        expect(pages.map((run) => run.cost_nano_usd)).toEqual(highest);
        expect(new Set(names(pages)).size).toBe(ofTeam.length);
      }
    }
  });

  it('holds what is asked for', async () => {
    const journal = await openWithRuns();
    const list = async (filter: Partial<RunFilter>): Promise<string[]> =>
      names(await journal.reader.runs({ ...ALL, ...filter }, { limit: 100, after: null })).toSorted();
    expect(await list({ sessionId: 'odd', team: 'sales' })).toEqual(['sales/run-1', 'sales/run-7']);
    expect(await list({ startMs: CALL_STARTED_MS + 5_000 })).toEqual(['ops/run-11', 'sales/run-10']);
    expect(await list({ endMs: CALL_STARTED_MS + 1_000 })).toEqual(['research/run-0', 'sales/run-1']);
    expect(await list({ team: 'nobody' })).toEqual([]);
  });
});

describe('a run', () => {
  it('has children within its team only', async () => {
    const journal = await openWithRuns();
    expect(names(await journal.reader.childrenOf({ team: 'research', runId: 'run-0' }))).toEqual(['research/run-9']);
    expect(await journal.reader.childrenOf({ team: 'sales', runId: 'run-0' })).toEqual([]);
  });

  it('keeps its first parent and its last session', async () => {
    const journal = await openTestJournal();
    await journal.finish(callRecord({ parent_run_id: null, session_id: 'one' }));
    await journal.finish(callRecord({ parent_run_id: 'a', session_id: 'two' }));
    await journal.finish(callRecord({ parent_run_id: 'b', session_id: null }));
    await journal.finish(callRecord({ run_id: 'own', parent_run_id: 'own' }));
    expect(await journal.reader.run({ team: 'research', runId: 'nightly-42' })).toMatchObject({
      parent_run_id: 'a',
      session_id: 'two',
    });
    expect(await journal.reader.run({ team: 'research', runId: 'own' })).toMatchObject({ parent_run_id: null });
  });

  it('has the parent that a later call names, where one before it names the run itself', async () => {
    const journal = await openTestJournal();
    const named = ['own', 'a'].map((parent) => callRecord({ run_id: 'own', parent_run_id: parent }));
    await Promise.all(named.map((record) => journal.finish(record)));
    expect(await journal.reader.run({ team: 'research', runId: 'own' })).toMatchObject({ parent_run_id: 'a' });
  });

  it('names its session in its sums only where all its calls are of one', async () => {
    const journal = await openTestJournal();
    const run = { team: 'research', runId: 'nightly-42' };
    await journal.finish(callRecord({ session_id: 'one' }));
    expect(await journal.reader.sumsOfRun(run)).toMatchObject([{ session_id: 'one', records: 1 }]);
    await journal.finish(callRecord({ session_id: 'two' }));
    expect(await journal.reader.sumsOfRun(run)).toMatchObject([{ session_id: null, records: 2 }]);
  });

  it('begins with its first call, not with its declaration', async () => {
    const nowMs = CALL_STARTED_MS - 3_600_000;
    const journal = await openTestJournal({ clock: { nowMs: () => nowMs, monotonicMs: () => performance.now() } });
    const run = { team: 'research', runId: 'nightly-42' };
    const declared = await journal.reader.declareRun(run, { labels: { a: 'b' } }, ADMIN);
    expect(declared).toMatchObject({ started_at: new Date(nowMs).toISOString(), in_flight: 0, cost_nano_usd: 0n });
    await journal.finish(callRecord());
    expect(await journal.reader.run(run)).toMatchObject({ started_at: at(0), labels: { a: 'b' } });
  });
});
